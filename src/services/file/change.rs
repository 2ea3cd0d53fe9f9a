use std::path::PathBuf;

use super::{
    atomic::{Replacement, remove, remove_empty, write_new},
    failures::{FileResult, concurrent},
    history::FileHistory,
    location::{FileLocation, read},
    record::checksum,
};

/// A change made to a file, with all that is needed to revert it.
#[derive(Debug)]
pub(super) struct FileChange {
    pub place: FileLocation,
    /// What was done: `create`, `update`, ….
    pub operation: &'static str,
    pub before: FileHistory,
    /// The file's bytes before.
    pub bytes: Option<Vec<u8>>,
    /// The backups that went with it, by number.
    pub given_up: Vec<(u32, Vec<u8>)>,
    /// The folders made for it, outermost first.
    pub folders: Vec<PathBuf>,
    /// The history's stamp and the checksum of the file's bytes after.
    pub after: (u64, Option<String>),
}

impl FileChange {
    /// Whether there was no file before.
    pub fn created(&self) -> bool {
        self.bytes.is_none()
    }

    /// Brings back on disk what was there before; `now` is what is known of the path.
    ///
    /// The faults that a scenario gives the disk do not strike here: they are about what a workflow
    /// does, and an undo that is to fail is scripted as any other call.
    ///
    /// # Errors
    ///
    /// `CONCURRENT_MODIFICATION` if the file is not as the deed left it, and what the disk fails
    /// with; nothing is lost then.
    pub fn take_back(&self, now: &FileHistory) -> FileResult<()> {
        let place = &self.place;
        let target = place.target();
        let found = read(&target)?.as_deref().map(checksum);
        let (stamp, left) = &self.after;
        if now.stamp != *stamp || found != *left {
            let is = match &now.record {
                Some(record) => format!("is at version {}", record.metadata.version),
                None => "is gone".to_owned(),
            };
            let message = format!(
                "{} was changed by another since its {}, and {is}",
                place.path, self.operation
            );
            return Err(concurrent(message));
        }
        for (number, bytes) in &self.given_up {
            write_new(&place.backup(*number), bytes)?;
        }
        let brought_back = match (&self.before.record, &self.bytes) {
            (Some(record), Some(bytes)) => Replacement {
                place,
                bytes,
                permissions: record.metadata.permissions,
                backup: None,
            }
            .run(|_| Ok(()), |_| Ok(()))
            .map(|_| ()),
            _ => remove(&target),
        };
        if let Err(failure) = brought_back {
            for (number, _) in &self.given_up {
                let _ = remove(&place.backup(*number));
            }
            return Err(failure);
        }
        for number in self.backups_made(now) {
            // A backup that stays costs room, but loses nothing.
            let _ = remove(&place.backup(number));
        }
        remove_empty(&self.folders);
        Ok(())
    }

    /// The numbers of the backups made by the deed, of those that there are.
    fn backups_made<'a>(&'a self, now: &'a FileHistory) -> impl Iterator<Item = u32> + 'a {
        let numbers = now.backups.iter().map(|backup| backup.number);
        numbers.filter(|number| *number > self.before.last_backup)
    }
}

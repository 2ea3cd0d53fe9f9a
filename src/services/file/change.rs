use std::path::PathBuf;

use super::{
    atomic::{Replacement, remove, remove_empty, write_new},
    failures::{FileResult, concurrent},
    location::{FileLocation, read},
    record::{FileHistory, checksum},
};

/// A change of a file, with all that is needed to revert it.
#[derive(Debug)]
pub(super) struct FileChange {
    pub place: FileLocation,
    /// `create`, `update`, ….
    pub operation: &'static str,
    pub before: FileHistory,
    /// The file's bytes before.
    pub bytes: Option<Vec<u8>>,
    /// The backups that it removed, by number.
    pub removed_backups: Vec<(u32, Vec<u8>)>,
    /// The folders that it created, outermost first.
    pub folders: Vec<PathBuf>,
    /// The history's stamp and the checksum of the file's bytes after.
    pub after: (u64, Option<String>),
}

impl FileChange {
    /// Whether there was no file before.
    pub fn created(&self) -> bool {
        self.bytes.is_none()
    }

    /// Restores on disk what was there before; `now` is the history of the path.
    ///
    /// Scripted disk faults do not apply here: they are for what a workflow does, and a failing undo is
    /// scripted like any other call.
    ///
    /// # Errors
    ///
    /// `CONCURRENT_MODIFICATION` if the file has changed since, or what the disk fails with; nothing is
    /// lost then.
    pub fn revert(&self, now: &FileHistory) -> FileResult<()> {
        let place = &self.place;
        let target = place.target();
        let found = read(&target)?.as_deref().map(checksum);
        let (stamp, left) = &self.after;
        if now.stamp != *stamp || found != *left {
            let is = match &now.record {
                Some(record) => format!("is at version {}", record.metadata.version),
                None => "no longer exists".to_owned(),
            };
            let message = format!(
                "{} was changed by someone else since its {}, and {is}",
                place.path, self.operation
            );
            return Err(concurrent(message));
        }
        for (number, bytes) in &self.removed_backups {
            write_new(&place.backup(*number), bytes)?;
        }
        let restored = match (&self.before.record, &self.bytes) {
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
        if let Err(failure) = restored {
            for (number, _) in &self.removed_backups {
                let _ = remove(&place.backup(*number));
            }
            return Err(failure);
        }
        for number in self.created_backups(now) {
            // A backup that stays only costs space.
            let _ = remove(&place.backup(number));
        }
        remove_empty(&self.folders);
        Ok(())
    }

    /// The numbers of the backups that it created and that still exist.
    fn created_backups<'a>(&'a self, now: &'a FileHistory) -> impl Iterator<Item = u32> + 'a {
        let numbers = now.backups.iter().map(|backup| backup.number);
        numbers.filter(|number| *number > self.before.last_backup)
    }
}

use super::{
    failures::FileResult,
    location::{FileLocation, read},
    record::{Backup, FileRecord, checksum},
};

/// What is known of one path: the file, if there is one, and its backups.
#[derive(Clone, Debug, Default)]
pub(super) struct FileHistory {
    pub record: Option<FileRecord>,
    /// Oldest first.
    pub backups: Vec<Backup>,
    /// The number of the backup made last.
    pub last_backup: u32,
    /// Tells this state from any other, also from one with the same bytes; 0 before the first deed.
    pub stamp: u64,
}

impl FileHistory {
    /// The newest backup whose bytes are those that it was made of, and its bytes.
    ///
    /// # Errors
    ///
    /// If a backup cannot be read.
    pub fn newest_intact(
        &self,
        place: &FileLocation,
        wanted: impl Fn(&Backup) -> bool,
    ) -> FileResult<Option<(&Backup, Vec<u8>)>> {
        for backup in self.backups.iter().rev().filter(|backup| wanted(backup)) {
            if let Some(bytes) = read(&place.backup(backup.number))?
                && checksum(&bytes) == backup.metadata.checksum
            {
                return Ok(Some((backup, bytes)));
            }
        }
        Ok(None)
    }
}

//! One change of a file in progress: new content, its backup, expired backups.

use std::time::Duration;

use super::{
    atomic::{Replacement, remove},
    change::FileChange,
    content::{Content, ContentCheck},
    definition::FilesDefinition,
    failures::FileResult,
    location::{FileLocation, read},
    path::FilePath,
    record::{Backup, FileHistory, FileMetadata, FileRecord, Permissions, checksum},
    state::FilesState,
};
use crate::domain::CallName;

/// One change of a file in progress.
pub(super) struct FileTransaction<'a> {
    pub state: &'a mut FilesState,
    pub call: &'a CallName,
    pub policy: &'a FilesDefinition,
    pub now: Duration,
}

/// The result of a command.
pub(super) struct CommandOutcome {
    /// `None` if nothing had to change.
    pub change: Option<FileChange>,
    pub path: FilePath,
    /// The file's metadata now, or before it was deleted.
    pub metadata: FileMetadata,
    pub backup_created: bool,
    /// The backup that was restored.
    pub restored: Option<Backup>,
}

/// A new content of a file.
pub(super) struct NewContent<'a> {
    pub operation: &'static str,
    pub content: Content,
    pub check: &'a ContentCheck,
    /// By default the file's.
    pub permissions: Option<Permissions>,
    pub backup: bool,
    /// The metadata of the version that it restores.
    pub restores: Option<&'a FileMetadata>,
}

impl FileTransaction<'_> {
    /// Replaces the content of a file, or creates it.
    ///
    /// # Errors
    ///
    /// As for [`Replacement::run`].
    pub fn put(&mut self, place: FileLocation, put: &NewContent<'_>) -> FileResult<CommandOutcome> {
        let before = self.state.history(&place.path);
        let bytes = match before.record {
            Some(_) => read(&place.target())?,
            None => None,
        };
        let old = before.record.as_ref().map(|record| &record.metadata);
        let old = old.filter(|_| bytes.is_some());
        let last = old.into_iter().chain(put.restores);
        let new = &put.content.bytes;
        let metadata = FileMetadata {
            size: new.len() as u64,
            created_at: last
                .clone()
                .map(|last| last.created_at)
                .min()
                .unwrap_or(self.now),
            modified_at: self.now,
            permissions: put
                .permissions
                .or(old.map(|old| old.permissions))
                .unwrap_or_default(),
            checksum: checksum(new),
            version: last
                .map(|last| last.version)
                .max()
                .unwrap_or(0)
                .saturating_add(1),
        };
        let mut history = FileHistory {
            record: Some(FileRecord {
                metadata: metadata.clone(),
                form: put.content.form,
            }),
            ..before.clone()
        };
        let backs_up = put.backup && bytes.is_some();
        let backup = self.back_up(
            &mut history,
            &before,
            bytes.as_deref(),
            backs_up,
            put.operation,
        );
        let folders = Replacement {
            place: &place,
            bytes: new,
            permissions: metadata.permissions,
            backup,
        }
        .run(self.state.disk.fault_injector(self.call), |written| {
            put.check.run(written)
        })?;
        let removed_backups = self.remove_expired_backups(&place, &mut history, backs_up);
        let path = place.path.clone();
        let change = FileChange {
            operation: put.operation,
            before,
            bytes,
            removed_backups,
            folders,
            after: (
                self.state.set(&path, history),
                Some(metadata.checksum.clone()),
            ),
            place,
        };
        Ok(CommandOutcome {
            change: Some(change),
            path,
            metadata,
            backup_created: backs_up,
            restored: None,
        })
    }

    /// Adds a backup to a history; returns its number and bytes, for the backup to be written.
    pub fn back_up<'b>(
        &self,
        history: &mut FileHistory,
        before: &FileHistory,
        bytes: Option<&'b [u8]>,
        backs_up: bool,
        reason: &'static str,
    ) -> Option<(u32, &'b [u8])> {
        let (record, bytes) = (before.record.as_ref()?, bytes?);
        if !backs_up {
            return None;
        }
        history.last_backup += 1;
        history.backups.push(Backup {
            number: history.last_backup,
            made_at: self.now,
            metadata: record.metadata.clone(),
            form: record.form,
            reason,
            retention_days: self.policy.retention_days,
        });
        Some((history.last_backup, bytes))
    }

    /// Removes expired backups if a new one was created.
    pub fn remove_expired_backups(
        &self,
        place: &FileLocation,
        history: &mut FileHistory,
        backed_up: bool,
    ) -> Vec<(u32, Vec<u8>)> {
        if !backed_up {
            return Vec::new();
        }
        remove_backups(place, history, |backup, newest| {
            !newest && (!self.policy.versions || backup.expired(self.now))
        })
    }
}

/// Removes backups; those that cannot be removed stay in the history.
pub(super) fn remove_backups(
    place: &FileLocation,
    history: &mut FileHistory,
    old: impl Fn(&Backup, bool) -> bool,
) -> Vec<(u32, Vec<u8>)> {
    let newest = history.last_backup;
    let mut removed_backups = Vec::new();
    history.backups.retain(|backup| {
        if !old(backup, backup.number == newest) {
            return true;
        }
        let path = place.backup(backup.number);
        let Ok(bytes) = read(&path) else { return true };
        if remove(&path).is_err() {
            return true;
        }
        removed_backups.extend(bytes.map(|bytes| (backup.number, bytes)));
        false
    });
    removed_backups
}

use std::time::Duration;

use super::{
    atomic::{Removal, Replacement, remove, set_permissions},
    change::Change,
    content::{Check, Content},
    definition::FilesDefinition,
    disk_faults::Stage,
    failures::{FileResult, PATH, refused},
    path::FilePath,
    place::{Place, read},
    record::{Backup, FileMetadata, Permissions, Record, checksum},
    request::{Command, Create, Delete, OneFile, Permit, Restore, Update},
    shelf::Shelf,
    state::{State, check_integrity},
};
use crate::domain::{CallName, Failure, code};

/// One change of a file, from what is asked for to what was done.
pub(super) struct Desk<'a> {
    pub state: &'a mut State,
    pub call: &'a CallName,
    pub policy: &'a FilesDefinition,
    pub now: Duration,
}

/// What a command came to.
pub(super) struct Done {
    /// `None` where nothing had to be changed.
    pub change: Option<Change>,
    pub path: FilePath,
    /// The file as it is now; as it was, where it is gone.
    pub metadata: FileMetadata,
    pub backup_created: bool,
    /// The backup that was restored.
    pub restored: Option<Backup>,
}

/// A content that is to take a file's place.
struct Put<'a> {
    operation: &'static str,
    content: Content,
    check: &'a Check,
    /// Those of the file unless given.
    permissions: Option<Permissions>,
    backup: bool,
    /// What was restored, of which the file is the continuation.
    of: Option<&'a FileMetadata>,
}

impl Desk<'_> {
    /// Does what is asked, or changes nothing.
    ///
    /// # Errors
    ///
    /// What is wrong with the command, or with the disk.
    pub fn run(&mut self, command: &Command) -> FileResult<Done> {
        match command {
            Command::Create(create) => self.create(create),
            Command::Update(update) => self.update(update),
            Command::Delete(delete) => self.delete(delete),
            Command::Restore(restore) => self.restore(restore),
            Command::Permit(permit) => self.permit(permit),
            Command::Repair(one) => self.repair(one),
        }
    }

    fn create(&mut self, create: &Create) -> FileResult<Done> {
        let check = Check::read(create.validate_content.as_ref())?;
        let place = self.state.place(&create.path)?;
        if self.state.is_there(&place) {
            if !create.overwrite_existing {
                let message = format!("the file {:?} exists already", place.path.as_str());
                return Err(refused(code::FILE_ALREADY_EXISTS, PATH, message));
            }
        } else {
            self.state.refuse_foreign(&place)?;
        }
        self.state.check_version(&place, create.version)?;
        let put = Put {
            operation: "create",
            content: Content::of(&create.content),
            check: &check,
            permissions: create.permissions,
            backup: create.create_backup.unwrap_or(self.policy.backups),
            of: None,
        };
        self.put(place, &put)
    }

    fn update(&mut self, update: &Update) -> FileResult<Done> {
        let check = Check::read(update.validate_content.as_ref())?;
        let (place, _) = self.state.present(&update.path)?;
        self.state.check_version(&place, update.version)?;
        let put = Put {
            operation: "update",
            content: Content::of(&update.content),
            check: &check,
            permissions: update.permissions,
            backup: update.create_backup.unwrap_or(self.policy.backups),
            of: None,
        };
        self.put(place, &put)
    }

    fn restore(&mut self, restore: &Restore) -> FileResult<Done> {
        let place = self.state.place(&restore.path)?;
        let shelf = self.state.shelf(&place.path);
        if shelf.record.is_none() && shelf.backups.is_empty() {
            return Err(self.state.not_found(&place.path));
        }
        if !self.state.is_there(&place) {
            self.state.refuse_foreign(&place)?;
        }
        let wanted = |backup: &Backup| {
            let version = restore.version;
            version.is_none_or(|version| backup.metadata.version == version)
        };
        let Some((backup, bytes)) = shelf.newest_intact(&place, wanted)? else {
            let corrupt = shelf.backups.iter().any(wanted);
            return Err(no_backup(&place, &shelf, restore.version, corrupt));
        };
        let put = Put {
            operation: "restore",
            content: Content {
                bytes,
                form: backup.form,
            },
            check: &Check::Nothing,
            permissions: Some(backup.metadata.permissions),
            backup: self.policy.backups,
            of: Some(&backup.metadata),
        };
        let mut done = self.put(place, &put)?;
        done.restored = Some(backup.clone());
        Ok(done)
    }

    /// Restores the file if it is corrupt.
    fn repair(&mut self, one: &OneFile) -> FileResult<Done> {
        let (place, record) = self.state.recorded(&one.path)?;
        let Err(mut corrupt) = check_integrity(&place, &record) else {
            return Ok(Done {
                change: None,
                path: place.path,
                metadata: record.metadata,
                backup_created: false,
                restored: None,
            });
        };
        let shelf = self.state.shelf(&place.path);
        let Some((backup, bytes)) = shelf.newest_intact(&place, |_| true)? else {
            corrupt.message += "; it has no intact backup";
            return Err(corrupt);
        };
        let put = Put {
            operation: "restore",
            content: Content {
                bytes,
                form: backup.form,
            },
            check: &Check::Nothing,
            permissions: None,
            backup: false,
            of: Some(&backup.metadata),
        };
        let mut done = self.put(place, &put)?;
        done.restored = Some(backup.clone());
        Ok(done)
    }

    fn delete(&mut self, delete: &Delete) -> FileResult<Done> {
        let (place, record) = self.state.present(&delete.path)?;
        self.state.check_version(&place, delete.version)?;
        let before = self.state.shelf(&place.path);
        let bytes = read(&place.target())?;
        let backs_up =
            delete.create_backup.unwrap_or(self.policy.backups) && !delete.remove_backups;
        let mut shelf = Shelf {
            record: None,
            ..before.clone()
        };
        let backup = self.back_up(&mut shelf, &before, bytes.as_deref(), backs_up, "delete");
        Removal {
            place: &place,
            backup,
        }
        .run(self.state.disk.striking(self.call))?;
        let given_up = if delete.remove_backups {
            give_up(&place, &mut shelf, |_, _| true)
        } else {
            self.give_up_old(&place, &mut shelf, backs_up)
        };
        let path = place.path.clone();
        let change = Change {
            operation: "delete",
            before,
            bytes,
            given_up,
            folders: Vec::new(),
            after: (self.state.set(&path, shelf), None),
            place,
        };
        Ok(Done {
            change: Some(change),
            path,
            metadata: record.metadata,
            backup_created: backs_up,
            restored: None,
        })
    }

    fn permit(&mut self, permit: &Permit) -> FileResult<Done> {
        let (place, mut record) = self.state.present(&permit.path)?;
        let before = self.state.shelf(&place.path);
        let bytes = read(&place.target())?;
        self.state.disk.strike(Stage::Commit, self.call)?;
        set_permissions(&place.target(), permit.permissions)?;
        record.metadata.permissions = permit.permissions;
        let shelf = Shelf {
            record: Some(record.clone()),
            ..before.clone()
        };
        let path = place.path.clone();
        let change = Change {
            operation: "permit",
            before,
            given_up: Vec::new(),
            folders: Vec::new(),
            after: (self.state.set(&path, shelf), bytes.as_deref().map(checksum)),
            bytes,
            place,
        };
        Ok(Done {
            change: Some(change),
            path,
            metadata: record.metadata,
            backup_created: false,
            restored: None,
        })
    }

    fn put(&mut self, place: Place, put: &Put<'_>) -> FileResult<Done> {
        let before = self.state.shelf(&place.path);
        let bytes = match before.record {
            Some(_) => read(&place.target())?,
            None => None,
        };
        let old = before.record.as_ref().map(|record| &record.metadata);
        let old = old.filter(|_| bytes.is_some());
        let last = old.into_iter().chain(put.of);
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
        let mut shelf = Shelf {
            record: Some(Record {
                metadata: metadata.clone(),
                form: put.content.form,
            }),
            ..before.clone()
        };
        let backs_up = put.backup && bytes.is_some();
        let backup = self.back_up(
            &mut shelf,
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
        .run(self.state.disk.striking(self.call), |written| {
            put.check.run(written)
        })?;
        let given_up = self.give_up_old(&place, &mut shelf, backs_up);
        let path = place.path.clone();
        let change = Change {
            operation: put.operation,
            before,
            bytes,
            given_up,
            folders,
            after: (
                self.state.set(&path, shelf),
                Some(metadata.checksum.clone()),
            ),
            place,
        };
        Ok(Done {
            change: Some(change),
            path,
            metadata,
            backup_created: backs_up,
            restored: None,
        })
    }

    /// Notes the backup that is to be made of a file; says its number and bytes.
    fn back_up<'b>(
        &self,
        shelf: &mut Shelf,
        before: &Shelf,
        bytes: Option<&'b [u8]>,
        backs_up: bool,
        reason: &'static str,
    ) -> Option<(u32, &'b [u8])> {
        let (record, bytes) = (before.record.as_ref()?, bytes?);
        if !backs_up {
            return None;
        }
        shelf.last_backup += 1;
        shelf.backups.push(Backup {
            number: shelf.last_backup,
            made_at: self.now,
            metadata: record.metadata.clone(),
            form: record.form,
            reason,
            retention_days: self.policy.retention_days,
        });
        Some((shelf.last_backup, bytes))
    }

    /// Gives up the backups whose time is over, now that there may be a new one.
    fn give_up_old(
        &self,
        place: &Place,
        shelf: &mut Shelf,
        backed_up: bool,
    ) -> Vec<(u32, Vec<u8>)> {
        if !backed_up {
            return Vec::new();
        }
        give_up(place, shelf, |backup, newest| {
            !newest && (!self.policy.versions || backup.expired(self.now))
        })
    }
}

/// Removes backups; those that cannot be removed stay known.
fn give_up(
    place: &Place,
    shelf: &mut Shelf,
    old: impl Fn(&Backup, bool) -> bool,
) -> Vec<(u32, Vec<u8>)> {
    let newest = shelf.last_backup;
    let mut given_up = Vec::new();
    shelf.backups.retain(|backup| {
        if !old(backup, backup.number == newest) {
            return true;
        }
        let path = place.backup(backup.number);
        let Ok(bytes) = read(&path) else { return true };
        if remove(&path).is_err() {
            return true;
        }
        given_up.extend(bytes.map(|bytes| (backup.number, bytes)));
        false
    });
    given_up
}

fn no_backup(place: &Place, shelf: &Shelf, version: Option<u32>, corrupt: bool) -> Box<Failure> {
    let path = place.path.as_str();
    if corrupt {
        let message = format!("no backup of {path:?} that could be restored is intact");
        return refused(code::CORRUPTION_DETECTED, PATH, message);
    }
    let versions: Vec<String> = shelf
        .backups
        .iter()
        .map(|backup| backup.metadata.version.to_string())
        .collect();
    let there_are = match versions.is_empty() {
        true => "there are none".to_owned(),
        false => format!("there are those of the versions {}", versions.join(", ")),
    };
    let (field, wanted) = match version {
        Some(version) => ("version", format!("the version {version} of ")),
        None => (PATH, String::new()),
    };
    let message = format!("no backup holds {wanted}{path:?}: {there_are}");
    refused(code::BACKUP_NOT_FOUND, field, message)
}

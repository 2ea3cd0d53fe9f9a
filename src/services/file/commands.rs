use super::{
    atomic::{Removal, set_permissions},
    change::FileChange,
    content::{Content, ContentCheck},
    disk_faults::DiskStage,
    failures::{FileResult, PATH, refused},
    location::{FileLocation, read},
    record::{Backup, FileHistory, checksum},
    request::{Create, Delete, FileCommand, OneFile, Permit, Restore, Update},
    state::check_integrity,
    transaction::{CommandOutcome, FileTransaction, NewContent, remove_backups},
};
use crate::domain::{Failure, code};

impl FileTransaction<'_> {
    /// Runs a command; if it fails, nothing has changed.
    ///
    /// # Errors
    ///
    /// What is wrong with the command, or with the disk.
    pub fn run(&mut self, command: &FileCommand) -> FileResult<CommandOutcome> {
        match command {
            FileCommand::Create(create) => self.create(create),
            FileCommand::Update(update) => self.update(update),
            FileCommand::Delete(delete) => self.delete(delete),
            FileCommand::Restore(restore) => self.restore(restore),
            FileCommand::Permit(permit) => self.permit(permit),
            FileCommand::Repair(one) => self.repair(one),
        }
    }

    fn create(&mut self, create: &Create) -> FileResult<CommandOutcome> {
        let check = ContentCheck::read(create.validate_content.as_ref())?;
        let place = self.state.place(&create.path)?;
        if self.state.exists(&place) {
            if !create.overwrite_existing {
                let message = format!("the file {:?} exists already", place.path.as_str());
                return Err(refused(code::FILE_ALREADY_EXISTS, PATH, message));
            }
        } else {
            self.state.refuse_foreign(&place)?;
        }
        self.state.check_version(&place, create.version)?;
        let put = NewContent {
            operation: "create",
            content: Content::of(&create.content),
            check: &check,
            permissions: create.permissions,
            backup: create.create_backup.unwrap_or(self.policy.backups),
            restores: None,
        };
        self.put(place, &put)
    }

    fn update(&mut self, update: &Update) -> FileResult<CommandOutcome> {
        let check = ContentCheck::read(update.validate_content.as_ref())?;
        let (place, _) = self.state.present(&update.path)?;
        self.state.check_version(&place, update.version)?;
        let put = NewContent {
            operation: "update",
            content: Content::of(&update.content),
            check: &check,
            permissions: update.permissions,
            backup: update.create_backup.unwrap_or(self.policy.backups),
            restores: None,
        };
        self.put(place, &put)
    }

    fn restore(&mut self, restore: &Restore) -> FileResult<CommandOutcome> {
        let place = self.state.place(&restore.path)?;
        let history = self.state.history(&place.path);
        if history.record.is_none() && history.backups.is_empty() {
            return Err(self.state.not_found(&place.path));
        }
        if !self.state.exists(&place) {
            self.state.refuse_foreign(&place)?;
        }
        let wanted = |backup: &Backup| {
            let version = restore.version;
            version.is_none_or(|version| backup.metadata.version == version)
        };
        let Some((backup, bytes)) = history.newest_intact(&place, wanted)? else {
            let corrupt = history.backups.iter().any(wanted);
            return Err(no_backup(&place, &history, restore.version, corrupt));
        };
        let put = NewContent {
            operation: "restore",
            content: Content {
                bytes,
                form: backup.form,
            },
            check: &ContentCheck::Nothing,
            permissions: Some(backup.metadata.permissions),
            backup: self.policy.backups,
            restores: Some(&backup.metadata),
        };
        let mut done = self.put(place, &put)?;
        done.restored = Some(backup.clone());
        Ok(done)
    }

    /// Restores the file if it is corrupt.
    fn repair(&mut self, one: &OneFile) -> FileResult<CommandOutcome> {
        let (place, record) = self.state.recorded(&one.path)?;
        let Err(mut corrupt) = check_integrity(&place, &record) else {
            return Ok(CommandOutcome {
                change: None,
                path: place.path,
                metadata: record.metadata,
                backup_created: false,
                restored: None,
            });
        };
        let history = self.state.history(&place.path);
        let Some((backup, bytes)) = history.newest_intact(&place, |_| true)? else {
            corrupt.message += "; it has no intact backup";
            return Err(corrupt);
        };
        let put = NewContent {
            operation: "restore",
            content: Content {
                bytes,
                form: backup.form,
            },
            check: &ContentCheck::Nothing,
            permissions: None,
            backup: false,
            restores: Some(&backup.metadata),
        };
        let mut done = self.put(place, &put)?;
        done.restored = Some(backup.clone());
        Ok(done)
    }

    fn delete(&mut self, delete: &Delete) -> FileResult<CommandOutcome> {
        let (place, record) = self.state.present(&delete.path)?;
        self.state.check_version(&place, delete.version)?;
        let before = self.state.history(&place.path);
        let bytes = read(&place.target())?;
        let backs_up =
            delete.create_backup.unwrap_or(self.policy.backups) && !delete.remove_backups;
        let mut history = FileHistory {
            record: None,
            ..before.clone()
        };
        let backup = self.back_up(&mut history, &before, bytes.as_deref(), backs_up, "delete");
        Removal {
            place: &place,
            backup,
        }
        .run(self.state.disk.fault_injector(self.call))?;
        let removed_backups = if delete.remove_backups {
            remove_backups(&place, &mut history, |_, _| true)
        } else {
            self.remove_expired_backups(&place, &mut history, backs_up)
        };
        let path = place.path.clone();
        let change = FileChange {
            operation: "delete",
            before,
            bytes,
            removed_backups,
            folders: Vec::new(),
            after: (self.state.set(&path, history), None),
            place,
        };
        Ok(CommandOutcome {
            change: Some(change),
            path,
            metadata: record.metadata,
            backup_created: backs_up,
            restored: None,
        })
    }

    fn permit(&mut self, permit: &Permit) -> FileResult<CommandOutcome> {
        let (place, mut record) = self.state.present(&permit.path)?;
        let before = self.state.history(&place.path);
        let bytes = read(&place.target())?;
        self.state.disk.inject_fault(DiskStage::Commit, self.call)?;
        set_permissions(&place.target(), permit.permissions)?;
        record.metadata.permissions = permit.permissions;
        let history = FileHistory {
            record: Some(record.clone()),
            ..before.clone()
        };
        let path = place.path.clone();
        let change = FileChange {
            operation: "permit",
            before,
            removed_backups: Vec::new(),
            folders: Vec::new(),
            after: (
                self.state.set(&path, history),
                bytes.as_deref().map(checksum),
            ),
            bytes,
            place,
        };
        Ok(CommandOutcome {
            change: Some(change),
            path,
            metadata: record.metadata,
            backup_created: false,
            restored: None,
        })
    }
}

fn no_backup(
    place: &FileLocation,
    history: &FileHistory,
    version: Option<u32>,
    corrupt: bool,
) -> Box<Failure> {
    let path = place.path.as_str();
    if corrupt {
        let message = format!("every matching backup of {path:?} is corrupt");
        return refused(code::CORRUPTION_DETECTED, PATH, message);
    }
    let versions: Vec<String> = history
        .backups
        .iter()
        .map(|backup| backup.metadata.version.to_string())
        .collect();
    let existing = match versions.is_empty() {
        true => "it has no backups".to_owned(),
        false => format!("it has backups of versions {}", versions.join(", ")),
    };
    let (field, wanted) = match version {
        Some(version) => ("version", format!("version {version} of ")),
        None => (PATH, String::new()),
    };
    let message = format!("no backup contains {wanted}{path:?}: {existing}");
    refused(code::BACKUP_NOT_FOUND, field, message)
}

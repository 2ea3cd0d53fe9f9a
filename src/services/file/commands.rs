use super::{
    atomic::{Removal, set_permissions},
    change::FileChange,
    content::{Content, ContentCheck},
    disk_faults::DiskStage,
    failures::{FileResult, PATH, refused},
    history::FileHistory,
    location::{FileLocation, read},
    record::{Backup, checksum},
    request::{Create, Delete, FileCommand, OneFile, Permit, Restore, Update},
    state::check_integrity,
    transaction::{CommandOutcome, FileTransaction, NewContent, give_up},
};
use crate::domain::{Failure, code};

impl FileTransaction<'_> {
    /// Does what is asked, or changes nothing.
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
        if self.state.is_there(&place) {
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
            of: None,
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
            of: None,
        };
        self.put(place, &put)
    }

    fn restore(&mut self, restore: &Restore) -> FileResult<CommandOutcome> {
        let place = self.state.place(&restore.path)?;
        let history = self.state.history(&place.path);
        if history.record.is_none() && history.backups.is_empty() {
            return Err(self.state.not_found(&place.path));
        }
        if !self.state.is_there(&place) {
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
            of: Some(&backup.metadata),
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
            of: Some(&backup.metadata),
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
        .run(self.state.disk.striking(self.call))?;
        let given_up = if delete.remove_backups {
            give_up(&place, &mut history, |_, _| true)
        } else {
            self.give_up_old(&place, &mut history, backs_up)
        };
        let path = place.path.clone();
        let change = FileChange {
            operation: "delete",
            before,
            bytes,
            given_up,
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
        self.state.disk.strike(DiskStage::Commit, self.call)?;
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
            given_up: Vec::new(),
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
        let message = format!("no backup of {path:?} that could be restored is intact");
        return refused(code::CORRUPTION_DETECTED, PATH, message);
    }
    let versions: Vec<String> = history
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

use super::{
    atomic::{Removal, set_permissions},
    change::Change,
    content::{Check, Content},
    desk::{Desk, Done, Put, give_up},
    disk_faults::Stage,
    failures::{FileResult, PATH, refused},
    place::{Place, read},
    record::{Backup, checksum},
    request::{Command, Create, Delete, OneFile, Permit, Restore, Update},
    shelf::Shelf,
    state::check_integrity,
};
use crate::domain::{Failure, code};

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

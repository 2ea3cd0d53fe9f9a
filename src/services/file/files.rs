use std::{
    fs, io,
    sync::{Arc, MutexGuard},
};

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::{
    definition::FilesDefinition,
    disk_faults::{DiskFault, DiskStage},
    failures::{FileResult, PATH, io_failure, refused},
    location::read,
    path::FilePath,
    query,
    record::{BackupMetadata, FileMetadata},
    request::{FileCommand, FileQuery},
    state::{FilesState, KeyedFileChange},
    survey::Survey,
    transaction::{CommandOutcome, FileTransaction},
};
use crate::{
    clock::Clock,
    domain::{CallName, Failure, Locked, code},
    observability::Timeline,
    services::{Directory, FaultId, Faults},
};

/// The files of a cast: what its file services have made in the scenario's folder, and how its disk fails.
///
/// A handle: clones share the files. One change is made at a time, whatever thread asks for it. Files
/// that no file service made are left alone: they are neither read, nor listed, nor replaced.
#[derive(Clone, Debug)]
pub struct Files {
    timeline: Timeline,
    state: Arc<Locked<FilesState>>,
}

impl Files {
    /// No files yet, in a folder.
    pub fn new(directory: Directory, faults: Faults, timeline: Timeline) -> Self {
        let state = FilesState::new(directory, faults, timeline.clone());
        Self {
            timeline,
            state: Arc::new(Locked::new(state)),
        }
    }

    /// A file that is there from the start, at version 1; no fault of the disk strikes it.
    ///
    /// A text is written as it is, any other JSON indented and with a line end behind it.
    ///
    /// # Errors
    ///
    /// If the path is none or leads outside, if there is a file already, or the disk fails.
    pub fn hold(&self, path: &str, content: &Value) -> Result<(), Box<Failure>> {
        let now = self.timeline.now();
        let mut state = self.opened()?;
        let place = state.place(path)?;
        if state.is_there(&place) {
            let message = format!("the file {path:?} is there already");
            return Err(refused(code::FILE_ALREADY_EXISTS, PATH, message));
        }
        state.hold(&place, content, now)
    }

    /// Changes a byte of a file behind the back of its service.
    ///
    /// # Errors
    ///
    /// If there is no such file, or the disk fails.
    pub fn corrupt(&self, path: &str) -> Result<(), Box<Failure>> {
        let state = self.opened()?;
        let (place, _) = state.present(path)?;
        let target = place.target();
        let mut bytes = read(&target)?.unwrap_or_default();
        let middle = bytes.len() / 2;
        match bytes.get_mut(middle) {
            Some(byte) => *byte = byte.wrapping_add(1),
            None => bytes.push(0),
        }
        fs::write(&target, bytes).map_err(|error| io_failure("corrupting", &target, &error))
    }

    /// Lets the disk fail with a code whenever a change comes to a stage, or so many times.
    ///
    /// What is said for a number of times queues up before what is said for good.
    pub fn fail_at(&self, stage: DiskStage, code: &str, times: Option<u32>, fault: FaultId) {
        let fault = DiskFault {
            stage,
            code: code.into(),
            fault,
        };
        self.lock().disk.add(fault, times);
    }

    /// The bytes of any file in the folder, whoever made it; `None` where there is none.
    ///
    /// # Errors
    ///
    /// If the path is none or leads outside, or the file cannot be read.
    pub fn look_at(&self, path: &str) -> Result<Option<Vec<u8>>, Box<Failure>> {
        let path = FilePath::any(path)?;
        let Some(root) = self.opened()?.directory.existing() else {
            return Ok(None);
        };
        let target = root.join(path.as_str());
        match target.is_file() {
            true => read(&target),
            false => Ok(None),
        }
    }

    /// What is known of a file; `None` where no file service has made one.
    pub fn metadata(&self, path: &str) -> Option<FileMetadata> {
        let (_, record) = self.opened().ok()?.recorded(path).ok()?;
        Some(record.metadata)
    }

    /// The backups of a file, oldest first.
    pub fn backups(&self, path: &str) -> Vec<BackupMetadata> {
        let (Ok(state), Ok(path)) = (self.opened(), FilePath::parse(path)) else {
            return Vec::new();
        };
        let backups = state.history(&path).backups;
        backups
            .iter()
            .map(|backup| backup.describe(&path))
            .collect()
    }

    /// The paths of all files on disk that are the file services' own, backups too, in order.
    ///
    /// # Errors
    ///
    /// If a folder cannot be read, or a file that is there from the start cannot be laid down.
    pub fn on_disk(&self) -> io::Result<Vec<String>> {
        let state = self.opened().map_err(io::Error::other)?;
        Ok(Survey::of(&state, |_| false)?.own)
    }

    /// The paths of all files on disk that should not be there: staging files, and what remains of
    /// deeds that were undone. `undone` says of which keys an undo took effect.
    ///
    /// # Errors
    ///
    /// If a folder cannot be read.
    pub fn left_behind(&self, undone: impl Fn(&str) -> bool) -> io::Result<Vec<String>> {
        Ok(Survey::of(&self.lock(), undone)?.left_behind)
    }

    /// Whether a file service was ever asked to change a file.
    pub fn were_asked(&self) -> bool {
        self.lock().asked
    }

    /// Has files there from the start, laid down when files are first asked for.
    pub(super) fn expect(&self, existing: IndexMap<FilePath, Arc<Value>>) {
        self.lock().expected.extend(existing);
    }

    /// Answers a query.
    pub(super) fn ask(&self, query: &FileQuery) -> FileResult<Map<String, Value>> {
        query::answer(&*self.opened()?, query)
    }

    /// Does what a call asks for, to be taken back by the key's subject.
    pub(super) fn change(
        &self,
        command: &FileCommand,
        call: &CallName,
        policy: &FilesDefinition,
        subject: Option<&Arc<str>>,
    ) -> FileResult<Map<String, Value>> {
        let now = self.timeline.now();
        let mut state = self.opened()?;
        state.asked = true;
        let mut transaction = FileTransaction {
            state: &mut state,
            call,
            policy,
            now,
        };
        let mut done = transaction.run(command)?;
        let change = done.change.take();
        let reply = self.reply(&done, command.operation());
        if let Some(subject) = subject {
            let deed = change.map_or(KeyedFileChange::Nothing, |change| {
                KeyedFileChange::Done(Box::new(change))
            });
            state.deeds.insert(Arc::clone(subject), deed);
        }
        Ok(reply)
    }

    /// Takes back what was done under a key; `None` if that was not a file service's.
    pub(super) fn take_back(
        &self,
        subject: &str,
        by: &str,
    ) -> Option<FileResult<Map<String, Value>>> {
        let mut state = self.lock();
        let taken_back = state.take_back(subject)?;
        Some(taken_back.map(|undone| {
            let Some(undone) = undone else {
                return self.nothing_done(None, by);
            };
            let mut reply = self.head(Some(undone.path.as_str()), by);
            reply.insert("undone".to_owned(), undone.operation.into());
            if let Some(record) = state.history(&undone.path).record {
                reply.extend(query::identity(&record.metadata));
            }
            reply
        }))
    }

    /// The reply where nothing was to be done.
    pub(super) fn nothing_done(&self, path: Option<&str>, by: &str) -> Map<String, Value> {
        let mut reply = self.head(path, by);
        reply.insert("undone".to_owned(), Value::Null);
        reply
    }

    fn reply(&self, done: &CommandOutcome, operation: &str) -> Map<String, Value> {
        let mut reply = self.head(Some(done.path.as_str()), operation);
        reply.insert("backupCreated".to_owned(), done.backup_created.into());
        reply.extend(query::identity(&done.metadata));
        match operation {
            "permit" => {
                reply.insert("permissions".to_owned(), json!(done.metadata.permissions));
            }
            "validate" => {
                reply.insert("isValid".to_owned(), true.into());
                reply.insert("restored".to_owned(), done.restored.is_some().into());
            }
            _ => {}
        }
        if let Some(backup) = &done.restored {
            reply.insert("restoredVersion".to_owned(), backup.metadata.version.into());
            reply.insert(
                "restoredFrom".to_owned(),
                backup.describe(&done.path).id.into(),
            );
        }
        reply
    }

    fn head(&self, path: Option<&str>, operation: &str) -> Map<String, Value> {
        query::object(json!({
            "success": true,
            "path": path,
            "operation": operation,
            "timestamp": Clock::timestamp(self.timeline.now()),
            "backupCreated": false,
        }))
    }

    /// The state, with the files that are there from the start.
    fn opened(&self) -> FileResult<MutexGuard<'_, FilesState>> {
        let mut state = self.lock();
        state.lay_down()?;
        Ok(state)
    }

    fn lock(&self) -> MutexGuard<'_, FilesState> {
        self.state.lock()
    }
}

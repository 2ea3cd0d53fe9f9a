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
    domain::{CallName, Failure, KeySubject, Locked, code},
    observability::Timeline,
    services::{Directory, FaultId, Faults},
};

/// The files that the file services of a cast have created in the scenario's folder, and its disk's faults.
///
/// A handle: clones share the files. Only one change runs at a time, on any thread. Files that no file
/// service created are left alone: they are neither read, listed nor replaced.
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

    /// Adds a file as if it had existed from the start, at version 1, without disk faults.
    ///
    /// A string is written as it is, any other JSON indented, with a newline at the end.
    ///
    /// # Errors
    ///
    /// If the path is not valid or leads outside, the file exists already, or the disk fails.
    pub fn add(&self, path: &str, content: &Value) -> Result<(), Box<Failure>> {
        let now = self.timeline.now();
        let mut state = self.initialised()?;
        let place = state.place(path)?;
        if state.exists(&place) {
            let message = format!("the file {path:?} exists already");
            return Err(refused(code::FILE_ALREADY_EXISTS, PATH, message));
        }
        state.add(&place, content, now)
    }

    /// Changes a byte of a file without its service's knowledge.
    ///
    /// # Errors
    ///
    /// If the file does not exist, or the disk fails.
    pub fn corrupt(&self, path: &str) -> Result<(), Box<Failure>> {
        let state = self.initialised()?;
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

    /// Fails changes with a code at a stage: a number of them, or all.
    ///
    /// Faults with a number come first.
    pub fn fail_at(&self, stage: DiskStage, code: &str, times: Option<u32>, fault: FaultId) {
        let fault = DiskFault {
            stage,
            code: code.into(),
            fault,
        };
        self.lock().disk.add(fault, times);
    }

    /// The bytes of any file in the folder, whoever created it; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// If the path is not valid or leads outside, or the file cannot be read.
    pub fn read_any(&self, path: &str) -> Result<Option<Vec<u8>>, Box<Failure>> {
        let path = FilePath::any(path)?;
        let Some(root) = self.initialised()?.directory.existing() else {
            return Ok(None);
        };
        let target = root.join(path.as_str());
        match target.is_file() {
            true => read(&target),
            false => Ok(None),
        }
    }

    /// The metadata of a file; `None` if no file service has created one.
    pub fn metadata(&self, path: &str) -> Option<FileMetadata> {
        let (_, record) = self.initialised().ok()?.recorded(path).ok()?;
        Some(record.metadata)
    }

    /// The backups of a file, oldest first.
    pub fn backups(&self, path: &str) -> Vec<BackupMetadata> {
        let (Ok(state), Ok(path)) = (self.initialised(), FilePath::parse(path)) else {
            return Vec::new();
        };
        let backups = state.history(&path).backups;
        backups
            .iter()
            .map(|backup| backup.describe(&path))
            .collect()
    }

    /// The paths of all files on disk that belong to file services, including backups, in order.
    ///
    /// # Errors
    ///
    /// If a folder cannot be read, or a file that exists from the start cannot be created.
    pub fn on_disk(&self) -> io::Result<Vec<String>> {
        let state = self.initialised().map_err(io::Error::other)?;
        Ok(Survey::of(&state, |_| false)?.own)
    }

    /// The paths of all files on disk that should not be there: staging files, and what undone changes
    /// left. `undone` returns whether an undo of a key took effect.
    ///
    /// # Errors
    ///
    /// If a folder cannot be read.
    pub fn left_behind(&self, undone: impl Fn(&KeySubject) -> bool) -> io::Result<Vec<String>> {
        Ok(Survey::of(&self.lock(), undone)?.left_behind)
    }

    /// Whether a call ever requested a change of a file.
    pub fn change_requested(&self) -> bool {
        self.lock().change_requested
    }

    /// Adds files that exist from the start; they are created on the first access.
    pub(super) fn add_existing(&self, existing: IndexMap<FilePath, Arc<Value>>) {
        self.lock().existing.extend(existing);
    }

    /// Answers a query.
    pub(super) fn query(&self, query: &FileQuery) -> FileResult<Map<String, Value>> {
        query::answer(&*self.initialised()?, query)
    }

    /// Runs the command of a call, to be undone by its key's subject.
    pub(super) fn change(
        &self,
        command: &FileCommand,
        call: &CallName,
        policy: &FilesDefinition,
        subject: Option<&KeySubject>,
    ) -> FileResult<Map<String, Value>> {
        let now = self.timeline.now();
        let mut state = self.initialised()?;
        state.change_requested = true;
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
            let change = change.map_or(KeyedFileChange::Nothing, |change| {
                KeyedFileChange::Done(Box::new(change))
            });
            state.changes.insert(subject.clone(), change);
        }
        Ok(reply)
    }

    /// Undoes what was done under a key; `None` if no file service did it.
    pub(super) fn undo(
        &self,
        subject: &KeySubject,
        by: &str,
    ) -> Option<FileResult<Map<String, Value>>> {
        let mut state = self.lock();
        let result = state.undo(subject)?;
        Some(result.map(|undone| {
            let Some(undone) = undone else {
                return self.nothing_undone(None, by);
            };
            let mut reply = self.head(Some(undone.path.as_str()), by);
            reply.insert("undone".to_owned(), undone.operation.into());
            if let Some(record) = state.history(&undone.path).record {
                reply.extend(query::identity(&record.metadata));
            }
            reply
        }))
    }

    /// The reply if there was nothing to undo.
    pub(super) fn nothing_undone(&self, path: Option<&str>, by: &str) -> Map<String, Value> {
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

    /// The state, with the files that exist from the start.
    fn initialised(&self) -> FileResult<MutexGuard<'_, FilesState>> {
        let mut state = self.lock();
        state.create_existing()?;
        Ok(state)
    }

    fn lock(&self) -> MutexGuard<'_, FilesState> {
        self.state.lock()
    }
}

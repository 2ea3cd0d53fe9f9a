use std::{fs, path::Path, sync::Arc, time::Duration};

use indexmap::IndexMap;
use serde_json::Value;

use super::{
    atomic::Replacement,
    change::FileChange,
    content::Content,
    disk_faults::DiskFaults,
    failures::{FileResult, PATH, concurrent, io_failure, not_found, refused},
    location::{FileLocation, read},
    path::FilePath,
    record::{FileHistory, FileMetadata, FileRecord, Permissions, checksum},
};
use crate::{
    domain::{Failure, KeySubject, code},
    observability::Timeline,
    services::{Directory, Faults},
};

/// The files of a cast's file services, and the changes made to them.
#[derive(Debug)]
pub(super) struct FilesState {
    pub directory: Directory,
    pub disk: DiskFaults,
    /// By the subject of their keys.
    pub changes: IndexMap<KeySubject, KeyedFileChange>,
    /// Whether a call ever requested a change of a file.
    pub change_requested: bool,
    /// Files that exist from the start and have not been created yet.
    pub existing: IndexMap<FilePath, Arc<Value>>,
    histories: IndexMap<FilePath, FileHistory>,
    stamps: u64,
}

/// The change made under a key.
#[derive(Debug)]
pub(super) enum KeyedFileChange {
    /// Nothing had to be changed.
    Nothing,
    Done(Box<FileChange>),
    Undone(Undone),
}

/// A change that was undone.
#[derive(Clone, Debug)]
pub(super) struct Undone {
    pub path: FilePath,
    /// `create`, `update`, ….
    pub operation: &'static str,
}

impl FilesState {
    pub fn new(directory: Directory, faults: Faults, timeline: Timeline) -> Self {
        Self {
            directory,
            disk: DiskFaults::new(faults, timeline),
            changes: IndexMap::new(),
            change_requested: false,
            existing: IndexMap::new(),
            histories: IndexMap::new(),
            stamps: 0,
        }
    }

    /// Creates the files that exist from the start, unless they exist already.
    ///
    /// # Errors
    ///
    /// If one cannot be created; it is tried again the next time.
    pub fn create_existing(&mut self) -> FileResult<()> {
        while let Some((path, content)) = self.existing.first() {
            let (path, content) = (path.clone(), Arc::clone(content));
            let place = self.place(path.as_str())?;
            if !self.exists(&place) {
                self.add(&place, &content, Duration::ZERO)?;
            }
            self.existing.shift_remove(&path);
        }
        Ok(())
    }

    /// Adds a file as if it had existed from the start, at version 1, without disk faults.
    ///
    /// # Errors
    ///
    /// If a file that no service created is in the way, or the disk fails.
    pub fn add(
        &mut self,
        place: &FileLocation,
        content: &Value,
        since: Duration,
    ) -> FileResult<()> {
        self.refuse_foreign(place)?;
        let Content { bytes, form } = Content::of(content);
        let permissions = Permissions::default();
        let replacement = Replacement {
            place,
            bytes: &bytes,
            permissions,
            backup: None,
        };
        replacement.run(|_| Ok(()), |_| Ok(()))?;
        let metadata = FileMetadata {
            size: bytes.len() as u64,
            created_at: since,
            modified_at: since,
            permissions,
            checksum: checksum(&bytes),
            version: 1,
        };
        let history = FileHistory {
            record: Some(FileRecord { metadata, form }),
            ..self.history(&place.path)
        };
        self.set(&place.path, history);
        Ok(())
    }

    /// The history of a path; empty if it never had a file.
    pub fn history(&self, path: &FilePath) -> FileHistory {
        self.histories.get(path).cloned().unwrap_or_default()
    }

    /// The history of a path, if it ever had a file.
    pub fn known(&self, path: &FilePath) -> Option<&FileHistory> {
        self.histories.get(path)
    }

    /// Replaces the history of a path; returns its new stamp.
    pub fn set(&mut self, path: &FilePath, mut history: FileHistory) -> u64 {
        self.stamps += 1;
        history.stamp = self.stamps;
        self.histories.insert(path.clone(), history);
        self.stamps
    }

    /// Undoes what was done under a key; `None` if no file service did it.
    ///
    /// # Errors
    ///
    /// As for [`FileChange::revert`].
    pub fn undo(&mut self, subject: &KeySubject) -> Option<FileResult<Option<Undone>>> {
        let entry = self.changes.get_mut(subject)?;
        let change = match entry {
            KeyedFileChange::Done(change) => change,
            KeyedFileChange::Undone(undone) => return Some(Ok(Some(undone.clone()))),
            KeyedFileChange::Nothing => return Some(Ok(None)),
        };
        let path = change.place.path.clone();
        let history = self.histories.entry(path.clone()).or_default();
        if let Err(failure) = change.revert(history) {
            return Some(Err(failure));
        }
        *history = std::mem::take(&mut change.before);
        let undone = Undone {
            path,
            operation: change.operation,
        };
        *entry = KeyedFileChange::Undone(undone.clone());
        Some(Ok(Some(undone)))
    }

    /// The paths of the services' files, in order.
    pub fn paths(&self) -> Vec<&str> {
        let files = self.histories.iter();
        let mut paths: Vec<&str> = files
            .filter(|(_, history)| history.record.is_some())
            .map(|(path, _)| path.as_str())
            .collect();
        paths.sort_unstable();
        paths
    }

    /// Where a file is or would be; creates the folder of all files if necessary.
    ///
    /// # Errors
    ///
    /// If the path is not valid or leads outside.
    pub fn place(&self, path: &str) -> FileResult<FileLocation> {
        let path = FilePath::parse(path)?;
        let made = self.directory.path();
        let root = made.map_err(|error| io_failure("creating", Path::new("directory"), &error))?;
        FileLocation::find(&root, &path)
    }

    /// A file that a service has created, whether or not it is still on disk.
    ///
    /// # Errors
    ///
    /// `FILE_NOT_FOUND` if there is none; if the path is not valid or leads outside.
    pub fn recorded(&self, path: &str) -> FileResult<(FileLocation, FileRecord)> {
        let path = FilePath::parse(path)?;
        let Some(root) = self.directory.existing() else {
            return Err(self.not_found(&path));
        };
        let place = FileLocation::find(&root, &path)?;
        match self.history(&place.path).record {
            Some(record) => Ok((place, record)),
            None => Err(self.not_found(&place.path)),
        }
    }

    /// A file that a service has created and that is on disk.
    ///
    /// # Errors
    ///
    /// As for [`recorded`](Self::recorded).
    pub fn present(&self, path: &str) -> FileResult<(FileLocation, FileRecord)> {
        let (place, record) = self.recorded(path)?;
        match place.target().is_file() {
            true => Ok((place, record)),
            false => Err(self.not_found(&place.path)),
        }
    }

    /// Whether a file that a service has created is on disk.
    pub fn exists(&self, place: &FileLocation) -> bool {
        let history = self.histories.get(&place.path);
        history.is_some_and(|history| history.record.is_some()) && place.target().is_file()
    }

    /// The file does not exist; suggests the nearest.
    pub fn not_found(&self, path: &FilePath) -> Box<Failure> {
        not_found(path.as_str(), self.paths())
    }

    /// Refuses to replace a file that no file service created.
    ///
    /// # Errors
    ///
    /// `FILE_ALREADY_EXISTS` if there is one.
    pub fn refuse_foreign(&self, place: &FileLocation) -> FileResult<()> {
        if fs::symlink_metadata(place.target()).is_err() {
            return Ok(());
        }
        let path = place.path.as_str();
        let message = format!("{path:?} exists already, and no file service created it");
        Err(refused(code::FILE_ALREADY_EXISTS, PATH, message))
    }

    /// Checks the version that a command is based on, if it names one.
    ///
    /// # Errors
    ///
    /// `CONCURRENT_MODIFICATION` if the file is not at the version expected.
    pub fn check_version(&self, place: &FileLocation, expected: Option<u32>) -> FileResult<()> {
        let Some(expected) = expected else {
            return Ok(());
        };
        let record = self.history(&place.path).record;
        let current = record.map_or(0, |record| record.metadata.version);
        if current == expected {
            return Ok(());
        }
        let path = place.path.as_str();
        let is = match current {
            0 => "does not exist".to_owned(),
            current => format!("is at version {current}"),
        };
        let message = format!("the file {path:?} {is}, expected version {expected}");
        Err(concurrent(message))
    }
}

/// Checks that the bytes on disk are still those that were written.
///
/// # Errors
///
/// `CORRUPTION_DETECTED` if they are not, or the file is missing.
pub(super) fn check_integrity(place: &FileLocation, record: &FileRecord) -> FileResult<()> {
    let path = place.path.as_str();
    let expected = &record.metadata.checksum;
    let message = match read(&place.target())? {
        None => format!("the file {path:?} is missing from the disk"),
        Some(bytes) => match checksum(&bytes) {
            found if found == *expected => return Ok(()),
            found => format!("the file {path:?} has the checksum {found}, expected {expected}"),
        },
    };
    Err(refused(code::CORRUPTION_DETECTED, PATH, message))
}

use std::{fs, path::Path, sync::Arc, time::Duration};

use indexmap::IndexMap;
use serde_json::Value;

use super::{
    atomic::Replacement,
    change::FileChange,
    content::Content,
    disk_faults::DiskFaults,
    failures::{FileResult, PATH, concurrent, io_failure, not_found, refused},
    history::FileHistory,
    location::{FileLocation, read},
    path::FilePath,
    record::{FileMetadata, FileRecord, Permissions, checksum},
};
use crate::{
    domain::{Failure, code},
    observability::Timeline,
    services::{Directory, Faults},
};

/// What the file services of a cast know of their files and deeds.
#[derive(Debug)]
pub(super) struct FilesState {
    pub directory: Directory,
    pub disk: DiskFaults,
    pub deeds: IndexMap<Arc<str>, KeyedFileChange>,
    /// Whether a service was ever asked to change a file.
    pub asked: bool,
    /// Files that are there from the start and not laid down yet.
    pub expected: IndexMap<FilePath, Arc<Value>>,
    histories: IndexMap<FilePath, FileHistory>,
    stamps: u64,
}

/// What was done under a key.
#[derive(Debug)]
pub(super) enum KeyedFileChange {
    /// Nothing had to be changed.
    Nothing,
    Done(Box<FileChange>),
    TakenBack(Undone),
}

/// What was taken back.
#[derive(Clone, Debug)]
pub(super) struct Undone {
    pub path: FilePath,
    /// What had been done: `create`, `update`, ….
    pub operation: &'static str,
}

impl FilesState {
    pub fn new(directory: Directory, faults: Faults, timeline: Timeline) -> Self {
        Self {
            directory,
            disk: DiskFaults::new(faults, timeline),
            deeds: IndexMap::new(),
            asked: false,
            expected: IndexMap::new(),
            histories: IndexMap::new(),
            stamps: 0,
        }
    }

    /// Lays down the files that are there from the start, but where there is one already.
    ///
    /// # Errors
    ///
    /// If one of them cannot be; the next time it is tried again.
    pub fn lay_down(&mut self) -> FileResult<()> {
        while let Some((path, content)) = self.expected.first() {
            let (path, content) = (path.clone(), Arc::clone(content));
            let place = self.place(path.as_str())?;
            if !self.is_there(&place) {
                self.hold(&place, &content, Duration::ZERO)?;
            }
            self.expected.shift_remove(&path);
        }
        Ok(())
    }

    /// Puts a file there as if it had always been, at version 1; no fault of the disk strikes it.
    ///
    /// # Errors
    ///
    /// If there is a file that no service has made, or the disk fails.
    pub fn hold(
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

    /// What is known of a path.
    pub fn history(&self, path: &FilePath) -> FileHistory {
        self.histories.get(path).cloned().unwrap_or_default()
    }

    /// What is known of a path, if it was ever a file's.
    pub fn known(&self, path: &FilePath) -> Option<&FileHistory> {
        self.histories.get(path)
    }

    /// Puts what a deed made of a path in place of what was known; says the stamp that it gets.
    pub fn set(&mut self, path: &FilePath, mut history: FileHistory) -> u64 {
        self.stamps += 1;
        history.stamp = self.stamps;
        self.histories.insert(path.clone(), history);
        self.stamps
    }

    /// Takes back what was done under a key; `None` if nothing is known of it here.
    ///
    /// # Errors
    ///
    /// As [`FileChange::take_back`].
    pub fn take_back(&mut self, subject: &str) -> Option<FileResult<Option<Undone>>> {
        let deed = self.deeds.get_mut(subject)?;
        let change = match deed {
            KeyedFileChange::Done(change) => change,
            KeyedFileChange::TakenBack(undone) => return Some(Ok(Some(undone.clone()))),
            KeyedFileChange::Nothing => return Some(Ok(None)),
        };
        let path = change.place.path.clone();
        let history = self.histories.entry(path.clone()).or_default();
        if let Err(failure) = change.take_back(history) {
            return Some(Err(failure));
        }
        *history = std::mem::take(&mut change.before);
        let undone = Undone {
            path,
            operation: change.operation,
        };
        *deed = KeyedFileChange::TakenBack(undone.clone());
        Some(Ok(Some(undone)))
    }

    /// The files that there are, as far as they are the services' own, in order of their paths.
    pub fn paths(&self) -> Vec<&str> {
        let files = self.histories.iter();
        let mut paths: Vec<&str> = files
            .filter(|(_, history)| history.record.is_some())
            .map(|(path, _)| path.as_str())
            .collect();
        paths.sort_unstable();
        paths
    }

    /// Where a file is to be; the folder of all files is made if need be.
    ///
    /// # Errors
    ///
    /// If the path is none, or leads outside.
    pub fn place(&self, path: &str) -> FileResult<FileLocation> {
        let path = FilePath::parse(path)?;
        let made = self.directory.path();
        let root = made.map_err(|error| io_failure("making", Path::new("directory"), &error))?;
        FileLocation::find(&root, &path)
    }

    /// A file that a service has made, whether or not it is still on disk.
    ///
    /// # Errors
    ///
    /// `FILE_NOT_FOUND` if there is none; if the path is none, or leads outside.
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

    /// A file that a service has made and that is on disk.
    ///
    /// # Errors
    ///
    /// As [`FilesState::recorded`].
    pub fn present(&self, path: &str) -> FileResult<(FileLocation, FileRecord)> {
        let (place, record) = self.recorded(path)?;
        match place.target().is_file() {
            true => Ok((place, record)),
            false => Err(self.not_found(&place.path)),
        }
    }

    /// Whether a file that a service has made is on disk.
    pub fn is_there(&self, place: &FileLocation) -> bool {
        let history = self.histories.get(&place.path);
        history.is_some_and(|history| history.record.is_some()) && place.target().is_file()
    }

    /// There is no such file.
    pub fn not_found(&self, path: &FilePath) -> Box<Failure> {
        not_found(path.as_str(), self.paths())
    }

    /// Leaves files alone that no file service made.
    ///
    /// # Errors
    ///
    /// `FILE_ALREADY_EXISTS` if there is one.
    pub fn refuse_foreign(&self, place: &FileLocation) -> FileResult<()> {
        if fs::symlink_metadata(place.target()).is_err() {
            return Ok(());
        }
        let path = place.path.as_str();
        let message = format!("{path:?} is in the way: no file service has made it");
        Err(refused(code::FILE_ALREADY_EXISTS, PATH, message))
    }

    /// Lets nobody change what he has not seen.
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

/// Checks that the bytes on disk are those that were written.
///
/// # Errors
///
/// `CORRUPTION_DETECTED` if they are not, or the file is gone.
pub(super) fn check_integrity(place: &FileLocation, record: &FileRecord) -> FileResult<()> {
    let path = place.path.as_str();
    let expected = &record.metadata.checksum;
    let message = match read(&place.target())? {
        None => format!("the file {path:?} is gone from the disk"),
        Some(bytes) => match checksum(&bytes) {
            found if found == *expected => return Ok(()),
            found => format!("the file {path:?} has the checksum {found}, expected {expected}"),
        },
    };
    Err(refused(code::CORRUPTION_DETECTED, PATH, message))
}

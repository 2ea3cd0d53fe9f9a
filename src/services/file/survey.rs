use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::domain::KeySubject;

use super::{
    location::portable,
    path::{FilePath, is_staging},
    state::{FilesState, KeyedFileChange},
};

/// The file services' files found on disk, in order of their paths.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Files, backups, and what should not be there.
    pub own: Vec<String>,
    /// What should not be there: staging files, and files and backups that undone changes left.
    pub left_behind: Vec<String>,
}

impl Survey {
    /// Scans the disk; files that no file service created are skipped.
    ///
    /// `undone` returns whether an undo of a key took effect, whichever service performed it.
    ///
    /// # Errors
    ///
    /// If a folder cannot be read.
    pub fn of(state: &FilesState, undone: impl Fn(&KeySubject) -> bool) -> io::Result<Self> {
        let mut survey = Self::default();
        let Some(root) = state.directory.existing() else {
            return Ok(survey);
        };
        let orphans = orphans(state, undone);
        for file in files_below(&root)? {
            let Some(path) = file.strip_prefix(&root).ok().and_then(portable) else {
                continue;
            };
            let left = match owner(&path) {
                Owner::Staging => true,
                Owner::Backup(of, number) => match state.known(&of) {
                    Some(history) => !history.backups.iter().any(|backup| backup.number == number),
                    None => continue,
                },
                Owner::File(own) => match state.known(&own) {
                    Some(history) => history.record.is_none(),
                    None => continue,
                },
                Owner::Nobody => continue,
            };
            if left || orphans.contains(&path) {
                survey.left_behind.push(path.clone());
            }
            survey.own.push(path);
        }
        survey.own.sort_unstable();
        survey.left_behind.sort_unstable();
        Ok(survey)
    }
}

/// The files whose creation was undone by another service, which left them in place.
fn orphans(state: &FilesState, undone: impl Fn(&KeySubject) -> bool) -> Vec<String> {
    let mut orphans = Vec::new();
    for (subject, change) in &state.changes {
        let KeyedFileChange::Done(change) = change else {
            continue;
        };
        let path = &change.place.path;
        let is_last = state
            .known(path)
            .is_some_and(|history| history.stamp == change.after.0);
        if is_last && change.created() && undone(subject) {
            orphans.push(path.as_str().to_owned());
        }
    }
    orphans
}

enum Owner {
    Staging,
    Backup(FilePath, u32),
    File(FilePath),
    Nobody,
}

fn owner(path: &str) -> Owner {
    if is_staging(path) {
        return Owner::Staging;
    }
    if let Some((of, number)) = FilePath::of_backup(path) {
        return Owner::Backup(of, number);
    }
    FilePath::parse(path).map_or(Owner::Nobody, Owner::File)
}

fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // The entry's own type, so that no link is followed.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files.extend(files_below(&entry.path())?);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(files)
}

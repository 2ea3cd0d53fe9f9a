use std::path::{Path, PathBuf};

use super::SuiteError;
use crate::domain::did_you_mean;

/// The path of a folder to read.
///
/// # Errors
///
/// If it does not exist, with the nearest name beside it, or is not a folder.
pub(super) fn existing(
    what: &'static str,
    folder: &Path,
    root: &Path,
) -> Result<PathBuf, SuiteError> {
    let path = root.join(folder);
    if path.exists() {
        return created_when_needed(what, folder, root);
    }
    let beside = folders_beside(&path);
    let hint = did_you_mean(name(&path), beside.iter().map(|path| name(path)));
    Err(SuiteError::Folder {
        what,
        path: folder.to_owned(),
        reason: format!("does not exist: {hint}"),
    })
}

/// The path of a folder to write to.
///
/// # Errors
///
/// If it exists and is not a folder.
pub(super) fn created_when_needed(
    what: &'static str,
    folder: &Path,
    root: &Path,
) -> Result<PathBuf, SuiteError> {
    let path = root.join(folder);
    if path.is_dir() || !path.exists() {
        return Ok(path);
    }
    Err(SuiteError::Folder {
        what,
        path: folder.to_owned(),
        reason: "is not a folder".to_owned(),
    })
}

/// In order of their names.
fn folders_beside(path: &Path) -> Vec<PathBuf> {
    let entries = path.parent().and_then(|parent| parent.read_dir().ok());
    let paths = entries.into_iter().flatten().flatten();
    let paths = paths.map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = paths.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("")
}

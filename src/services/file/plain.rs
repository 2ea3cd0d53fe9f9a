//! Files that no file service keeps, written and found with the same care.

use std::path::Path;

use super::{
    atomic::{Replacement, remove},
    failures::FileResult,
    location::{FileLocation, read},
    path::FilePath,
    record::Permissions,
};

/// Writes a file below a folder, completely or not at all; missing folders are created.
///
/// # Errors
///
/// `PATH_OUTSIDE_DIRECTORY` or `INVALID_PATH` if links lead outside or a folder is in its place; what the disk
/// fails with.
pub fn write_file(root: &Path, path: &FilePath, bytes: &[u8]) -> FileResult<()> {
    let place = FileLocation::find(root, path)?;
    let replacement = Replacement {
        place: &place,
        bytes,
        permissions: Permissions::default(),
        backup: None,
    };
    replacement.run(|_| Ok(()), |_| Ok(())).map(drop)
}

/// The bytes of a file below a folder; `None` if it does not exist.
///
/// # Errors
///
/// As for [`write_file`].
pub fn read_file(root: &Path, path: &FilePath) -> FileResult<Option<Vec<u8>>> {
    read(&FileLocation::find(root, path)?.target())
}

/// Removes a file below a folder, if it exists.
///
/// # Errors
///
/// As for [`write_file`].
pub fn remove_file(root: &Path, path: &FilePath) -> FileResult<()> {
    remove(&FileLocation::find(root, path)?.target())
}

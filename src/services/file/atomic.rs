use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::{
    disk_faults::DiskStage,
    failures::{FileResult, PATH, io_failure, refused},
    location::{FileLocation, read},
    record::{Permissions, checksum},
};
use crate::domain::code;

/// A new content on its way to a file.
pub(super) struct Replacement<'a> {
    pub place: &'a FileLocation,
    pub bytes: &'a [u8],
    pub permissions: Permissions,
    /// Number and bytes of the backup to make of the file as it is.
    pub backup: Option<(u32, &'a [u8])>,
}

impl Replacement<'_> {
    /// Puts the content in the file's place at one go: until the last moment the file is as it was,
    /// and whatever fails, nothing else remains. Says which folders were made for it.
    ///
    /// `strike` is asked before each stage, `check` sees the bytes as they were read back.
    ///
    /// # Errors
    ///
    /// What `strike`, `check` or the disk fail with; `CORRUPTION_DETECTED` if other bytes were
    /// written than asked for.
    pub fn run(
        &self,
        mut strike: impl FnMut(DiskStage) -> FileResult<()>,
        check: impl FnOnce(&[u8]) -> FileResult<()>,
    ) -> FileResult<Vec<PathBuf>> {
        let mut scaffold = Scaffold::default();
        self.place.make_folders(&mut scaffold.folders)?;

        let staging = self.place.staging();
        scaffold.files.push(staging.clone());
        if let Err(failure) = strike(DiskStage::Staging) {
            // A disk that fails leaves half of it behind.
            let _ = write_new(&staging, &self.bytes[..self.bytes.len() / 2]);
            return Err(failure);
        }
        write_new(&staging, self.bytes)?;

        strike(DiskStage::Validation)?;
        let written = read(&staging)?.unwrap_or_default();
        if checksum(&written) != checksum(self.bytes) {
            let message = "other bytes were written than asked for";
            return Err(refused(code::CORRUPTION_DETECTED, PATH, message));
        }
        check(&written)?;

        if let Some((number, bytes)) = self.backup {
            let backup = self.place.backup(number);
            scaffold.files.push(backup.clone());
            write_new(&backup, bytes)?;
        }
        strike(DiskStage::Commit)?;
        set_permissions(&staging, self.permissions)?;
        let target = self.place.target();
        fs::rename(&staging, &target).map_err(|error| io_failure("replacing", &target, &error))?;
        Ok(scaffold.keep())
    }
}

/// The end of a file.
pub(super) struct Removal<'a> {
    pub place: &'a FileLocation,
    /// Number and bytes of the backup to make of the file before.
    pub backup: Option<(u32, &'a [u8])>,
}

impl Removal<'_> {
    /// Removes the file; if that fails, it is there, and no backup is.
    ///
    /// # Errors
    ///
    /// What `strike` or the disk fail with.
    pub fn run(&self, mut strike: impl FnMut(DiskStage) -> FileResult<()>) -> FileResult<()> {
        let mut scaffold = Scaffold::default();
        if let Some((number, bytes)) = self.backup {
            let backup = self.place.backup(number);
            scaffold.files.push(backup.clone());
            write_new(&backup, bytes)?;
        }
        strike(DiskStage::Commit)?;
        remove(&self.place.target())?;
        scaffold.keep();
        Ok(())
    }
}

/// What a change has put on disk so far, gone again unless the change is made.
#[derive(Default)]
struct Scaffold {
    files: Vec<PathBuf>,
    /// Outermost first.
    folders: Vec<PathBuf>,
}

impl Scaffold {
    fn keep(mut self) -> Vec<PathBuf> {
        self.files.clear();
        std::mem::take(&mut self.folders)
    }
}

impl Drop for Scaffold {
    fn drop(&mut self) {
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        remove_empty(&self.folders);
    }
}

/// Removes folders, given outermost first, as far as they are empty.
pub(super) fn remove_empty(folders: &[PathBuf]) {
    for folder in folders.iter().rev() {
        let _ = fs::remove_dir(folder);
    }
}

/// Removes a file; one that is not there is removed already.
pub(super) fn remove(path: &Path) -> FileResult<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_failure("removing", path, &error))
        }
        _ => Ok(()),
    }
}

/// Writes a file of a name that is kept for us; what somebody left there goes, links unfollowed.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> FileResult<()> {
    remove(path)?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|error| io_failure("writing", path, &error))
}

/// Sets who may do what with a file, where the system knows mode bits.
pub(super) fn set_permissions(path: &Path, permissions: Permissions) -> FileResult<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(permissions.mode()))
            .map_err(|error| io_failure("setting the permissions of", path, &error))?;
    }
    #[cfg(not(unix))]
    let _ = (path, permissions);
    Ok(())
}

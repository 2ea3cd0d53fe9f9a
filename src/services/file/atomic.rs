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

/// A replacement of a file's content.
pub(super) struct Replacement<'a> {
    pub place: &'a FileLocation,
    pub bytes: &'a [u8],
    pub permissions: Permissions,
    /// Number and bytes of the backup to create first.
    pub backup: Option<(u32, &'a [u8])>,
}

impl Replacement<'_> {
    /// Replaces the file atomically: if anything fails, the file is unchanged and nothing else is left
    /// on disk. Returns the folders that were created.
    ///
    /// `inject_fault` is called before each stage, `check` with the bytes that were read back.
    ///
    /// # Errors
    ///
    /// What `inject_fault`, `check` or the disk fail with; `CORRUPTION_DETECTED` if the bytes read back
    /// differ.
    pub fn run(
        &self,
        mut inject_fault: impl FnMut(DiskStage) -> FileResult<()>,
        check: impl FnOnce(&[u8]) -> FileResult<()>,
    ) -> FileResult<Vec<PathBuf>> {
        let mut scaffold = Scaffold::default();
        self.place.make_folders(&mut scaffold.folders)?;

        let staging = self.place.staging();
        scaffold.files.push(staging.clone());
        if let Err(failure) = inject_fault(DiskStage::Staging) {
            // A failing disk leaves a partial file.
            let _ = write_new(&staging, &self.bytes[..self.bytes.len() / 2]);
            return Err(failure);
        }
        write_new(&staging, self.bytes)?;

        inject_fault(DiskStage::Validation)?;
        let written = read(&staging)?.unwrap_or_default();
        if checksum(&written) != checksum(self.bytes) {
            let message = "the bytes read back differ from those written";
            return Err(refused(code::CORRUPTION_DETECTED, PATH, message));
        }
        check(&written)?;

        if let Some((number, bytes)) = self.backup {
            let backup = self.place.backup(number);
            scaffold.files.push(backup.clone());
            write_new(&backup, bytes)?;
        }
        inject_fault(DiskStage::Commit)?;
        set_permissions(&staging, self.permissions)?;
        let target = self.place.target();
        fs::rename(&staging, &target).map_err(|error| io_failure("replacing", &target, &error))?;
        Ok(scaffold.keep())
    }
}

/// A deletion of a file.
pub(super) struct Removal<'a> {
    pub place: &'a FileLocation,
    /// Number and bytes of the backup to create first.
    pub backup: Option<(u32, &'a [u8])>,
}

impl Removal<'_> {
    /// Deletes the file; if that fails, it is unchanged and has no new backup.
    ///
    /// # Errors
    ///
    /// What `inject_fault` or the disk fail with.
    pub fn run(&self, mut inject_fault: impl FnMut(DiskStage) -> FileResult<()>) -> FileResult<()> {
        let mut scaffold = Scaffold::default();
        if let Some((number, bytes)) = self.backup {
            let backup = self.place.backup(number);
            scaffold.files.push(backup.clone());
            write_new(&backup, bytes)?;
        }
        inject_fault(DiskStage::Commit)?;
        remove(&self.place.target())?;
        scaffold.keep();
        Ok(())
    }
}

/// What a change has put on disk so far; removed again unless the change succeeds.
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

/// Removes empty folders, given outermost first.
pub(super) fn remove_empty(folders: &[PathBuf]) {
    for folder in folders.iter().rev() {
        let _ = fs::remove_dir(folder);
    }
}

/// Removes a file, if it exists.
pub(super) fn remove(path: &Path) -> FileResult<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_failure("removing", path, &error))
        }
        _ => Ok(()),
    }
}

/// Writes a file with a reserved name, in place of anything of that name; links are not followed.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> FileResult<()> {
    remove(path)?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|error| io_failure("writing", path, &error))
}

/// Sets the permissions of a file, on systems with mode bits.
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

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    failures::{FileResult, PATH, io_failure, refused},
    path::{FilePath, outside},
};
use crate::domain::code;

/// The location of a file on disk, with all links resolved.
#[derive(Clone, Debug)]
pub(super) struct FileLocation {
    /// The file's own path, whatever links led to it.
    pub path: FilePath,
    root: PathBuf,
}

impl FileLocation {
    /// Resolves a path below the folder `root`, which exists; nothing is changed.
    ///
    /// # Errors
    ///
    /// `PATH_OUTSIDE_DIRECTORY` if a link leads outside or nowhere, `INVALID_PATH` if a file is in the
    /// place of a folder or a folder in that of the file.
    pub fn find(root: &Path, path: &FilePath) -> FileResult<Self> {
        let root = fs::canonicalize(root).map_err(|error| io_failure("finding", root, &error))?;
        let mut found = root.clone();
        let mut rest: Vec<&str> = path.names().collect();
        rest.reverse();
        while let Some(name) = rest.pop() {
            found.push(name);
            let metadata = match fs::symlink_metadata(&found) {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error) => return Err(io_failure("finding", &found, &error)),
            };
            let metadata = if metadata.is_symlink() {
                // A dangling link would lead somewhere once its target is created.
                found = fs::canonicalize(&found).map_err(|_| outside(path.as_str()))?;
                if !found.starts_with(&root) {
                    return Err(outside(path.as_str()));
                }
                fs::metadata(&found).map_err(|error| io_failure("finding", &found, &error))?
            } else {
                metadata
            };
            let is_last = rest.is_empty();
            if is_last == metadata.is_dir() {
                let kind = if is_last { "folder" } else { "file" };
                let message = format!(
                    "{path:?} is not a valid file path: {name:?} is a {kind}",
                    path = path.as_str()
                );
                return Err(refused(code::INVALID_PATH, PATH, message));
            }
        }
        found.extend(rest.into_iter().rev());
        let own = found.strip_prefix(&root).ok().and_then(portable);
        let own = own.ok_or_else(|| outside(path.as_str()))?;
        Ok(Self {
            path: FilePath::parse(&own)?,
            root,
        })
    }

    /// The file.
    pub fn target(&self) -> PathBuf {
        self.root.join(self.path.as_str())
    }

    /// Its staging file.
    pub fn staging(&self) -> PathBuf {
        self.root.join(self.path.staging())
    }

    /// A backup of the file.
    pub fn backup(&self, number: u32) -> PathBuf {
        self.root.join(self.path.backup(number))
    }

    /// Creates the missing folders on the way, and lists them, outermost first.
    pub fn make_folders(&self, made: &mut Vec<PathBuf>) -> FileResult<()> {
        let target = self.target();
        let missing: Vec<&Path> = target
            .ancestors()
            .skip(1)
            .take_while(|folder| *folder != self.root && !folder.exists())
            .collect();
        for folder in missing.into_iter().rev() {
            fs::create_dir(folder)
                .map_err(|error| io_failure("creating the folder", folder, &error))?;
            made.push(folder.to_owned());
        }
        Ok(())
    }
}

/// A relative path with `/` between its names, if it is UTF-8.
pub(super) fn portable(path: &Path) -> Option<String> {
    let names: Option<Vec<&str>> = path.iter().map(|name| name.to_str()).collect();
    Some(names?.join("/"))
}

/// The bytes of a file; `None` if it does not exist.
pub(super) fn read(path: &Path) -> FileResult<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_failure("reading", path, &error)),
    }
}

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;

use crate::domain::Locked;

/// The folder of a scenario's files: a temporary one, created on first use, unless one is given.
///
/// A handle: clones share the folder. A temporary one is removed with its last handle.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    made: Arc<Locked<Option<Made>>>,
}

#[derive(Debug)]
enum Made {
    Temporary(TempDir),
    Given(PathBuf),
}

impl Directory {
    /// A folder that exists, and stays.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            made: Arc::new(Locked::new(Some(Made::Given(path.into())))),
        }
    }

    /// Where it is.
    ///
    /// # Errors
    ///
    /// If it cannot be created.
    pub fn path(&self) -> io::Result<PathBuf> {
        let mut made = self.made.lock();
        if made.is_none() {
            let temporary = tempfile::Builder::new().prefix("rehearsal-").tempdir()?;
            *made = Some(Made::Temporary(temporary));
        }
        Ok(made.as_ref().map_or(Path::new(""), Made::path).to_owned())
    }

    /// Where it is, if it exists yet.
    pub fn existing(&self) -> Option<PathBuf> {
        let made = self.made.lock();
        made.as_ref().map(|made| made.path().to_owned())
    }
}

impl Made {
    fn path(&self) -> &Path {
        match self {
            Self::Temporary(directory) => directory.path(),
            Self::Given(path) => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_folder_lasts_from_first_use_to_last_handle() {
        let directory = Directory::default();
        assert_eq!(directory.existing(), None);
        let path = directory.path().unwrap();
        assert!(path.is_dir());
        let other = directory.clone();
        drop(directory);
        assert_eq!(other.existing().as_ref(), Some(&path));
        drop(other);
        assert!(!path.exists());
    }
}

use std::fmt;

use super::failures::{FileResult, PATH, refused};
use crate::domain::{Failure, code};

const STAGING: &str = ".staging";
const BACKUP: &str = ".backup.";
/// The limits of common file systems, in bytes.
const MAX_PATH: usize = 4096;
const MAX_NAME: usize = 255;
/// The longest suffix that a backup adds to the name of its file.
const MAX_SUFFIX: usize = BACKUP.len() + 10;

/// The path of a file within the folder: names joined by `/`, on every platform.
///
/// It does not lead out of the folder, except by links, which are checked where it is used.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilePath(String);

impl FilePath {
    /// Parses a relative path; `a//b` and `./a/b` are `a/b`.
    ///
    /// # Errors
    ///
    /// `PATH_OUTSIDE_DIRECTORY` if it is absolute, contains `..`, has a drive or names the folder itself;
    /// `INVALID_PATH` if it cannot be a file's, or is reserved for staging files and backups.
    pub fn parse(text: &str) -> FileResult<Self> {
        let path = Self::any(text)?;
        if path
            .names()
            .last()
            .is_some_and(|file| file.len() > MAX_NAME - MAX_SUFFIX)
        {
            let why = "a file's name has at most 237 bytes, to leave room for a backup's";
            return Err(invalid(text, why));
        }
        if path.names().any(is_reserved) {
            let why = "names that end in .staging or .backup.<n> are reserved for staging files and backups";
            return Err(invalid(text, why));
        }
        Ok(path)
    }

    /// Parses a relative path, also of a staging file or a backup.
    pub(super) fn any(text: &str) -> FileResult<Self> {
        let invalid = |why: &str| invalid(text, why);
        if text.is_empty() {
            return Err(invalid("it is empty"));
        }
        if text.contains('\0') {
            return Err(invalid("it contains a NUL character"));
        }
        if text.len() > MAX_PATH {
            let length = text.len();
            let message = format!("the path has {length} bytes, expected at most {MAX_PATH}");
            return Err(refused(code::INVALID_PATH, PATH, message));
        }
        let either = ['/', '\\'];
        let climbs = text.split(either).any(|name| name == "..");
        if climbs || text.starts_with(either) || has_drive(text) {
            return Err(outside(text));
        }
        if text.contains('\\') {
            return Err(invalid(
                "a backslash separates folders on some systems only, use /",
            ));
        }
        let names: Vec<&str> = text
            .split('/')
            .filter(|name| !matches!(*name, "" | "."))
            .collect();
        let Some(file) = names.last() else {
            return Err(outside(text));
        };
        if !text.ends_with(file) {
            return Err(invalid("it names a folder"));
        }
        if names.iter().any(|name| name.len() > MAX_NAME) {
            return Err(invalid("a name has at most 255 bytes"));
        }
        Ok(Self(names.join("/")))
    }

    /// The file and the number of a backup, by the backup's path.
    pub(super) fn of_backup(path: &str) -> Option<(Self, u32)> {
        let (of, number) = path.rsplit_once(BACKUP)?;
        Some((Self::parse(of).ok()?, number.parse().ok()?))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names on the way, the file's own last.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Whether it is the other's path, or a folder on it.
    pub(super) fn is_or_contains(&self, other: &Self) -> bool {
        let below = other.0.strip_prefix(&self.0);
        below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    }

    /// The path of the staging file.
    pub(super) fn staging(&self) -> String {
        format!("{}{STAGING}", self.0)
    }

    /// The path of a backup.
    pub(super) fn backup(&self, number: u32) -> String {
        format!("{}{BACKUP}{number}", self.0)
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn invalid(text: &str, why: &str) -> Box<Failure> {
    let message = format!("{text:?} is not a valid file path: {why}");
    refused(code::INVALID_PATH, PATH, message)
}

/// The path leads out of the folder.
pub(super) fn outside(path: &str) -> Box<Failure> {
    let message = format!("{path:?} does not lead to a file in the scenario's directory");
    refused(code::PATH_OUTSIDE_DIRECTORY, PATH, message)
}

/// Whether a name is that of a staging file.
pub(super) fn is_staging(name: &str) -> bool {
    name.ends_with(STAGING)
}

fn is_reserved(name: &str) -> bool {
    is_staging(name)
        || name.rsplit_once(BACKUP).is_some_and(|(_, number)| {
            !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
        })
}

fn has_drive(text: &str) -> bool {
    matches!(text.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_path_is_normalised() {
        for (text, path) in [
            ("a.json", "a.json"),
            ("agents/ada.json", "agents/ada.json"),
            ("./a//b/./c", "a/b/c"),
            ("a name with spaces.v1.json", "a name with spaces.v1.json"),
            ("Grüße/日本.json", "Grüße/日本.json"),
            (".hidden", ".hidden"),
            ("...", "..."),
            ("a..b", "a..b"),
            ("x.backup.one", "x.backup.one"),
            ("x.backup.", "x.backup."),
            ("10:30", "10:30"),
        ] {
            assert_eq!(FilePath::parse(text).unwrap().as_str(), path, "{text:?}");
        }
        assert!(FilePath::parse(&"n".repeat(237)).is_ok());
        assert!(FilePath::parse(&format!("{}/a", "n".repeat(255))).is_ok());
    }

    #[test]
    fn invalid_path_is_refused_with_its_code() {
        let long = "n".repeat(238);
        let folder = format!("{}/a", "n".repeat(256));
        let path = "a/".repeat(2049);
        for (text, code) in [
            ("..", code::PATH_OUTSIDE_DIRECTORY),
            ("../a", code::PATH_OUTSIDE_DIRECTORY),
            ("a/../b", code::PATH_OUTSIDE_DIRECTORY),
            ("a/..", code::PATH_OUTSIDE_DIRECTORY),
            ("a\\..\\..\\b", code::PATH_OUTSIDE_DIRECTORY),
            ("/etc/passwd", code::PATH_OUTSIDE_DIRECTORY),
            ("\\\\server\\share", code::PATH_OUTSIDE_DIRECTORY),
            ("C:\\a", code::PATH_OUTSIDE_DIRECTORY),
            ("c:a", code::PATH_OUTSIDE_DIRECTORY),
            (".", code::PATH_OUTSIDE_DIRECTORY),
            ("./.", code::PATH_OUTSIDE_DIRECTORY),
            ("/", code::PATH_OUTSIDE_DIRECTORY),
            ("", code::INVALID_PATH),
            ("a\0b", code::INVALID_PATH),
            ("a\\b", code::INVALID_PATH),
            ("a/", code::INVALID_PATH),
            ("a/.", code::INVALID_PATH),
            ("x.staging", code::INVALID_PATH),
            ("x.staging/a", code::INVALID_PATH),
            ("x.backup.1", code::INVALID_PATH),
            (&long, code::INVALID_PATH),
            (&folder, code::INVALID_PATH),
            (&path, code::INVALID_PATH),
        ] {
            let failure = FilePath::parse(text).unwrap_err();
            assert_eq!(&*failure.code, code, "{text:?}");
            assert_eq!(failure.field.as_deref(), Some("path"), "{text:?}");
        }
    }
}

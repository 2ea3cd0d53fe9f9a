use std::fmt;

use super::failures::{FileResult, PATH, refused};
use crate::domain::{Failure, code};

const STAGING: &str = ".staging";
const BACKUP: &str = ".backup.";
/// What the common file systems take.
const LONGEST_PATH: usize = 4096;
const LONGEST_NAME: usize = 255;
/// What the longest of a file's companions, a backup, adds to its name.
const LONGEST_SUFFIX: usize = BACKUP.len() + 10;

/// Where a file lies within the folder: names joined by `/`, on every platform alike.
///
/// It leads nowhere else by itself; links on the way are looked at where it is used.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilePath(String);

impl FilePath {
    /// Reads a relative path; `a//b` and `./a/b` are `a/b`.
    ///
    /// # Errors
    ///
    /// `PATH_OUTSIDE_DIRECTORY` for what is absolute, climbs by `..`, has a drive or names the folder
    /// itself; `INVALID_PATH` for what no file can be called, and for the names of staging files and
    /// backups.
    pub fn parse(text: &str) -> FileResult<Self> {
        let path = Self::any(text)?;
        if path
            .names()
            .last()
            .is_some_and(|file| file.len() > LONGEST_NAME - LONGEST_SUFFIX)
        {
            let why = "a file's name has 237 bytes at most, to leave room for that of a backup";
            return Err(invalid(text, why));
        }
        if path.names().any(is_reserved) {
            let why =
                "names that end in .staging or .backup.<n> are kept for staging files and backups";
            return Err(invalid(text, why));
        }
        Ok(path)
    }

    /// Reads a relative path that may be one of a staging file or a backup.
    pub(super) fn any(text: &str) -> FileResult<Self> {
        let invalid = |why: &str| invalid(text, why);
        if text.is_empty() {
            return Err(invalid("it is empty"));
        }
        if text.contains('\0') {
            return Err(invalid("it holds a NUL character"));
        }
        if text.len() > LONGEST_PATH {
            let length = text.len();
            let message = format!("the path has {length} bytes, expected {LONGEST_PATH} at most");
            return Err(refused(code::INVALID_PATH, PATH, message));
        }
        let either = ['/', '\\'];
        let climbs = text.split(either).any(|name| name == "..");
        if climbs || text.starts_with(either) || has_drive(text) {
            return Err(outside(text));
        }
        if text.contains('\\') {
            return Err(invalid(
                "a backslash parts folders on some systems only, use /",
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
        if names.iter().any(|name| name.len() > LONGEST_NAME) {
            return Err(invalid("a name has 255 bytes at most"));
        }
        Ok(Self(names.join("/")))
    }

    /// The file that a path of a backup is of, and the backup's number.
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

    /// Whether it is the other, or would have to be a folder for the other to lie in.
    pub(super) fn is_or_holds(&self, other: &Self) -> bool {
        let below = other.0.strip_prefix(&self.0);
        below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    }

    /// The path of a new content until it takes the file's place.
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
    let message = format!("{path:?} leads to no file within the scenario's directory");
    refused(code::PATH_OUTSIDE_DIRECTORY, PATH, message)
}

/// Whether a name is one of a staging file.
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
    fn names_of_all_kinds_lie_within_the_folder() {
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
    fn what_leads_out_is_told_from_what_no_file_can_be_called() {
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

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::{
    failures::FileResult,
    location::{FileLocation, read},
    path::FilePath,
};
use crate::clock::Clock;

/// Who may do what with a file: unix mode bits, written as octal text such as `"0644"`.
///
/// On other systems they are only metadata. The owner can always read, since a service that cannot
/// read its own files could neither check nor undo anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Permissions(u32);

/// Why a text is not a valid permission mode.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is not a valid permission mode, expected three octal digits after an optional 0 that let the owner read, as in \"0644\""
)]
pub struct PermissionsError(String);

impl Permissions {
    /// The unix mode bits.
    pub fn mode(self) -> u32 {
        self.0
    }
}

impl Default for Permissions {
    /// The owner may read and write, others may read.
    fn default() -> Self {
        Self(0o644)
    }
}

impl FromStr for Permissions {
    type Err = PermissionsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const OWNER_READS: u32 = 0o400;
        let refused = || PermissionsError(text.to_owned());
        let digits = match text.len() {
            4 => text.strip_prefix('0').ok_or_else(refused)?,
            3 => text,
            _ => return Err(refused()),
        };
        // `from_str_radix` would take a sign.
        if !digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit)) {
            return Err(refused());
        }
        let mode = u32::from_str_radix(digits, 8).map_err(|_| refused())?;
        if mode & OWNER_READS == 0 {
            return Err(refused());
        }
        Ok(Self(mode))
    }
}

impl TryFrom<String> for Permissions {
    type Error = PermissionsError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What is known of a file beside its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileMetadata {
    /// In bytes.
    pub size: u64,
    /// When it was created, as an offset since the scenario's start.
    #[serde(serialize_with = "timestamp")]
    pub created_at: Duration,
    /// When its content last changed, as an offset since the scenario's start.
    #[serde(serialize_with = "timestamp")]
    pub modified_at: Duration,
    /// Who may do what with it.
    pub permissions: Permissions,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub checksum: String,
    /// Counts its contents, from 1.
    pub version: u32,
}

/// What is known of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupMetadata {
    /// The path of the backup itself.
    pub id: String,
    /// The path of its file.
    pub file_path: String,
    /// When it was created, as an offset since the scenario's start.
    #[serde(serialize_with = "timestamp")]
    pub created_at: Duration,
    /// In bytes.
    pub size: u64,
    /// SHA-256 of the bytes it should have, in hexadecimal digits.
    pub checksum: String,
    /// The version of the file that it contains.
    pub version: u32,
    /// The operation that it was made for.
    pub reason: &'static str,
    /// After how many days it expires; `None` for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
}

/// The form in which a content was written, and is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentForm {
    Text,
    Json,
}

/// A file as its service left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileRecord {
    pub metadata: FileMetadata,
    pub form: ContentForm,
}

/// A former content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Backup {
    /// Counted from 1 for each path, even if the file was deleted in between.
    pub number: u32,
    pub made_at: Duration,
    /// The file as it was.
    pub metadata: FileMetadata,
    pub form: ContentForm,
    pub reason: &'static str,
    pub retention_days: Option<u32>,
}

/// What is known of one path: the file, if there is one, and its backups.
#[derive(Clone, Debug, Default)]
pub(super) struct FileHistory {
    pub record: Option<FileRecord>,
    /// Oldest first.
    pub backups: Vec<Backup>,
    /// The number of the newest backup there has ever been.
    pub last_backup: u32,
    /// Differs in every state of the path, even with the same bytes; 0 before the first change.
    pub stamp: u64,
}

impl FileHistory {
    /// The newest intact backup, and its bytes.
    ///
    /// # Errors
    ///
    /// If a backup cannot be read.
    pub fn newest_intact(
        &self,
        place: &FileLocation,
        wanted: impl Fn(&Backup) -> bool,
    ) -> FileResult<Option<(&Backup, Vec<u8>)>> {
        for backup in self.backups.iter().rev().filter(|backup| wanted(backup)) {
            if let Some(bytes) = read(&place.backup(backup.number))?
                && checksum(&bytes) == backup.metadata.checksum
            {
                return Ok(Some((backup, bytes)));
            }
        }
        Ok(None)
    }
}

impl Backup {
    pub fn describe(&self, file: &FilePath) -> BackupMetadata {
        BackupMetadata {
            id: file.backup(self.number),
            file_path: file.as_str().to_owned(),
            created_at: self.made_at,
            size: self.metadata.size,
            checksum: self.metadata.checksum.clone(),
            version: self.metadata.version,
            reason: self.reason,
            retention_days: self.retention_days,
        }
    }

    /// Whether its retention has ended.
    pub fn expired(&self, now: Duration) -> bool {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        self.retention_days
            .is_some_and(|days| self.made_at + DAY * days <= now)
    }
}

/// SHA-256 in hexadecimal digits.
pub(super) fn checksum(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn timestamp<S: Serializer>(offset: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&Clock::timestamp(*offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_octal_digits_that_let_the_owner_read() {
        for (text, mode) in [("0644", 0o644), ("400", 0o400), ("0777", 0o777)] {
            let permissions: Permissions = text.parse().unwrap();
            assert_eq!(permissions.mode(), mode);
        }
        assert_eq!(Permissions::default().to_string(), "0644");
        for text in [
            "",
            "0",
            "64",
            "0688",
            "1644",
            "+644",
            "rw-r--r--",
            "0000",
            "0200",
            "00644",
            " 644",
        ] {
            assert!(text.parse::<Permissions>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn backup_expires_after_its_retention_in_whole_days() {
        let hours = |hours: u64| Duration::from_secs(hours * 60 * 60);
        let mut backup = Backup {
            number: 1,
            made_at: hours(1),
            metadata: FileMetadata {
                size: 0,
                created_at: Duration::ZERO,
                modified_at: Duration::ZERO,
                permissions: Permissions::default(),
                checksum: checksum(&[]),
                version: 1,
            },
            form: ContentForm::Text,
            reason: "update",
            retention_days: Some(2),
        };
        assert!(!backup.expired(hours(49) - Duration::from_millis(1)));
        assert!(backup.expired(hours(49)));
        backup.retention_days = None;
        assert!(!backup.expired(hours(1_000_000)));
    }

    #[test]
    fn checksum_is_sha_256() {
        assert_eq!(
            checksum(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}

use std::sync::Arc;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::path::FilePath;
use crate::{
    domain::{Violation, pointer_token},
    services::ServiceDefinition,
};

/// The files of a service: how backups are kept, and which files exist from the start.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FilesDefinition {
    /// Whether all backups of a file are kept, so that every former version can be restored, or only
    /// the newest.
    pub versions: bool,
    /// Whether a file is backed up before it is changed or deleted, unless the input says otherwise.
    pub backups: bool,
    /// After how many days a backup expires, and is removed when the next one is created; by default
    /// never.
    pub retention_days: Option<u32>,
    /// The files that exist from the start, at version 1: contents by path.
    ///
    /// They are created on the first access to files, unless they exist already. A string is written
    /// as it is, any other JSON indented, with a newline at the end.
    pub existing: IndexMap<String, Arc<Value>>,
}

impl Default for FilesDefinition {
    fn default() -> Self {
        Self {
            versions: false,
            backups: true,
            retention_days: None,
            existing: IndexMap::new(),
        }
    }
}

/// What can be done to files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileOperation {
    Create,
    Update,
    Delete,
    Get,
    List,
    Restore,
    Validate,
    Exists,
    Describe,
    Permit,
    /// Of a content that need not be a file's.
    Checksum,
}

impl FileOperation {
    /// Every operation, and its name in definitions and replies.
    pub const ALL: [(Self, &str); 11] = [
        (Self::Create, "create"),
        (Self::Update, "update"),
        (Self::Delete, "delete"),
        (Self::Get, "get"),
        (Self::List, "list"),
        (Self::Restore, "restore"),
        (Self::Validate, "validate"),
        (Self::Exists, "exists"),
        (Self::Describe, "describe"),
        (Self::Permit, "permit"),
        (Self::Checksum, "checksum"),
    ];

    /// Its name in definitions and replies.
    pub(super) fn as_str(self) -> &'static str {
        let named = Self::ALL.into_iter().find(|(own, _)| *own == self);
        named.map_or("", |(_, name)| name)
    }

    /// Whether it changes nothing, except for a `validate` that restores.
    pub fn reads_only(self) -> bool {
        matches!(
            self,
            Self::Get
                | Self::List
                | Self::Validate
                | Self::Exists
                | Self::Describe
                | Self::Checksum
        )
    }
}

/// Checks the definition of a file service.
///
/// # Errors
///
/// As for [`existing`] and [`ServiceDefinition::check_operations`].
pub fn check(files: &FilesDefinition, definition: &ServiceDefinition) -> Result<(), Violation> {
    existing(files)?;
    let names = FileOperation::ALL.map(|(_, name)| name);
    definition.check_operations(&names, |kind| kind.file.is_some())
}

/// The files that exist from the start.
///
/// # Errors
///
/// If a path is not valid, or two files have the same path or one would be the other's folder.
pub(super) fn existing(
    files: &FilesDefinition,
) -> Result<IndexMap<FilePath, Arc<Value>>, Violation> {
    let mut found: IndexMap<FilePath, Arc<Value>> = IndexMap::new();
    for (text, content) in &files.existing {
        let refused = |message: String| {
            Violation::new(format!("/files/existing/{}", pointer_token(text)), message)
        };
        let path = FilePath::parse(text).map_err(|failure| refused(failure.message))?;
        let clash = found
            .keys()
            .find(|other| other.is_or_contains(&path) || path.is_or_contains(other));
        if let Some(other) = clash {
            let message = format!("the file conflicts with {:?}", other.as_str());
            return Err(refused(message));
        }
        found.insert(path, Arc::clone(content));
    }
    Ok(found)
}

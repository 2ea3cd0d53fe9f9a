use std::sync::Arc;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::path::FilePath;
use crate::{
    domain::{Violation, did_you_mean, pointer_token},
    services::{OperationKind, ServiceDefinition},
};

/// What makes a service a file service: how it keeps former contents, and what is there from the start.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FilesDefinition {
    /// Whether all backups of a file are kept, so that every former version can be restored; else
    /// the newest alone.
    pub versions: bool,
    /// Whether a file is backed up before it is changed or deleted, unless the input says otherwise.
    pub backups: bool,
    /// After how many days a backup is given up, when the next one is made; never unless given.
    pub retention_days: Option<u32>,
    /// The files that are there from the start, at version 1: contents by path.
    ///
    /// They are laid down when files are first asked for, where there is none yet. A text is written
    /// as it is, any other JSON indented and with a line end behind it.
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

/// What a file service can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileOperation {
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
}

impl FileOperation {
    const ALL: [(OperationKind, Self); 10] = [
        (OperationKind::Create, Self::Create),
        (OperationKind::Update, Self::Update),
        (OperationKind::Delete, Self::Delete),
        (OperationKind::Get, Self::Get),
        (OperationKind::List, Self::List),
        (OperationKind::Restore, Self::Restore),
        (OperationKind::Validate, Self::Validate),
        (OperationKind::Exists, Self::Exists),
        (OperationKind::Describe, Self::Describe),
        (OperationKind::Permit, Self::Permit),
    ];

    /// Its name in definitions and replies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Get => "get",
            Self::List => "list",
            Self::Restore => "restore",
            Self::Validate => "validate",
            Self::Exists => "exists",
            Self::Describe => "describe",
            Self::Permit => "permit",
        }
    }

    /// Whether it may only tell something, by its input.
    pub fn may_query(self) -> bool {
        matches!(
            self,
            Self::Get | Self::List | Self::Validate | Self::Exists | Self::Describe
        )
    }

    fn of(kind: OperationKind) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|(own, _)| *own == kind);
        found.map(|(_, operation)| operation)
    }
}

/// Checks the definition of a file service.
///
/// # Errors
///
/// If there are no operations, or one has no kind, a kind that is not one of files, or a reply that
/// is no object; if files that are there from the start cannot be, or not beside each other.
pub fn check(files: &FilesDefinition, definition: &ServiceDefinition) -> Result<(), Violation> {
    existing(files)?;
    operations(definition).map(|_| ())
}

/// The files that are there from the start.
///
/// # Errors
///
/// If a path is none, is that of another of them, or has another of them for a folder.
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
            .find(|other| other.is_or_holds(&path) || path.is_or_holds(other));
        if let Some(other) = clash {
            let message = format!("the file cannot be beside {:?}", other.as_str());
            return Err(refused(message));
        }
        found.insert(path, Arc::clone(content));
    }
    Ok(found)
}

/// What each operation of a file service does.
///
/// # Errors
///
/// As for [`check`].
pub(super) fn operations(
    definition: &ServiceDefinition,
) -> Result<IndexMap<String, FileOperation>, Violation> {
    let refused = |pointer: String, message: String| Violation::new(pointer, message);
    let names = || FileOperation::ALL.map(|(_, operation)| operation.as_str());
    let Some(operations) = &definition.operations else {
        let message = "a file service has operations, each with a kind".to_owned();
        return Err(refused("/operations".to_owned(), message));
    };
    let mut found = IndexMap::new();
    for (name, operation) in operations {
        let at = format!("/operations/{}", pointer_token(name));
        let Some(kind) = operation.kind else {
            let hint = did_you_mean(name, names());
            let message = format!("an operation of a file service needs a kind: {hint}");
            return Err(refused(at, message));
        };
        let Some(file_operation) = FileOperation::of(kind) else {
            let kind = serde_json::to_value(kind).unwrap_or_default();
            let kind = kind.as_str().unwrap_or_default();
            let hint = did_you_mean(kind, names());
            let message = format!("a file service cannot {kind:?}: {hint}");
            return Err(refused(format!("{at}/kind"), message));
        };
        let reply = operation.reply.as_deref();
        if let Some(reply) = reply.filter(|reply| !matches!(reply, Value::Object(_))) {
            let message = format!(
                "{reply} adds no fields to what a file service replies, expected an object"
            );
            return Err(refused(format!("{at}/reply"), message));
        }
        found.insert(name.clone(), file_operation);
    }
    Ok(found)
}

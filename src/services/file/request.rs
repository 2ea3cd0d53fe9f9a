use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    definition::FileOperation,
    failures::{FileResult, refused},
    record::Permissions,
};
use crate::domain::{code, from_value};

/// The request of a call.
#[derive(Debug)]
pub(super) enum FileRequest {
    Query(FileQuery),
    Command(FileCommand),
}

/// A request that changes nothing.
#[derive(Debug)]
pub(super) enum FileQuery {
    Get(OneFile),
    Exists(OneFile),
    Describe(OneFile),
    /// Whether the bytes on disk are still those that were written.
    Validate(OneFile),
    List(List),
    /// What a file of a content would have.
    Checksum(OfContent),
}

/// A request that changes one file.
#[derive(Debug)]
pub(super) enum FileCommand {
    Create(Create),
    Update(Update),
    Delete(Delete),
    Restore(Restore),
    Permit(Permit),
    /// An integrity check that restores a corrupt file.
    Repair(OneFile),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Create {
    #[serde(default)]
    pub path: String,
    pub content: Value,
    pub permissions: Option<Permissions>,
    /// Whether an existing file may be replaced.
    #[serde(default)]
    pub overwrite_existing: bool,
    pub create_backup: Option<bool>,
    pub validate_content: Option<Value>,
    /// The version that the file must have.
    pub version: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Update {
    #[serde(default)]
    pub path: String,
    pub content: Value,
    pub permissions: Option<Permissions>,
    pub create_backup: Option<bool>,
    pub validate_content: Option<Value>,
    /// The version that the file must have.
    pub version: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Delete {
    #[serde(default)]
    pub path: String,
    pub create_backup: Option<bool>,
    /// Whether its backups are removed too; then no new one is created either.
    #[serde(default)]
    pub remove_backups: bool,
    /// The version that the file must have.
    pub version: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Restore {
    #[serde(default)]
    pub path: String,
    /// The version to restore; by default the newest in a backup.
    pub version: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Permit {
    #[serde(default)]
    pub path: String,
    pub permissions: Permissions,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Validate {
    #[serde(default)]
    path: String,
    /// Whether a corrupt file is restored.
    #[serde(default)]
    restore: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OneFile {
    #[serde(default)]
    pub path: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    /// The folder to list, recursively; by default everything.
    pub path: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OfContent {
    pub content: Value,
}

impl FileRequest {
    /// Parses the input of an operation.
    ///
    /// # Errors
    ///
    /// `VALIDATION_FAILED` with the field at fault, and the nearest name if it is unknown.
    pub fn read(operation: FileOperation, input: &Value) -> FileResult<Self> {
        use FileOperation as O;
        Ok(match operation {
            O::Create => Self::Command(FileCommand::Create(fields(input)?)),
            O::Update => Self::Command(FileCommand::Update(fields(input)?)),
            O::Delete => Self::Command(FileCommand::Delete(fields(input)?)),
            O::Restore => Self::Command(FileCommand::Restore(fields(input)?)),
            O::Permit => Self::Command(FileCommand::Permit(fields(input)?)),
            O::Get => Self::Query(FileQuery::Get(fields(input)?)),
            O::Exists => Self::Query(FileQuery::Exists(fields(input)?)),
            O::Describe => Self::Query(FileQuery::Describe(fields(input)?)),
            O::Checksum => Self::Query(FileQuery::Checksum(fields(input)?)),
            O::List => Self::Query(FileQuery::List(fields(input)?)),
            O::Validate => {
                let Validate { path, restore } = fields(input)?;
                let one = OneFile { path };
                match restore {
                    true => Self::Command(FileCommand::Repair(one)),
                    false => Self::Query(FileQuery::Validate(one)),
                }
            }
        })
    }
}

impl FileCommand {
    /// The operation's name in replies.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Update(_) => "update",
            Self::Delete(_) => "delete",
            Self::Restore(_) => "restore",
            Self::Permit(_) => "permit",
            Self::Repair(_) => "validate",
        }
    }
}

/// The input of an operation that compensates another service's call: the fields that the operation
/// needs, from the `input` in `{ "input", "reply" }`, else from the `reply`.
pub(super) fn of_compensation(operation: FileOperation, input: &Value) -> Value {
    let Some((sent, received)) = compensated(input) else {
        return input.clone();
    };
    let needed: &[&str] = match operation {
        FileOperation::Create | FileOperation::Update => &["path", "content", "permissions"],
        FileOperation::Permit => &["path", "permissions"],
        FileOperation::Checksum => &["content"],
        _ => &["path"],
    };
    let fields = needed.iter().filter_map(|field| {
        let value = sent.get(field).or_else(|| received.get(field))?;
        Some(((*field).to_owned(), value.clone()))
    });
    Value::Object(fields.collect::<Map<_, _>>())
}

/// The path in an input, if there is one.
pub(super) fn path_in(input: &Value) -> Option<&str> {
    let path = match compensated(input) {
        Some((sent, received)) => sent.get("path").or_else(|| received.get("path")),
        None => input.get("path"),
    };
    path?.as_str()
}

fn compensated(input: &Value) -> Option<(&Value, &Value)> {
    let fields = input.as_object().filter(|fields| fields.len() == 2)?;
    Some((fields.get("input")?, fields.get("reply")?))
}

fn fields<T: DeserializeOwned>(input: &Value) -> FileResult<T> {
    from_value(input).map_err(|error| {
        // A top-level field is named, a deeper one has a pointer.
        let name = error.pointer.trim_start_matches('/');
        let field = match name.contains('/') {
            true => error.pointer.as_str(),
            false => name,
        };
        let mut failure = refused(code::VALIDATION_FAILED, field, error.to_string());
        failure.field = failure.field.filter(|field| !field.is_empty());
        failure
    })
}

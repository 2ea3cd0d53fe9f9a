use serde::Deserialize;

use super::FileOperation;
use crate::domain::did_you_mean;

/// What an operation does to the state of its service, by the kind of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct OperationKind {
    /// For a service that keeps entities.
    pub entity: Option<EntityOperation>,
    /// For a service that keeps files.
    pub file: Option<FileOperation>,
}

impl OperationKind {
    /// Whether a call only reads, and so has no effect.
    pub fn reads_only(self) -> bool {
        self.entity.is_some_and(EntityOperation::reads_only)
            || self.file.is_some_and(FileOperation::reads_only)
    }
}

impl TryFrom<String> for OperationKind {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let entity = EntityOperation::ALL.into_iter();
        let file = FileOperation::ALL.into_iter();
        let kind = Self {
            entity: entity
                .clone()
                .find(|(_, own)| *own == name)
                .map(|(own, _)| own),
            file: file
                .clone()
                .find(|(_, own)| *own == name)
                .map(|(own, _)| own),
        };
        if kind.entity.is_some() || kind.file.is_some() {
            return Ok(kind);
        }
        let names = entity.map(|(_, own)| own).chain(file.map(|(_, own)| own));
        Err(format!(
            "unknown kind {name:?}, {}",
            did_you_mean(&name, names)
        ))
    }
}

/// What can be done to entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntityOperation {
    Validate,
    Create,
    Get,
    Update,
    Delete,
    List,
    Restore,
    Reserve,
    Release,
    Suggest,
    BatchValidate,
}

impl EntityOperation {
    /// Every operation, and its name in definitions.
    pub const ALL: [(Self, &str); 11] = [
        (Self::Validate, "validate"),
        (Self::Create, "create"),
        (Self::Get, "get"),
        (Self::Update, "update"),
        (Self::Delete, "delete"),
        (Self::List, "list"),
        (Self::Restore, "restore"),
        (Self::Reserve, "reserve"),
        (Self::Release, "release"),
        (Self::Suggest, "suggest"),
        (Self::BatchValidate, "batchValidate"),
    ];

    /// Whether it changes nothing.
    pub fn reads_only(self) -> bool {
        matches!(
            self,
            Self::Validate | Self::Get | Self::List | Self::Suggest | Self::BatchValidate
        )
    }
}

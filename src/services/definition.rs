use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EntityDefinition, FilesDefinition, entity, file, service::PROBE};
use crate::domain::{FailureMode, Violation, did_you_mean, duration_text};

/// A file of service definitions, as in `fixtures/services/`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CastFile {
    /// The JSON Schema of such files, for editors.
    #[serde(default, rename = "$schema")]
    pub schema: Option<String>,
    /// What the services are for.
    #[serde(default)]
    pub description: Option<String>,
    /// The services.
    pub services: Vec<Arc<ServiceDefinition>>,
}

/// A service that is played, as data.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServiceDefinition {
    /// The name it is called by; a definition in a step takes the step's.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The class whose bulkhead its calls share.
    pub class: Option<String>,
    /// The operation that its health is checked by; `health` unless given, where it has one.
    pub probe: Option<String>,
    /// Codes of its own.
    pub codes: IndexMap<String, CodeDefinition>,
    /// Its operations; any name will do where none are given.
    pub operations: Option<IndexMap<String, OperationDefinition>>,
    /// The entities that it keeps; none unless given.
    pub entity: Option<EntityDefinition>,
    /// How it keeps files; it keeps none unless given.
    pub files: Option<FilesDefinition>,
}

impl CastFile {
    /// Checks what the form of the definitions does not tell.
    ///
    /// # Errors
    ///
    /// As for [`ServiceDefinition::check`].
    pub fn check(&self) -> Result<(), Violation> {
        for (index, service) in self.services.iter().enumerate() {
            let within = |error: Violation| error.within(&format!("/services/{index}"));
            service.check().map_err(within)?;
        }
        Ok(())
    }
}

impl ServiceDefinition {
    /// Checks what the form of the definition does not tell.
    ///
    /// # Errors
    ///
    /// If it keeps entities or files, and they or an operation on them cannot be; if it keeps both;
    /// if it has no operation as its probe.
    pub fn check(&self) -> Result<(), Violation> {
        self.check_probe()?;
        match (&self.entity, &self.files) {
            (Some(_), Some(_)) => {
                let message = "a service keeps entities or files, not both";
                Err(Violation::new("/files", message))
            }
            (Some(entity), None) => entity::check(entity, self),
            (None, Some(files)) => file::check(files, self),
            (None, None) => Ok(()),
        }
    }

    pub(crate) fn check_probe(&self) -> Result<(), Violation> {
        let (Some(probe), Some(operations)) = (&self.probe, &self.operations) else {
            return Ok(());
        };
        if operations.contains_key(probe) {
            return Ok(());
        }
        let hint = did_you_mean(probe, operations.keys().map(String::as_str));
        let message = format!("it has no operation {probe:?}, {hint}");
        Err(Violation::new("/probe", message))
    }

    /// The operation that its health is checked by, if any.
    pub fn probe(&self) -> Option<&str> {
        let operations = self.operations.as_ref();
        let has = |name: &str| operations.is_none_or(|known| known.contains_key(name));
        self.probe
            .as_deref()
            .or_else(|| has(PROBE).then_some(PROBE))
    }

    /// Whether it has an operation; any will do where none are given.
    pub fn has_operation(&self, name: &str) -> bool {
        self.operations
            .as_ref()
            .is_none_or(|operations| operations.contains_key(name))
    }

    /// An operation by name.
    pub fn operation(&self, name: &str) -> Option<&OperationDefinition> {
        self.operations.as_ref()?.get(name)
    }

    /// How long an operation takes.
    pub fn latency(&self, operation: &str) -> Duration {
        self.operation(operation)
            .map_or(Duration::ZERO, |operation| operation.latency)
    }
}

/// An operation of a service that is played.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OperationDefinition {
    /// What it is for.
    pub description: Option<String>,
    /// What it does to the service's state.
    pub kind: Option<OperationKind>,
    /// How long it takes.
    #[serde(with = "duration_text")]
    pub latency: Duration,
    /// What it answers; `{}` unless given.
    pub reply: Option<Arc<Value>>,
}

/// What an operation does to the state of its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say all there is to say")]
pub enum OperationKind {
    Validate,
    Create,
    Get,
    Update,
    Delete,
    List,
    Restore,
    Reserve,
    Release,
    Sync,
    Suggest,
    BatchValidate,
    Exists,
    Describe,
    Permit,
}

impl OperationKind {
    /// What can be done to entities, as definitions write it.
    pub const OF_ENTITIES: [(Self, &str); 12] = [
        (Self::Validate, "validate"),
        (Self::Create, "create"),
        (Self::Get, "get"),
        (Self::Update, "update"),
        (Self::Delete, "delete"),
        (Self::List, "list"),
        (Self::Restore, "restore"),
        (Self::Reserve, "reserve"),
        (Self::Release, "release"),
        (Self::Sync, "sync"),
        (Self::Suggest, "suggest"),
        (Self::BatchValidate, "batchValidate"),
    ];

    /// Whether it only reads, so that a call leaves no effect.
    pub fn reads_only(self) -> bool {
        matches!(
            self,
            Self::Validate
                | Self::Get
                | Self::List
                | Self::Suggest
                | Self::BatchValidate
                | Self::Exists
                | Self::Describe
        )
    }
}

/// A failure code of a service's own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CodeDefinition {
    /// What it means.
    pub description: Option<String>,
    /// What kind of trouble it is; [`FailureMode::AgentLogic`] unless given.
    pub mode: Option<FailureMode>,
    /// Whether it is worth a retry; as its mode says unless given.
    pub retryable: Option<bool>,
}

impl CodeDefinition {
    /// Mode and retryability.
    pub fn classify(&self) -> (FailureMode, bool) {
        let mode = self.mode.unwrap_or(FailureMode::AgentLogic);
        (mode, self.retryable.unwrap_or_else(|| mode.retryable()))
    }
}

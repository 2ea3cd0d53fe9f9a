use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::redaction::{REDACTED, looks_secret, redact_with_texts};

/// What becomes of the consistency of services, on the timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(
    tag = "event",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum ConsistencyEvent {
    /// Concurrent updates changed a field of a configuration.
    ConflictResolved {
        configuration: Arc<str>,
        #[serde(flatten)]
        conflict: Conflict,
    },
    /// An update lost against one that was first.
    UpdateRejected {
        configuration: Arc<str>,
        operation: Arc<str>,
        reason: &'static str,
        /// The fields that it would have changed.
        fields: Vec<String>,
        /// The current version.
        version: u64,
    },
}

/// Updates of one field that are based on the same version, and what became of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Conflict {
    /// What kind of conflict it is.
    pub conflict_type: ConflictType,
    /// The field.
    pub field: String,
    /// The value of each operation, oldest first.
    pub conflicting_values: Vec<OperationValue>,
    /// The rule that chose the value.
    pub resolution: Arc<str>,
    /// The value that was chosen.
    pub winning_value: Value,
    /// The operation whose value it is; `None` for a value that none of them gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winning_operation: Option<Arc<str>>,
}

/// The kinds of conflicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictType {
    /// Operations that did not know of each other changed one field.
    ConcurrentFieldModification,
}

/// What an operation made of a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OperationValue {
    /// The operation.
    pub operation: Arc<str>,
    /// Its value.
    pub value: Value,
}

impl ConsistencyEvent {
    /// Replaces the secrets in what the event holds, in its texts too.
    pub fn redact(&mut self) {
        match self {
            Self::ConflictResolved { conflict, .. } => conflict.redact(),
            Self::UpdateRejected { .. } => {}
        }
    }
}

impl Conflict {
    fn redact(&mut self) {
        let is_secret = looks_secret(&self.field);
        let given = self.conflicting_values.iter_mut();
        let values = given.map(|given| &mut given.value);
        for value in values.chain([&mut self.winning_value]) {
            *value = match is_secret {
                true => REDACTED.into(),
                false => Arc::unwrap_or_clone(redact_with_texts(&Arc::new(value.take()))),
            };
        }
    }
}

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::redaction::{REDACTED, looks_secret, redact_text, redact_with_texts};
use crate::domain::{Severity, shown_duration};

/// Events about the consistency of services.
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
    /// A rule for what services keep does not hold.
    InconsistencyFound(Finding),
    /// The services agree again.
    Reconciled {
        about: Arc<str>,
        /// Since the inconsistency was found.
        #[serde(serialize_with = "shown_duration::serialize")]
        took: Duration,
    },
}

/// What is found against a rule for what services keep.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The rule.
    pub rule: Arc<str>,
    /// What is wrong.
    pub kind: FindingKind,
    /// How bad it is.
    pub severity: Severity,
    /// What was found and what was expected.
    pub message: String,
}

/// What can be wrong with what services keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A version is lower than expected.
    VersionMismatch,
    /// A checksum is not the expected one.
    ChecksumMismatch,
    /// What is referred to does not exist.
    MissingReference,
    /// Times are too far apart.
    OutsideWindow,
    /// A value is not the expected one.
    FieldMismatch,
    /// What is to be compared does not exist.
    NotFound,
    /// What is to be compared could not be read.
    Unreadable,
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
            Self::UpdateRejected { .. } | Self::Reconciled { .. } => {}
            Self::InconsistencyFound(finding) => {
                if let Some(shown) = redact_text(&finding.message) {
                    finding.message = shown;
                }
            }
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

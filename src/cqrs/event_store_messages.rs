//! What an event store is asked when it is called as a service, and what it replies.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    domain::{Failure, code},
    messaging::CloudEvent,
};

/// What is asked of `EventStore.load`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Load {
    pub aggregate: Arc<str>,
    pub aggregate_id: Arc<str>,
    /// The command that the aggregate is loaded for, to learn whether it was handled before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Arc<str>>,
}

/// The reply of `EventStore.load`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Loaded {
    pub version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Kept>,
    /// Those after the snapshot.
    pub events: Vec<Arc<CloudEvent>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handled: Option<Before>,
}

/// A snapshot as JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Kept {
    pub version: u64,
    pub state: Arc<Value>,
}

/// What a command that was handled before came to.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Before {
    pub version: u64,
    pub events: Vec<Arc<str>>,
}

/// What is asked of `EventStore.append`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Append {
    pub aggregate: Arc<str>,
    pub aggregate_id: Arc<str>,
    pub expected_version: u64,
    pub events: Vec<Arc<CloudEvent>>,
}

/// The reply of `EventStore.append`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Appended {
    pub version: u64,
}

/// What is asked of `EventStore.read`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Read {
    #[serde(default)]
    pub after: u64,
    pub limit: usize,
}

/// What is asked of `EventStore.saveSnapshot`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SaveSnapshot {
    pub aggregate: Arc<str>,
    pub aggregate_id: Arc<str>,
    pub version: u64,
    pub state: Arc<Value>,
}

/// The types of events, in order.
pub(super) fn kinds(events: &[Arc<CloudEvent>]) -> Vec<Arc<str>> {
    events.iter().map(|event| Arc::clone(&event.kind)).collect()
}

/// What is written as JSON to be sent.
pub(super) fn to_value(value: &impl Serialize) -> Result<Value, Box<Failure>> {
    serde_json::to_value(value)
        .map_err(|error| Box::new(Failure::new(code::VALIDATION_FAILED, error.to_string())))
}

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::observability::CommandHead;

/// Something that someone wants done to an aggregate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Command {
    /// What it is known by: a command of the same id and aggregate is handled once.
    pub id: Arc<str>,
    /// What is wanted, such as `withdraw`; `type` in JSON.
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    /// The id of the aggregate.
    pub aggregate_id: Arc<str>,
    /// What else there is to say.
    #[serde(default)]
    pub payload: Arc<Value>,
    /// Who wants it, and what it is part of.
    #[serde(default)]
    pub metadata: CommandMetadata,
}

impl Command {
    /// What it is told by on the timeline.
    pub fn head(&self) -> CommandHead {
        CommandHead {
            command: Arc::clone(&self.id),
            kind: Arc::clone(&self.kind),
            aggregate_id: Arc::clone(&self.aggregate_id),
        }
    }
}

/// Who sends a command, and what it is part of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CommandMetadata {
    /// Who sends it; events carry it as `userid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Arc<str>>,
    /// The trace it is part of, as the header `traceparent` says it; a text that is none begins a
    /// new trace, with a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Arc<str>>,
}

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommandResult {
    /// Always true: what is refused or fails is a [`Failure`](crate::domain::Failure).
    pub success: bool,
    /// The id of the aggregate.
    pub aggregate_id: Arc<str>,
    /// The version of the aggregate: the old one and the number of events.
    pub version: u64,
    /// The types of the events.
    pub events: Vec<Arc<str>>,
}

//! Commands: aggregates decide them, and the events that they decide on are appended to the store.

mod aggregate;
mod defined_aggregate;
mod handler;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::{
    aggregate::{Aggregate, Decision, DomainEvent, unknown_event},
    defined_aggregate::{AggregateDefinition, DefinedAggregate},
    handler::CommandHandler,
};
use crate::{domain::json_digest, observability::CommandHead};

/// A request to change an aggregate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Command {
    /// Its id: a command of the same id and aggregate is handled once, and another one is refused.
    pub id: Arc<str>,
    /// Its type, such as `withdraw`; `type` in JSON.
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    /// The id of the aggregate.
    pub aggregate_id: Arc<str>,
    /// Its data.
    #[serde(default)]
    pub payload: Arc<Value>,
    /// Its sender and its trace.
    #[serde(default)]
    pub metadata: CommandMetadata,
}

impl Command {
    /// What it asks for: two commands that differ in type or payload differ in this.
    pub(super) fn digest(&self) -> Arc<str> {
        json_digest(&json!([&*self.kind, &*self.payload]))
    }

    /// What the timeline records of it.
    pub fn head(&self) -> CommandHead {
        CommandHead {
            command: Arc::clone(&self.id),
            kind: Arc::clone(&self.kind),
            aggregate_id: Arc::clone(&self.aggregate_id),
        }
    }
}

/// The sender of a command and its trace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CommandMetadata {
    /// The sender; events carry it as `userid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Arc<str>>,
    /// The trace it is part of, in the format of the header `traceparent`; an invalid one starts a new
    /// trace with a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Arc<str>>,
}

/// The result of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommandResult {
    /// Always true: a refusal or failure is a [`Failure`](crate::domain::Failure).
    pub success: bool,
    /// The id of the aggregate.
    pub aggregate_id: Arc<str>,
    /// The new version of the aggregate: the old one plus the number of events.
    pub version: u64,
    /// The types of the events.
    pub events: Vec<Arc<str>>,
}

//! What several events of the timeline tell alike, and share.

use std::{sync::Arc, time::Duration};

use serde::Serialize;

use crate::domain::{CallName, duration_text};

/// What an event that services send each other is told by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct EventHead {
    /// What happened, such as `OrderPlaced`.
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    /// Where it happened.
    pub source: Arc<str>,
    /// Its id there.
    pub id: Arc<str>,
    /// What it happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Arc<str>>,
}

/// What a command is told by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandHead {
    /// Its id.
    pub command: Arc<str>,
    /// What is to be done, such as `PlaceOrder`.
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    /// Which aggregate is to do it.
    pub aggregate_id: Arc<str>,
}

/// What a request whose sender waits is told by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct RequestHead {
    /// Its id.
    pub request: Arc<str>,
    /// What is asked of whom.
    pub call: CallName,
}

/// What the undoing of a step is told by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct CompensationHead {
    /// The workflow's run.
    pub run: Arc<str>,
    /// The step that is undone.
    pub step: Arc<str>,
    /// None where the workflow that the step ran undoes itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallName>,
}

/// How often a handler failed on an event, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempts {
    /// How often it was called again.
    pub retries: u32,
    /// When it was first called.
    #[serde(with = "duration_text")]
    pub first_at: Duration,
    /// When it last failed.
    #[serde(with = "duration_text")]
    pub last_at: Duration,
}

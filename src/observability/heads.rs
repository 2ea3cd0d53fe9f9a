//! Fields that several events of the timeline share.

use std::{sync::Arc, time::Duration};

use serde::{Serialize, Serializer};

use crate::domain::{CallName, shown_duration};

/// A service's name, shared by events.
pub type ServiceName = Arc<str>;

/// Which policy refused a call before it became an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedBy {
    /// The service does not know the caller, or the user lacks the permission.
    Authorisation,
    /// A budget that blocks did not suffice.
    Budget,
    /// The bulkhead's queue was full, or the deadline passed in it.
    Bulkhead,
    /// The breaker was open, or half-open with all probes under way.
    Breaker,
}

/// What identifies an event that services send each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct EventHead {
    /// What happened, such as `OrderPlaced`.
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    /// Where it happened.
    pub source: Arc<str>,
    /// Its id there.
    pub id: Arc<str>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Arc<str>>,
}

/// What identifies a command.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandHead {
    /// Its id.
    pub command: Arc<str>,
    /// What to do, such as `PlaceOrder`.
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    /// The aggregate to do it.
    pub aggregate_id: Arc<str>,
}

/// What identifies a request whose sender waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct RequestHead {
    /// Its id.
    pub request: Arc<str>,
    /// The service and operation.
    pub call: CallName,
}

/// What identifies the compensation of a step.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct CompensationHead {
    /// The workflow's run.
    pub run: Arc<str>,
    /// The step that is undone.
    pub step: Arc<str>,
    /// `None` where the step ran a workflow, which undoes itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallName>,
}

/// What is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Retried {
    /// A call.
    Call {
        /// The service and operation.
        call: CallName,
    },
    /// The workflow that a step runs.
    Step(Arc<StepHead>),
}

/// What identifies a step.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct StepHead {
    /// The workflow's run.
    pub run: Arc<str>,
    /// The step.
    pub step: Arc<str>,
}

/// What a step waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct WaitHead {
    /// The workflow's run.
    pub run: Arc<str>,
    /// The step; in the state of a run, that of a child run after the steps it is nested in.
    pub step: Arc<str>,
    /// When it ends at the latest, as an offset on the clock.
    #[serde(
        serialize_with = "shown_offset",
        skip_serializing_if = "Option::is_none"
    )]
    pub until: Option<Duration>,
    /// The event that it waits for; nothing where it waits for a time.
    #[serde(flatten)]
    pub event: Option<Box<EventOf>>,
}

/// An event that is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct EventOf {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    /// What it must be about, if that matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Arc<str>>,
}

#[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
fn shown_offset<S: Serializer>(
    offset: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match offset {
        Some(offset) => shown_duration::serialize(offset, serializer),
        None => serializer.serialize_none(),
    }
}

/// Where an event became a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LetterOwner {
    /// The handler of this subscription failed on it.
    Subscription(Arc<str>),
    /// The bus refused it from this outbox.
    Outbox(ServiceName),
}

/// How often an event was tried that became a dead letter, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HandlerRuns {
    /// How often it was tried again.
    pub retries: u32,
    /// How often it was redriven.
    pub redrives: u32,
    /// When it was first tried.
    #[serde(serialize_with = "shown_duration::serialize")]
    pub first_at: Duration,
    /// When it last failed.
    #[serde(serialize_with = "shown_duration::serialize")]
    pub last_at: Duration,
}

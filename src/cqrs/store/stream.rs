use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    domain::{Failure, code},
    messaging::{CloudEvent, EventId, OutboxError},
};

/// Names the events of one aggregate by its type and id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StreamId {
    /// The type of the aggregate, such as `Account`.
    pub aggregate: Arc<str>,
    /// The id of the aggregate within its type.
    pub id: Arc<str>,
}

/// A stored event and its position.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    /// Its position in the order in which events were stored, from 1, without gaps.
    pub position: u64,
    /// The event.
    pub event: Arc<CloudEvent>,
}

/// The state of an aggregate at a version, so that earlier events need not be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshot {
    /// The version.
    pub version: u64,
    /// The revision of the aggregate that made the state of events; `None` if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Arc<str>>,
    /// The state at that version.
    pub state: Arc<Value>,
}

/// The result of a command that was handled before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HandledCommand {
    /// The version of the aggregate after its events.
    pub version: u64,
    /// The types of its events.
    pub events: Vec<Arc<str>>,
    /// The digest that its events were appended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Arc<str>>,
}

/// Why an event store could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum EventStoreError {
    /// The aggregate is at another version than expected.
    #[error("{stream} is at version {actual}, expected {expected}")]
    Conflict {
        /// The aggregate.
        stream: StreamId,
        /// The version that was expected.
        expected: u64,
        /// The version that it has.
        actual: u64,
    },
    /// The command came before, and was another one.
    #[error("the command id {command:?} came before to {stream} with another type or payload")]
    CommandReused {
        /// The aggregate.
        stream: StreamId,
        /// The id of the command.
        command: Arc<str>,
    },
    /// The event cannot follow in the stream.
    #[error("the event {event} cannot be appended to {stream}: {why}")]
    Misfit {
        /// The aggregate.
        stream: StreamId,
        /// The event.
        event: EventId,
        /// The reason.
        why: String,
    },
    /// The file is not an event store that can be used.
    #[error("the event store {path} cannot be used: {why}")]
    Unusable {
        /// The file.
        path: String,
        /// The reason.
        why: String,
    },
    /// The database failed.
    #[cfg(feature = "sqlite")]
    #[error("the event store's database failed: {0}")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The stored data is not valid.
    #[error("the event store is corrupt: {0}")]
    Corrupt(String),
}

#[cfg(feature = "sqlite")]
impl From<rusqlite::Error> for EventStoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl StreamId {
    /// The stream of an aggregate.
    pub fn new(aggregate: impl Into<Arc<str>>, id: impl Into<Arc<str>>) -> Self {
        Self {
            aggregate: aggregate.into(),
            id: id.into(),
        }
    }

    /// The source of its events.
    pub fn source(&self) -> String {
        format!("/{}", self.aggregate)
    }

    /// The id of its event at a version.
    pub fn event_id(&self, version: u64) -> String {
        format!("{}/{version}", self.id)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.aggregate, self.id)
    }
}

impl From<EventStoreError> for OutboxError {
    fn from(error: EventStoreError) -> Self {
        Self::Unusable(error.to_string())
    }
}

/// Checks that a stream is at the expected version.
pub(super) fn check_version(
    stream: &StreamId,
    expected: u64,
    actual: u64,
) -> Result<(), EventStoreError> {
    if actual == expected {
        return Ok(());
    }
    Err(EventStoreError::Conflict {
        stream: stream.clone(),
        expected,
        actual,
    })
}

/// Checks that events can follow in a stream; returns the command that caused them, if they name one.
pub(super) fn check<'a>(
    stream: &StreamId,
    expected: u64,
    events: &'a [Arc<CloudEvent>],
) -> Result<Option<&'a Arc<str>>, EventStoreError> {
    let command = events.first().and_then(|event| event.causation_id.as_ref());
    let source = stream.source();
    for (version, event) in (1..).zip(events) {
        let version = expected.saturating_add(version);
        let misfit = |why: String| EventStoreError::Misfit {
            stream: stream.clone(),
            event: event.event_id(),
            why,
        };
        if event.sequence != Some(version) {
            return Err(misfit(format!("its sequence is not {version}")));
        }
        if event.subject.as_ref() != Some(&stream.id) {
            return Err(misfit("its subject differs".to_owned()));
        }
        let id = stream.event_id(version);
        if *event.source != *source || *event.id != *id {
            return Err(misfit(format!("expected it to be {source}#{id}")));
        }
        if event.causation_id.as_ref() != command {
            return Err(misfit("it comes from another command".to_owned()));
        }
    }
    Ok(command)
}

impl EventStoreError {
    /// The failure of a call to the store.
    pub fn failure(self) -> Box<Failure> {
        let code = match &self {
            Self::Conflict { .. } => code::CONCURRENT_MODIFICATION,
            Self::CommandReused { .. } => code::IDEMPOTENCY_KEY_REUSED,
            Self::Misfit { .. } => code::VALIDATION_FAILED,
            Self::Unusable { .. } => code::IO_ERROR,
            #[cfg(feature = "sqlite")]
            Self::Database(_) => code::IO_ERROR,
            Self::Corrupt(_) => code::CORRUPTION_DETECTED,
        };
        Box::new(Failure::new(code, self.to_string()))
    }
}

/// The types of events, in order.
pub fn kinds(events: &[Arc<CloudEvent>]) -> Vec<Arc<str>> {
    events.iter().map(|event| Arc::clone(&event.kind)).collect()
}

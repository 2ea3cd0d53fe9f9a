//! The event store: the events of all aggregates, which is also the outbox that they are published from.

mod client;
mod memory;
mod service;
#[cfg_attr(not(feature = "sqlite"), path = "sqlite_left_out.rs")]
mod sqlite;

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) use self::{
    client::{EventStoreClient, LoadedStream, kinds},
    service::LastPosition,
};
pub use self::{memory::MemoryEventStore, service::EventStoreService, sqlite::SqliteEventStore};

use crate::{
    domain::{Failure, code},
    messaging::{CloudEvent, EventId, Outbox},
};

/// The name of the event store as a service.
pub const EVENT_STORE: &str = "EventStore";

/// Names the events of one aggregate by its type and id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StreamId {
    /// The type of the aggregate, such as `Account`.
    pub aggregate: Arc<str>,
    /// Its id among those of its type.
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
    /// The state at that version.
    pub state: Arc<Value>,
}

/// The result of a command that was handled before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Handled {
    /// The version of the aggregate after its events.
    pub version: u64,
    /// The types of its events.
    pub events: Vec<Arc<str>>,
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

/// Stores the events of all aggregates, in order, and which of them are published.
///
/// An append is atomic: its events are stored and wait to be published, or neither. An event's source is `/<aggregate>`, its subject the aggregate's id, its sequence the
/// version, its id `<subject>/<sequence>`, and it names the command that caused it.
///
/// Events stored by `Outbox::store` belong to no aggregate, but have positions like all others.
pub trait EventStore: Outbox {
    /// Appends the events of one command, all or none, and returns the aggregate's new version: the
    /// old one plus the number of events.
    ///
    /// Appending the events of a command again changes nothing and returns the same version.
    ///
    /// # Errors
    ///
    /// `EventStoreError::Conflict` if the aggregate is not at the version `expected`;
    /// `EventStoreError::Misfit` if the events are not of the stream, do not follow each other,
    /// or one is stored already without an aggregate.
    fn append(
        &self,
        stream: &StreamId,
        expected: u64,
        events: &[Arc<CloudEvent>],
    ) -> Result<u64, EventStoreError>;

    /// The events of an aggregate after a version, oldest first; none if there is no such aggregate.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn load(&self, stream: &StreamId, after: u64) -> Result<Vec<Arc<CloudEvent>>, EventStoreError>;

    /// The result of a command, if its events were appended.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn handled(&self, stream: &StreamId, command: &str)
    -> Result<Option<Handled>, EventStoreError>;

    /// The events of all aggregates after a position, at most `limit`, in the order of their positions.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn read(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, EventStoreError>;

    /// The position of the event that was stored last, 0 before the first.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn last_position(&self) -> Result<u64, EventStoreError>;

    /// Stores a snapshot in place of an earlier one; does nothing for an aggregate without events.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    fn save_snapshot(&self, stream: &StreamId, snapshot: &Snapshot) -> Result<(), EventStoreError>;

    /// The latest snapshot of an aggregate, if there is one.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, EventStoreError>;
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
            Self::Misfit { .. } => code::VALIDATION_FAILED,
            Self::Unusable { .. } => code::IO_ERROR,
            #[cfg(feature = "sqlite")]
            Self::Database(_) => code::IO_ERROR,
            Self::Corrupt(_) => code::CORRUPTION_DETECTED,
        };
        Box::new(Failure::new(code, self.to_string()))
    }
}

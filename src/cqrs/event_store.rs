use std::{fmt, sync::Arc};

use serde_json::Value;

use crate::{
    domain::{Failure, code},
    messaging::{CloudEvent, EventId, Outbox},
};

/// The events of one aggregate: its type and its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StreamId {
    /// The type of the aggregate, such as `Account`.
    pub aggregate: Arc<str>,
    /// Its id among those of its type.
    pub id: Arc<str>,
}

/// An event, and where it stands among all.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    /// Its place in the order in which events were stored, from 1, without gaps.
    pub position: u64,
    /// The event.
    pub event: Arc<CloudEvent>,
}

/// What an aggregate was at a version, so that earlier events need not be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The version.
    pub version: u64,
    /// The aggregate's state at it.
    pub state: Arc<Value>,
}

/// What a command came to that was handled before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    /// The version of the aggregate after its events.
    pub version: u64,
    /// The types of its events.
    pub events: Vec<Arc<str>>,
}

/// Why an event store could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum EventStoreError {
    /// Someone else has appended meanwhile.
    #[error("{stream} is at version {actual}, expected {expected}")]
    Conflict {
        /// The aggregate.
        stream: StreamId,
        /// The version that the events were decided at.
        expected: u64,
        /// The version that it has.
        actual: u64,
    },
    /// An event is not one that can follow in the stream.
    #[error("the event {event} cannot be appended to {stream}: {why}")]
    Misfit {
        /// The aggregate.
        stream: StreamId,
        /// The event.
        event: EventId,
        /// What does not fit.
        why: String,
    },
    /// The file is no event store that can be used.
    #[error("the event store {path} cannot be used: {why}")]
    Unusable {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The database failed.
    #[cfg(feature = "sqlite")]
    #[error("the event store's database failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// What is stored makes no sense.
    #[error("the event store is corrupt: {0}")]
    Corrupt(String),
}

/// What happened to every aggregate, in the order it happened, and what is yet to be published.
///
/// State change and publication are one: what was appended is stored, and waits to be published,
/// or neither. An event's source is `/<aggregate>`, its subject the aggregate's id, its sequence the
/// version, its id `<subject>/<sequence>`, and it names the command that caused it.
///
/// Events that are stored as [`Outbox::store`] has it belong to no aggregate; they take their place
/// among all.
pub trait EventStore: Outbox {
    /// Appends what one command came to, all or nothing, and returns the aggregate's new version:
    /// the old one and the number of events.
    ///
    /// Appending the events of a command again changes nothing and returns the version that they came to.
    ///
    /// # Errors
    ///
    /// [`EventStoreError::Conflict`] if the aggregate is not at the version `expected`;
    /// [`EventStoreError::Misfit`] if the events are not of the stream, or do not follow each other.
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

    /// What a command came to, if its events were appended.
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

    /// Keeps a snapshot in place of an earlier one; nothing of an aggregate without events.
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
    /// The events of one aggregate.
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

    /// The id of its event of a version.
    pub fn event_id(&self, version: u64) -> String {
        format!("{}/{version}", self.id)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.aggregate, self.id)
    }
}

/// Checks that a stream is at the version that is expected.
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

/// Checks that events can follow in a stream; the command that they come from, if they name one.
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
            return Err(misfit("its subject is another".to_owned()));
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
    /// The failure of a call to a store that failed so.
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

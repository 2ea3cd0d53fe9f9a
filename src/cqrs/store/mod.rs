//! The event store: the events of all aggregates, which is also the outbox that they are published from.

mod client;
#[cfg_attr(not(feature = "sqlite"), path = "file_left_out.rs")]
mod file;
mod service;
mod stream;

use std::{collections::HashSet, ops::RangeInclusive, path::Path, sync::Arc};

pub(super) use self::{
    client::{EventStoreClient, LoadedStream},
    service::LastPosition,
    stream::kinds,
};
use self::{
    file::EventFile,
    stream::{check, check_version},
};
pub use self::{
    service::EventStoreService,
    stream::{EventStoreError, HandledCommand, Snapshot, StoredEvent, StreamId},
};
use crate::{
    domain::{Failure, HashMap, Locked},
    messaging::{
        CloudEvent, EventDocument, EventId, MemoryOutbox, Outbox, OutboxError, Publication,
        PublicationStatus, RedrivenEvent,
    },
};

/// The name of the event store as a service.
pub const EVENT_STORE: &str = "EventStore";

/// The events of all aggregates, in order, and which of them are published; by default in memory alone.
///
/// An append is atomic: its events are stored and wait to be published, or neither. An event's source
/// is `/<aggregate>`, its subject the aggregate's id, its sequence the version, its id
/// `<subject>/<sequence>`, and it names the command that caused it.
///
/// Events stored by `Outbox::store` belong to no aggregate, but have positions like all others.
#[derive(Debug, Default)]
pub struct EventStore {
    log: Locked<EventLog>,
    /// Every change is written to it before it is made in the log.
    file: Option<EventFile>,
}

#[derive(Debug, Default)]
struct EventLog {
    /// The event at position n is the n-th.
    events: Vec<Arc<CloudEvent>>,
    streams: HashMap<StreamId, EventStream>,
    /// The events that belong to no aggregate.
    without_aggregate: HashSet<EventId>,
    /// The first of the same events, in the same order. The others follow when it is used, so that
    /// appends do not pay for their documents.
    outbox: MemoryOutbox,
    in_outbox: usize,
}

#[derive(Debug, Default)]
struct EventStream {
    /// The event of version n is the n-th.
    events: Vec<Arc<CloudEvent>>,
    /// The commands whose events they are.
    commands: HashMap<Arc<str>, AppendedCommand>,
    snapshot: Option<Snapshot>,
}

#[derive(Debug)]
struct AppendedCommand {
    versions: RangeInclusive<u64>,
    /// What it was; `None` if it was not told.
    digest: Option<Arc<str>>,
}

impl EventStore {
    /// Opens a store in a SQLite file, which outlives the process, or creates the file.
    ///
    /// # Errors
    ///
    /// [`EventStoreError::Unusable`] if the file is not an event store, is of another version, is used
    /// by another process, or cannot be opened; it is left as it is. [`EventStoreError::Corrupt`] if
    /// its contents are not valid.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, EventStoreError> {
        let mut store = Self::default();
        let file = EventFile::open(path.as_ref())?;
        file.read_into(&store)?;
        store.file = Some(file);
        Ok(store)
    }

    /// Appends the events of one command, all or none, and returns the aggregate's new version: the
    /// old one plus the number of events.
    ///
    /// Appending the events of a command again changes nothing and returns the same version. `digest`
    /// tells commands of the same id apart.
    ///
    /// # Errors
    ///
    /// `EventStoreError::CommandReused` if the command came before with another digest;
    /// `EventStoreError::Conflict` if the aggregate is not at the version `expected`;
    /// `EventStoreError::Misfit` if the events are not of the stream, do not follow each other,
    /// or one is stored already without an aggregate; if the file cannot be written.
    pub fn append(
        &self,
        stream: &StreamId,
        expected: u64,
        events: &[Arc<CloudEvent>],
        digest: Option<&Arc<str>>,
    ) -> Result<u64, EventStoreError> {
        let command = check(stream, expected, events)?;
        let log = &mut *self.log.lock();
        let known = log.streams.get(stream);
        if let Some(command) = command
            && let Some(before) = known.and_then(|known| known.commands.get(command))
        {
            if before.differs_from(digest) {
                return Err(EventStoreError::CommandReused {
                    stream: stream.clone(),
                    command: Arc::clone(command),
                });
            }
            return Ok(*before.versions.end());
        }
        let actual = known.map_or(0, |known| known.events.len() as u64);
        check_version(stream, expected, actual)?;
        let mut ids = events.iter().map(|event| event.event_id());
        if !log.without_aggregate.is_empty()
            && let Some(event) = ids.find(|id| log.without_aggregate.contains(id))
        {
            return Err(EventStoreError::Misfit {
                stream: stream.clone(),
                event,
                why: "it is stored already, without an aggregate".to_owned(),
            });
        }
        if !events.is_empty() {
            if let Some(file) = &self.file {
                let digest = digest.map(|digest| &**digest);
                file.save_events(log.next_position(), Some(&stream.aggregate), events, digest)?;
            }
            log.push(stream, events, digest);
        }
        Ok(actual + events.len() as u64)
    }

    /// Appends an event that the file contains.
    #[cfg(feature = "sqlite")]
    pub(super) fn restore(
        &self,
        stream: &StreamId,
        event: CloudEvent,
        digest: Option<&Arc<str>>,
    ) -> Result<(), EventStoreError> {
        let log = &mut *self.log.lock();
        let known = log.streams.get(stream);
        let version = known.map_or(0, |known| known.events.len() as u64);
        let events = [Arc::new(event)];
        check(stream, version, &events)?;
        log.push(stream, &events, digest);
        Ok(())
    }

    /// The events of an aggregate after a version, oldest first; none if the aggregate does not exist.
    pub fn load(&self, stream: &StreamId, after: u64) -> Vec<Arc<CloudEvent>> {
        let log = self.log.lock();
        let events = log.streams.get(stream).map(|known| &known.events);
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        events.into_iter().flatten().skip(after).cloned().collect()
    }

    /// The result of a command, if its events were appended.
    pub fn handled(&self, stream: &StreamId, command: &str) -> Option<HandledCommand> {
        let log = self.log.lock();
        let known = log.streams.get(stream)?;
        let AppendedCommand { versions, digest } = known.commands.get(command)?;
        Some(HandledCommand {
            version: *versions.end(),
            events: kinds(&known.events[*versions.start() as usize - 1..*versions.end() as usize]),
            digest: digest.clone(),
        })
    }

    /// The events of all aggregates after a position, at most `limit`, in the order of their positions.
    pub fn read(&self, after: u64, limit: usize) -> Vec<StoredEvent> {
        let log = self.log.lock();
        let skipped = usize::try_from(after).unwrap_or(usize::MAX);
        let events = log.events.iter().skip(skipped).take(limit);
        events
            .zip(1..)
            .map(|(event, place)| StoredEvent {
                position: after + place,
                event: Arc::clone(event),
            })
            .collect()
    }

    /// The position of the event that was stored last, 0 before the first.
    pub fn last_position(&self) -> u64 {
        self.log.lock().events.len() as u64
    }

    /// Stores a snapshot in place of an earlier one or one of another revision; does nothing for an
    /// aggregate without events.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn save_snapshot(
        &self,
        stream: &StreamId,
        snapshot: &Snapshot,
    ) -> Result<(), EventStoreError> {
        let mut log = self.log.lock();
        let Some(known) = log.streams.get_mut(stream) else {
            return Ok(());
        };
        let latest = known.snapshot.as_ref();
        let is_older = |latest: &Snapshot| {
            latest.revision == snapshot.revision && latest.version > snapshot.version
        };
        if latest.is_some_and(is_older) {
            return Ok(());
        }
        if let Some(file) = &self.file {
            file.save_snapshot(stream, snapshot)?;
        }
        known.snapshot = Some(snapshot.clone());
        Ok(())
    }

    /// The latest snapshot of an aggregate.
    pub fn load_snapshot(&self, stream: &StreamId) -> Option<Snapshot> {
        self.log.lock().streams.get(stream)?.snapshot.clone()
    }

    /// Writes the publication of events to the file, if all of them are stored.
    fn save_publication(
        &self,
        outbox: &MemoryOutbox,
        events: &[EventId],
        status: Publication,
        failure: Option<&Failure>,
    ) -> Result<(), OutboxError> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let mut changed = Vec::new();
        for event in events {
            match outbox.publication(event)? {
                None => return Err(OutboxError::Unknown(event.clone())),
                Some(found) if found.status.can_become(status) => changed.push(event),
                Some(_) => {}
            }
        }
        Ok(file.save_publication(&changed, status, failure)?)
    }
}

impl EventLog {
    fn next_position(&self) -> u64 {
        self.events.len() as u64 + 1
    }

    /// Appends events that follow in their stream.
    fn push(&mut self, stream: &StreamId, events: &[Arc<CloudEvent>], digest: Option<&Arc<str>>) {
        self.events.extend(events.iter().cloned());
        let known = match self.streams.get_mut(stream) {
            Some(known) => known,
            None => self.streams.entry(stream.clone()).or_default(),
        };
        for event in events {
            known.events.push(Arc::clone(event));
            let version = known.events.len() as u64;
            if let Some(command) = &event.causation_id {
                let command = known.commands.entry(Arc::clone(command));
                let command = command.or_insert_with(|| AppendedCommand {
                    versions: version..=version,
                    digest: digest.cloned(),
                });
                command.versions = *command.versions.start()..=version;
            }
        }
    }

    /// The outbox with all events in it.
    fn outbox(&mut self) -> Result<&MemoryOutbox, OutboxError> {
        let missing = self.events[self.in_outbox..].iter();
        let documents: Vec<_> = missing.map(|event| EventDocument::from(&**event)).collect();
        self.outbox.store(&documents)?;
        self.in_outbox = self.events.len();
        Ok(&self.outbox)
    }
}

impl AppendedCommand {
    /// Whether it is known to have been another command.
    fn differs_from(&self, digest: Option<&Arc<str>>) -> bool {
        self.digest
            .as_ref()
            .zip(digest)
            .is_some_and(|(before, now)| before != now)
    }
}

impl Outbox for EventStore {
    fn store(&self, events: &[EventDocument]) -> Result<(), OutboxError> {
        let log = &mut *self.log.lock();
        let mut ids = HashSet::new();
        for event in events {
            let id = event.event_id();
            if log.outbox()?.publication(&id)?.is_some() || !ids.insert(id.clone()) {
                return Err(OutboxError::AlreadyStored(id));
            }
        }
        let stored = events
            .iter()
            .map(|event| CloudEvent::try_from(event).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| OutboxError::Unusable(error.to_string()))?;
        if let Some(file) = &self.file {
            let documents: Vec<_> = events.iter().map(|event| &**event.json()).collect();
            file.save_events(log.next_position(), None, &documents, None)?;
        }
        log.outbox()?.store(events)?;
        log.events.extend(stored);
        log.in_outbox = log.events.len();
        log.without_aggregate.extend(ids);
        Ok(())
    }

    fn unpublished(&self, limit: usize) -> Result<Vec<EventDocument>, OutboxError> {
        self.log.lock().outbox()?.unpublished(limit)
    }

    fn mark_published(&self, events: &[EventId]) -> Result<(), OutboxError> {
        let mut log = self.log.lock();
        let outbox = log.outbox()?;
        self.save_publication(outbox, events, Publication::Published, None)?;
        outbox.mark_published(events)
    }

    fn mark_failed(&self, events: &[EventId], failure: &Failure) -> Result<(), OutboxError> {
        let mut log = self.log.lock();
        let outbox = log.outbox()?;
        self.save_publication(outbox, events, Publication::Failed, Some(failure))?;
        outbox.mark_failed(events, failure)
    }

    fn mark_dead_lettered(&self, events: &[EventId], failure: &Failure) -> Result<(), OutboxError> {
        let mut log = self.log.lock();
        let outbox = log.outbox()?;
        let status = Publication::DeadLettered;
        self.save_publication(outbox, events, status, Some(failure))?;
        outbox.mark_dead_lettered(events, failure)
    }

    fn redrive(&self, event: &EventId) -> Result<RedrivenEvent, OutboxError> {
        let mut log = self.log.lock();
        let outbox = log.outbox()?;
        let events = std::slice::from_ref(event);
        self.save_publication(outbox, events, Publication::Pending, None)?;
        outbox.redrive(event)
    }

    fn publication(&self, event: &EventId) -> Result<Option<PublicationStatus>, OutboxError> {
        self.log.lock().outbox()?.publication(event)
    }
}

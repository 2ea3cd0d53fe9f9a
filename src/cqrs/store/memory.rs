use std::{
    collections::HashSet,
    ops::RangeInclusive,
    sync::{Arc, MutexGuard},
};

use super::{
    EventStore, EventStoreError, Handled, Snapshot, StoredEvent, StreamId, check, check_version,
};
use crate::{
    domain::{Failure, HashMap, Locked},
    messaging::{
        CloudEvent, EventDocument, EventId, MemoryOutbox, Outbox, OutboxError, Publication,
    },
};

/// An event store in memory: it outlives a command handler, not the process.
#[derive(Debug, Default)]
pub struct MemoryEventStore {
    log: Locked<Log>,
}

#[derive(Debug, Default)]
struct Log {
    /// The event at position n is the n-th.
    events: Vec<Arc<CloudEvent>>,
    streams: HashMap<StreamId, EventStream>,
    /// The events that belong to no aggregate.
    alone: HashSet<EventId>,
    /// The first of the same events, in the same order. The others follow when it is used, so that
    /// appends do not pay for their documents.
    outbox: MemoryOutbox,
    in_outbox: usize,
}

#[derive(Debug, Default)]
struct EventStream {
    /// The event of version n is the n-th.
    events: Vec<Arc<CloudEvent>>,
    /// The versions of the events of each command.
    commands: HashMap<Arc<str>, RangeInclusive<u64>>,
    snapshot: Option<Snapshot>,
}

impl MemoryEventStore {
    /// As [`EventStore::append`], where `save` saves the events, the first of them at a position. If
    /// it fails, nothing is appended.
    pub(super) fn append_saved(
        &self,
        stream: &StreamId,
        expected: u64,
        events: &[Arc<CloudEvent>],
        save: impl FnOnce(u64) -> Result<(), EventStoreError>,
    ) -> Result<u64, EventStoreError> {
        let command = check(stream, expected, events)?;
        let log = &mut *self.lock();
        let known = log.streams.get(stream);
        if let Some(versions) =
            command.and_then(|command| known.and_then(|known| known.commands.get(command)))
        {
            return Ok(*versions.end());
        }
        let actual = known.map_or(0, |known| known.events.len() as u64);
        check_version(stream, expected, actual)?;
        let mut ids = events.iter().map(|event| event.event_id());
        if !log.alone.is_empty()
            && let Some(event) = ids.find(|id| log.alone.contains(id))
        {
            return Err(EventStoreError::Misfit {
                stream: stream.clone(),
                event,
                why: "it is stored already, without an aggregate".to_owned(),
            });
        }
        if !events.is_empty() {
            save(log.next_position())?;
            log.push(stream, events);
        }
        Ok(actual + events.len() as u64)
    }

    /// As [`Outbox::store`], where `save` saves the events, the first of them at a position. If it
    /// fails, nothing is stored.
    pub(super) fn store_saved(
        &self,
        events: &[EventDocument],
        save: impl FnOnce(u64) -> Result<(), OutboxError>,
    ) -> Result<(), OutboxError> {
        let log = &mut *self.lock();
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
        save(log.next_position())?;
        log.outbox()?.store(events)?;
        log.events.extend(stored);
        log.in_outbox = log.events.len();
        log.alone.extend(ids);
        Ok(())
    }

    /// Appends an event that was saved before.
    #[cfg(feature = "sqlite")]
    pub(super) fn restore(
        &self,
        stream: &StreamId,
        event: CloudEvent,
    ) -> Result<(), EventStoreError> {
        let log = &mut *self.lock();
        let known = log.streams.get(stream);
        let version = known.map_or(0, |known| known.events.len() as u64);
        let events = [Arc::new(event)];
        check(stream, version, &events)?;
        log.push(stream, &events);
        Ok(())
    }

    #[cfg(feature = "sqlite")]
    pub(super) fn has_stream(&self, stream: &StreamId) -> bool {
        self.lock().streams.contains_key(stream)
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock()
    }
}

impl Log {
    fn next_position(&self) -> u64 {
        self.events.len() as u64 + 1
    }

    /// Appends events that follow in their stream.
    fn push(&mut self, stream: &StreamId, events: &[Arc<CloudEvent>]) {
        self.events.extend(events.iter().cloned());
        let known = match self.streams.get_mut(stream) {
            Some(known) => known,
            None => self.streams.entry(stream.clone()).or_default(),
        };
        for event in events {
            known.events.push(Arc::clone(event));
            let version = known.events.len() as u64;
            if let Some(command) = &event.causation_id {
                let versions = known.commands.entry(Arc::clone(command));
                let versions = versions.or_insert(version..=version);
                *versions = *versions.start()..=version;
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

impl EventStore for MemoryEventStore {
    fn append(
        &self,
        stream: &StreamId,
        expected: u64,
        events: &[Arc<CloudEvent>],
    ) -> Result<u64, EventStoreError> {
        self.append_saved(stream, expected, events, |_| Ok(()))
    }

    fn load(&self, stream: &StreamId, after: u64) -> Result<Vec<Arc<CloudEvent>>, EventStoreError> {
        let log = self.lock();
        let events = log.streams.get(stream).map(|known| &known.events);
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        Ok(events.into_iter().flatten().skip(after).cloned().collect())
    }

    fn handled(
        &self,
        stream: &StreamId,
        command: &str,
    ) -> Result<Option<Handled>, EventStoreError> {
        let log = self.lock();
        let known = log.streams.get(stream);
        let versions = known.and_then(|known| Some((known, known.commands.get(command)?)));
        Ok(versions.map(|(known, versions)| Handled {
            version: *versions.end(),
            events: known.events[*versions.start() as usize - 1..*versions.end() as usize]
                .iter()
                .map(|event| Arc::clone(&event.kind))
                .collect(),
        }))
    }

    fn read(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, EventStoreError> {
        let log = self.lock();
        let skipped = usize::try_from(after).unwrap_or(usize::MAX);
        let events = log.events.iter().skip(skipped).take(limit);
        Ok(events
            .zip(1..)
            .map(|(event, place)| StoredEvent {
                position: after + place,
                event: Arc::clone(event),
            })
            .collect())
    }

    fn last_position(&self) -> Result<u64, EventStoreError> {
        Ok(self.lock().events.len() as u64)
    }

    fn save_snapshot(&self, stream: &StreamId, snapshot: &Snapshot) -> Result<(), EventStoreError> {
        let mut log = self.lock();
        let Some(known) = log.streams.get_mut(stream) else {
            return Ok(());
        };
        let kept = &mut known.snapshot;
        if kept
            .as_ref()
            .is_none_or(|kept| kept.version <= snapshot.version)
        {
            *kept = Some(snapshot.clone());
        }
        Ok(())
    }

    fn load_snapshot(&self, stream: &StreamId) -> Result<Option<Snapshot>, EventStoreError> {
        let log = self.lock();
        let known = log.streams.get(stream);
        Ok(known.and_then(|known| known.snapshot.clone()))
    }
}

impl Outbox for MemoryEventStore {
    fn store(&self, events: &[EventDocument]) -> Result<(), OutboxError> {
        self.store_saved(events, |_| Ok(()))
    }

    fn unpublished(&self, limit: usize) -> Result<Vec<EventDocument>, OutboxError> {
        self.lock().outbox()?.unpublished(limit)
    }

    fn mark_published(&self, events: &[EventId]) -> Result<(), OutboxError> {
        self.lock().outbox()?.mark_published(events)
    }

    fn mark_failed(&self, events: &[EventId], failure: &Failure) -> Result<(), OutboxError> {
        self.lock().outbox()?.mark_failed(events, failure)
    }

    fn publication(
        &self,
        event: &EventId,
    ) -> Result<Option<(Publication, Option<Failure>)>, OutboxError> {
        self.lock().outbox()?.publication(event)
    }
}

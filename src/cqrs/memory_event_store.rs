use std::{
    ops::RangeInclusive,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    EventStore, EventStoreError, Handled, Snapshot, StoredEvent, StreamId,
    event_store::{check, check_version},
};
use crate::{
    domain::{Failure, HashMap},
    messaging::{CloudEvent, EventDocument, EventId, Outbox, OutboxError, Publication},
};

/// An event store in memory: it outlives a command handler, not the process.
#[derive(Debug, Default)]
pub struct MemoryEventStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The event at position n is the n-th.
    log: Vec<Entry>,
    /// Where events lie in the log, from 0.
    places: HashMap<EventId, usize>,
    streams: HashMap<StreamId, Stream>,
    /// All before this place are published.
    published_to: usize,
}

#[derive(Debug)]
struct Entry {
    event: Arc<CloudEvent>,
    publication: Publication,
    failure: Option<Failure>,
}

#[derive(Debug, Default)]
struct Stream {
    /// Places in the log, by version.
    events: Vec<usize>,
    /// The versions that commands came to.
    commands: HashMap<Arc<str>, RangeInclusive<u64>>,
    snapshot: Option<Snapshot>,
}

impl MemoryEventStore {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, event: &Arc<CloudEvent>) -> usize {
        let place = self.log.len();
        self.places.insert(event.event_id(), place);
        self.log.push(Entry {
            event: Arc::clone(event),
            publication: Publication::Pending,
            failure: None,
        });
        place
    }

    fn places_of(&self, events: &[EventId]) -> Result<Vec<usize>, OutboxError> {
        let place = |event: &EventId| {
            let place = self.places.get(event).copied();
            place.ok_or_else(|| OutboxError::Unknown(event.clone()))
        };
        events.iter().map(place).collect()
    }

    fn mark(&mut self, place: usize, next: Publication, failure: Option<&Failure>) {
        let entry = &mut self.log[place];
        if entry.publication.can_become(next) {
            entry.publication = next;
            entry.failure = failure.cloned();
        }
        while let Some(entry) = self.log.get(self.published_to)
            && entry.publication == Publication::Published
        {
            self.published_to += 1;
        }
    }
}

impl EventStore for MemoryEventStore {
    fn append(
        &self,
        stream: &StreamId,
        expected: u64,
        events: &[Arc<CloudEvent>],
    ) -> Result<u64, EventStoreError> {
        let command = check(stream, expected, events)?;
        let state = &mut *self.lock();
        let known = state.streams.get(stream);
        if let Some(versions) =
            command.and_then(|command| known.and_then(|known| known.commands.get(command)))
        {
            return Ok(*versions.end());
        }
        let actual = known.map_or(0, |known| known.events.len() as u64);
        check_version(stream, expected, actual)?;
        if events.is_empty() {
            return Ok(actual);
        }
        let places: Vec<usize> = events.iter().map(|event| state.push(event)).collect();
        let known = state.streams.entry(stream.clone()).or_default();
        known.events.extend(places);
        let version = known.events.len() as u64;
        if let Some(command) = command {
            known
                .commands
                .insert(Arc::clone(command), expected + 1..=version);
        }
        Ok(version)
    }

    fn load(&self, stream: &StreamId, after: u64) -> Result<Vec<Arc<CloudEvent>>, EventStoreError> {
        let state = self.lock();
        let places = state.streams.get(stream).map(|known| &known.events);
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        let places = places.into_iter().flatten().skip(after);
        Ok(places
            .map(|&place| Arc::clone(&state.log[place].event))
            .collect())
    }

    fn handled(
        &self,
        stream: &StreamId,
        command: &str,
    ) -> Result<Option<Handled>, EventStoreError> {
        let state = self.lock();
        let Some(known) = state.streams.get(stream) else {
            return Ok(None);
        };
        Ok(known.commands.get(command).map(|versions| Handled {
            version: *versions.end(),
            events: known.events[*versions.start() as usize - 1..*versions.end() as usize]
                .iter()
                .map(|&place| Arc::clone(&state.log[place].event.kind))
                .collect(),
        }))
    }

    fn read(&self, after: u64, limit: usize) -> Result<Vec<StoredEvent>, EventStoreError> {
        let state = self.lock();
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        let entries = state.log.iter().enumerate().skip(after).take(limit);
        Ok(entries
            .map(|(place, entry)| StoredEvent {
                position: place as u64 + 1,
                event: Arc::clone(&entry.event),
            })
            .collect())
    }

    fn last_position(&self) -> Result<u64, EventStoreError> {
        Ok(self.lock().log.len() as u64)
    }

    fn save_snapshot(&self, stream: &StreamId, snapshot: &Snapshot) -> Result<(), EventStoreError> {
        let mut state = self.lock();
        let Some(known) = state.streams.get_mut(stream) else {
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
        let state = self.lock();
        Ok(state
            .streams
            .get(stream)
            .and_then(|known| known.snapshot.clone()))
    }
}

impl Outbox for MemoryEventStore {
    fn store(&self, events: &[EventDocument]) -> Result<(), OutboxError> {
        let mut state = self.lock();
        let mut seen = std::collections::HashSet::new();
        for event in events {
            let id = event.event_id();
            if state.places.contains_key(&id) || !seen.insert(id.clone()) {
                return Err(OutboxError::AlreadyStored(id));
            }
        }
        let events = events.iter().map(CloudEvent::try_from);
        let events: Vec<_> = events
            .collect::<Result<_, _>>()
            .map_err(|error| OutboxError::Unusable(error.to_string()))?;
        for event in events {
            state.push(&Arc::new(event));
        }
        Ok(())
    }

    fn unpublished(&self, limit: usize) -> Result<Vec<EventDocument>, OutboxError> {
        let state = self.lock();
        let left = state.log.iter().skip(state.published_to);
        Ok(left
            .filter(|entry| entry.publication != Publication::Published)
            .take(limit)
            .map(|entry| EventDocument::from(&*entry.event))
            .collect())
    }

    fn mark_published(&self, events: &[EventId]) -> Result<(), OutboxError> {
        let mut state = self.lock();
        for place in state.places_of(events)? {
            state.mark(place, Publication::Published, None);
        }
        Ok(())
    }

    fn mark_failed(&self, events: &[EventId], failure: &Failure) -> Result<(), OutboxError> {
        let mut state = self.lock();
        for place in state.places_of(events)? {
            state.mark(place, Publication::Failed, Some(failure));
        }
        Ok(())
    }

    fn publication(
        &self,
        event: &EventId,
    ) -> Result<Option<(Publication, Option<Failure>)>, OutboxError> {
        let state = self.lock();
        let entry = state.places.get(event).map(|&place| &state.log[place]);
        Ok(entry.map(|entry| (entry.publication, entry.failure.clone())))
    }
}

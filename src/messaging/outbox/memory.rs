use std::{collections::BTreeSet, sync::Arc};

use indexmap::map;

use super::{Outbox, OutboxError, Publication, PublicationStatus, RedrivenEvent};
use crate::{
    domain::{Failure, IndexMap, Locked},
    messaging::{EventDocument, EventId},
};

/// An outbox in memory.
#[derive(Debug, Default)]
pub struct MemoryOutbox {
    state: Locked<OutboxState>,
}

#[derive(Debug, Default)]
struct OutboxState {
    events: IndexMap<EventId, OutboxEntry>,
    /// The indexes of events that are not published.
    unpublished: BTreeSet<usize>,
}

#[derive(Debug)]
enum OutboxEntry {
    /// With the last failure to publish it.
    Waiting(EventDocument, Option<Box<Failure>>),
    /// With the last failure to publish it.
    DeadLettered(EventDocument, Box<Failure>),
    /// With its subject; no longer read, so the event itself is dropped.
    Published(Option<Arc<str>>),
}

impl OutboxEntry {
    fn document(&self) -> Option<&EventDocument> {
        match self {
            Self::Waiting(event, _) | Self::DeadLettered(event, _) => Some(event),
            Self::Published(_) => None,
        }
    }
}

impl OutboxState {
    fn mark(
        &mut self,
        events: &[EventId],
        mark: impl Fn(&mut OutboxEntry),
    ) -> Result<Vec<usize>, OutboxError> {
        let index = |event: &EventId| {
            let index = self.events.get_index_of(event);
            index.ok_or_else(|| OutboxError::Unknown(event.clone()))
        };
        let indexes: Vec<usize> = events.iter().map(index).collect::<Result<_, _>>()?;
        for index in &indexes {
            mark(&mut self.events[*index]);
        }
        Ok(indexes)
    }
}

impl Outbox for MemoryOutbox {
    fn store(&self, events: &[EventDocument]) -> Result<(), OutboxError> {
        let mut state = self.state.lock();
        let before = state.events.len();
        for event in events {
            let index = state.events.len();
            match state.events.entry(event.event_id()) {
                map::Entry::Vacant(free) => free.insert(OutboxEntry::Waiting(event.clone(), None)),
                map::Entry::Occupied(taken) => {
                    let taken = taken.key().clone();
                    state.events.truncate(before);
                    state.unpublished.split_off(&before);
                    return Err(OutboxError::AlreadyStored(taken));
                }
            };
            state.unpublished.insert(index);
        }
        Ok(())
    }

    fn unpublished(&self, limit: usize) -> Result<Vec<EventDocument>, OutboxError> {
        let state = self.state.lock();
        let oldest = state.unpublished.iter().take(limit);
        Ok(oldest
            .filter_map(|&index| state.events[index].document().cloned())
            .collect())
    }

    fn mark_published(&self, events: &[EventId]) -> Result<(), OutboxError> {
        let mut state = self.state.lock();
        let indexes = state.mark(events, |stored| {
            if let Some(event) = stored.document() {
                *stored = OutboxEntry::Published(event.head().subject.clone());
            }
        })?;
        for index in indexes {
            state.unpublished.remove(&index);
        }
        Ok(())
    }

    fn mark_failed(&self, events: &[EventId], failure: &Failure) -> Result<(), OutboxError> {
        self.state.lock().mark(events, |stored| {
            if let OutboxEntry::Waiting(_, last) = stored {
                *last = Some(Box::new(failure.clone()));
            }
        })?;
        Ok(())
    }

    fn mark_dead_lettered(&self, events: &[EventId], failure: &Failure) -> Result<(), OutboxError> {
        let mut state = self.state.lock();
        let indexes = state.mark(events, |stored| {
            if let Some(event) = stored.document() {
                *stored = OutboxEntry::DeadLettered(event.clone(), Box::new(failure.clone()));
            }
        })?;
        for index in indexes {
            state.unpublished.remove(&index);
        }
        Ok(())
    }

    fn redrive(&self, event: &EventId) -> Result<RedrivenEvent, OutboxError> {
        let mut state = self.state.lock();
        let [index] = state.mark(std::slice::from_ref(event), |stored| {
            if let OutboxEntry::DeadLettered(event, _) = stored {
                *stored = OutboxEntry::Waiting(event.clone(), None);
            }
        })?[..] else {
            return Err(OutboxError::Unknown(event.clone()));
        };
        let Some(document) = state.events[index].document() else {
            return Ok(RedrivenEvent {
                status: Publication::Published,
                behind_newer: false,
            });
        };
        let subject = document.head().subject.as_ref();
        let mut later = state.events.iter().skip(index + 1);
        let behind_newer = subject.is_some()
            && later.any(|(later, stored)| {
                matches!(stored, OutboxEntry::Published(of) if of.as_ref() == subject)
                    && later.source == event.source
            });
        state.unpublished.insert(index);
        Ok(RedrivenEvent {
            status: Publication::Pending,
            behind_newer,
        })
    }

    fn publication(&self, event: &EventId) -> Result<Option<PublicationStatus>, OutboxError> {
        let state = self.state.lock();
        let stored = state.events.get(event);
        Ok(stored.map(|stored| {
            let (status, failure) = match stored {
                OutboxEntry::Waiting(_, None) => (Publication::Pending, None),
                OutboxEntry::Waiting(_, Some(failure)) => (Publication::Failed, Some(failure)),
                OutboxEntry::DeadLettered(_, failure) => (Publication::DeadLettered, Some(failure)),
                OutboxEntry::Published(_) => (Publication::Published, None),
            };
            PublicationStatus {
                status,
                failure: failure.map(|failure| Failure::clone(failure)),
            }
        }))
    }
}

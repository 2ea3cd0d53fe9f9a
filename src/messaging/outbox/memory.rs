use std::collections::BTreeSet;

use indexmap::map;

use super::{Outbox, OutboxError, Publication};
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
    /// No longer read, so the event itself is dropped.
    Published,
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
            .filter_map(|&index| match &state.events[index] {
                OutboxEntry::Waiting(event, _) => Some(event.clone()),
                OutboxEntry::Published => None,
            })
            .collect())
    }

    fn mark_published(&self, events: &[EventId]) -> Result<(), OutboxError> {
        let mut state = self.state.lock();
        let indexes = state.mark(events, |stored| *stored = OutboxEntry::Published)?;
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

    fn publication(
        &self,
        event: &EventId,
    ) -> Result<Option<(Publication, Option<Failure>)>, OutboxError> {
        let state = self.state.lock();
        let stored = state.events.get(event);
        Ok(stored.map(|stored| match stored {
            OutboxEntry::Waiting(_, None) => (Publication::Pending, None),
            OutboxEntry::Waiting(_, Some(failure)) => {
                (Publication::Failed, Some(Failure::clone(failure)))
            }
            OutboxEntry::Published => (Publication::Published, None),
        }))
    }
}

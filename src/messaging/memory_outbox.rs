use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use indexmap::map;

use super::{CloudEvent, EventId, Outbox, OutboxError, Publication};
use crate::domain::{Failure, IndexMap};

/// An outbox in memory.
#[derive(Debug, Default)]
pub struct MemoryOutbox {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    events: IndexMap<EventId, Stored>,
    /// The places of those that are not published.
    unpublished: BTreeSet<usize>,
}

#[derive(Debug)]
struct Stored {
    /// There until it is published: nobody reads it after that.
    event: Option<Arc<CloudEvent>>,
    publication: Publication,
    failure: Option<Failure>,
}

impl MemoryOutbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note(
        &mut self,
        events: &[EventId],
        next: Publication,
        failure: Option<&Failure>,
    ) -> Result<(), OutboxError> {
        let place = |event: &EventId| {
            let place = self.events.get_index_of(event);
            place.ok_or_else(|| OutboxError::Unknown(event.clone()))
        };
        let places: Vec<usize> = events.iter().map(place).collect::<Result<_, _>>()?;
        for place in places {
            let stored = &mut self.events[place];
            if !stored.publication.can_become(next) {
                continue;
            }
            stored.publication = next;
            stored.failure = failure.cloned();
            if next == Publication::Published {
                self.unpublished.remove(&place);
                stored.event = None;
            }
        }
        Ok(())
    }
}

impl Outbox for MemoryOutbox {
    fn store(&self, events: &[Arc<CloudEvent>]) -> Result<(), OutboxError> {
        let mut state = self.lock();
        let before = state.events.len();
        for event in events {
            let place = state.events.len();
            match state.events.entry(event.event_id()) {
                map::Entry::Vacant(free) => free.insert(Stored {
                    event: Some(Arc::clone(event)),
                    publication: Publication::Pending,
                    failure: None,
                }),
                map::Entry::Occupied(taken) => {
                    let taken = taken.key().clone();
                    state.events.truncate(before);
                    state.unpublished.split_off(&before);
                    return Err(OutboxError::AlreadyStored(taken));
                }
            };
            state.unpublished.insert(place);
        }
        Ok(())
    }

    fn unpublished(&self, limit: usize) -> Result<Vec<Arc<CloudEvent>>, OutboxError> {
        let state = self.lock();
        let oldest = state.unpublished.iter().take(limit);
        Ok(oldest
            .filter_map(|&place| state.events[place].event.clone())
            .collect())
    }

    fn mark_published(&self, events: &[EventId]) -> Result<(), OutboxError> {
        self.lock().note(events, Publication::Published, None)
    }

    fn mark_failed(&self, events: &[EventId], failure: &Failure) -> Result<(), OutboxError> {
        self.lock().note(events, Publication::Failed, Some(failure))
    }

    fn waiting(&self) -> Option<usize> {
        Some(self.lock().unpublished.len())
    }

    fn publication(
        &self,
        event: &EventId,
    ) -> Result<Option<(Publication, Option<Failure>)>, OutboxError> {
        let state = self.lock();
        let stored = state.events.get(event);
        Ok(stored.map(|stored| (stored.publication, stored.failure.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messaging::outbox_conformance;

    #[test]
    fn it_does_what_an_outbox_must() {
        outbox_conformance::check(MemoryOutbox::default);
    }
}

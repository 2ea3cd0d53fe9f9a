use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use indexmap::map;

use super::{Outbox, OutboxError, Publication};
use crate::{
    domain::{Failure, IndexMap},
    messaging::{EventDocument, EventId},
};

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
enum Stored {
    /// With the last failure to publish it.
    Waiting(EventDocument, Option<Box<Failure>>),
    /// Nobody reads it any more.
    Published,
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
        note: impl Fn(&mut Stored),
    ) -> Result<Vec<usize>, OutboxError> {
        let place = |event: &EventId| {
            let place = self.events.get_index_of(event);
            place.ok_or_else(|| OutboxError::Unknown(event.clone()))
        };
        let places: Vec<usize> = events.iter().map(place).collect::<Result<_, _>>()?;
        for place in &places {
            note(&mut self.events[*place]);
        }
        Ok(places)
    }
}

impl Outbox for MemoryOutbox {
    fn store(&self, events: &[EventDocument]) -> Result<(), OutboxError> {
        let mut state = self.lock();
        let before = state.events.len();
        for event in events {
            let place = state.events.len();
            match state.events.entry(event.event_id()) {
                map::Entry::Vacant(free) => free.insert(Stored::Waiting(event.clone(), None)),
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

    fn unpublished(&self, limit: usize) -> Result<Vec<EventDocument>, OutboxError> {
        let state = self.lock();
        let oldest = state.unpublished.iter().take(limit);
        Ok(oldest
            .filter_map(|&place| match &state.events[place] {
                Stored::Waiting(event, _) => Some(event.clone()),
                Stored::Published => None,
            })
            .collect())
    }

    fn mark_published(&self, events: &[EventId]) -> Result<(), OutboxError> {
        let mut state = self.lock();
        let places = state.note(events, |stored| *stored = Stored::Published)?;
        for place in places {
            state.unpublished.remove(&place);
        }
        Ok(())
    }

    fn mark_failed(&self, events: &[EventId], failure: &Failure) -> Result<(), OutboxError> {
        self.lock().note(events, |stored| {
            if let Stored::Waiting(_, last) = stored {
                *last = Some(Box::new(failure.clone()));
            }
        })?;
        Ok(())
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
        Ok(stored.map(|stored| match stored {
            Stored::Waiting(_, None) => (Publication::Pending, None),
            Stored::Waiting(_, Some(failure)) => {
                (Publication::Failed, Some(Failure::clone(failure)))
            }
            Stored::Published => (Publication::Published, None),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messaging::outbox::conformance;

    #[test]
    fn it_does_what_an_outbox_must() {
        conformance::check(MemoryOutbox::default);
    }
}

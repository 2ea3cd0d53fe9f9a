//! What is stored to be published: the transactional outbox, and the service that it is.

#[cfg(test)]
pub(crate) mod conformance;
mod listener;
mod memory;
mod service;

pub(super) use self::service::{Marked, WAITING, operation};
pub use self::{
    listener::Listener,
    memory::MemoryOutbox,
    service::{OUTBOX_OPERATIONS, OutboxService, answer_outbox},
};
use super::{EventDocument, EventId};
use crate::domain::Failure;

/// Where an event that is stored stands on its way to the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Publication {
    /// Stored, not yet published.
    Pending,
    /// On the bus.
    Published,
    /// The bus did not take it; it will be tried again.
    Failed,
}

impl Publication {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Published, Self::Failed];

    /// The table of transitions.
    ///
    /// What is published stays so; a failure may come again.
    pub fn can_become(self, next: Self) -> bool {
        match self {
            Self::Pending | Self::Failed => next != Self::Pending,
            Self::Published => false,
        }
    }
}

/// Why an outbox could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// An event of this source and id is stored already.
    #[error("the event {0} is stored already")]
    AlreadyStored(EventId),
    /// No event of this source and id is stored.
    #[error("the event {0} is not stored")]
    Unknown(EventId),
    /// The store failed.
    #[error("the outbox cannot be used: {0}")]
    Unusable(String),
}

/// Events that are stored, with what else changes in the same transaction, before they are
/// published: the *transactional outbox*.
///
/// A relay publishes what is stored and marks it; after a crash, or while the bus is away, it is
/// still there, so every event is published at least once.
pub trait Outbox: Send + Sync {
    /// Stores events, all or none of them.
    ///
    /// # Errors
    ///
    /// [`OutboxError::AlreadyStored`] if one of them is; the store's own failures.
    fn store(&self, events: &[EventDocument]) -> Result<(), OutboxError>;

    /// The events that are not published, in the order they were stored, at most `limit`.
    ///
    /// # Errors
    ///
    /// The store's own failures.
    fn unpublished(&self, limit: usize) -> Result<Vec<EventDocument>, OutboxError>;

    /// Notes that events are published; those that were noted before stay so.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Unknown`] if one of them is not stored, and then none is noted; the store's own
    /// failures.
    fn mark_published(&self, events: &[EventId]) -> Result<(), OutboxError>;

    /// Notes that the bus did not take events, and why; those that are published stay so.
    ///
    /// # Errors
    ///
    /// As for [`Outbox::mark_published`].
    fn mark_failed(&self, events: &[EventId], failure: &Failure) -> Result<(), OutboxError>;

    /// How many events are not published, where that costs nothing to tell.
    ///
    /// Who knows of as many need not read them back.
    fn waiting(&self) -> Option<usize> {
        None
    }

    /// Where an event stands, and the last failure to publish it; `None` if it is not stored.
    ///
    /// # Errors
    ///
    /// The store's own failures.
    fn publication(
        &self,
        event: &EventId,
    ) -> Result<Option<(Publication, Option<Failure>)>, OutboxError>;
}

#[cfg(test)]
mod tests {
    use super::Publication::{self, *};

    #[test]
    fn what_is_published_stays_so() {
        for (from, to) in [
            (Pending, Published),
            (Pending, Failed),
            (Failed, Published),
            (Failed, Failed),
        ] {
            assert!(from.can_become(to), "{from:?} → {to:?}");
        }
        for from in Publication::ALL {
            assert!(!from.can_become(Pending), "{from:?} → Pending");
            assert!(!Published.can_become(from), "Published → {from:?}");
        }
    }
}

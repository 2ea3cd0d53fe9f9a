//! The transactional outbox, and the service for it.

mod memory;
mod service;
#[cfg(test)]
pub(crate) mod tests;

pub(super) use self::service::{MarkInput, operation};
#[cfg(feature = "cqrs")]
pub use self::service::{OUTBOX_OPERATIONS, answer_outbox};
pub use self::{
    memory::MemoryOutbox,
    service::{Listener, OutboxService},
};
use super::{EventDocument, EventId};
use crate::domain::Failure;

/// The status of a stored event on its way to the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Publication {
    /// Stored, not yet published.
    Pending,
    /// On the bus.
    Published,
    /// The bus did not accept it; it is retried.
    Failed,
}

impl Publication {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Published, Self::Failed];

    /// The table of transitions.
    ///
    /// Published is final; a failed event may fail again.
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
    /// An event of this source and id is already stored.
    #[error("the event {0} is already stored")]
    AlreadyStored(EventId),
    /// No event of this source and id is stored.
    #[error("the event {0} is not stored")]
    Unknown(EventId),
    /// The store failed.
    #[error("the outbox cannot be used: {0}")]
    Unusable(String),
}

/// The *transactional outbox*: events are stored, in the same transaction as the change they report,
/// before they are published.
///
/// A relay publishes stored events and marks them. They survive a crash and an outage of the bus, so
/// every event is published at least once.
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

    /// Marks events as published; those already marked stay so.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Unknown`] if one of them is not stored, and then none is marked; the store's own
    /// failures.
    fn mark_published(&self, events: &[EventId]) -> Result<(), OutboxError>;

    /// Marks events as failed, with the reason; published ones stay published.
    ///
    /// # Errors
    ///
    /// As for [`Outbox::mark_published`].
    fn mark_failed(&self, events: &[EventId], failure: &Failure) -> Result<(), OutboxError>;

    /// The status of an event and its last failure; `None` if it is not stored.
    ///
    /// # Errors
    ///
    /// The store's own failures.
    fn publication(
        &self,
        event: &EventId,
    ) -> Result<Option<(Publication, Option<Failure>)>, OutboxError>;
}

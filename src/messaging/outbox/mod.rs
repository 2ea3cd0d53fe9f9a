//! The transactional outbox, and the service for it.

mod memory;
mod service;
#[cfg(test)]
pub(crate) mod tests;

pub(super) use self::service::{MarkInput, event_input, operation};
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
    /// The bus refused it for good; it is published again only if it is redriven.
    DeadLettered,
}

impl Publication {
    /// Every state.
    pub const ALL: [Self; 4] = [
        Self::Pending,
        Self::Published,
        Self::Failed,
        Self::DeadLettered,
    ];

    /// The table of transitions.
    ///
    /// Published is final; a failed event may fail again; a dead letter becomes pending.
    pub fn can_become(self, next: Self) -> bool {
        match self {
            Self::Pending | Self::Failed => next != Self::Pending,
            Self::Published => false,
            Self::DeadLettered => next != Self::Failed,
        }
    }
}

/// The status of a stored event, and the last failure to publish it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct PublicationStatus {
    /// How far it is.
    pub status: Publication,
    /// Why it is not published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// An event that is to be published again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RedrivenEvent {
    /// Published if it is on the bus already.
    pub status: Publication,
    /// Whether an event of its subject that was stored later is on the bus.
    pub behind_newer: bool,
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

    /// Marks events as failed, with the reason; published ones and dead letters stay what they are.
    ///
    /// # Errors
    ///
    /// As for [`Outbox::mark_published`].
    fn mark_failed(&self, events: &[EventId], failure: &Failure) -> Result<(), OutboxError>;

    /// Marks events as dead letters, with the reason; published ones stay published.
    ///
    /// # Errors
    ///
    /// As for [`Outbox::mark_published`].
    fn mark_dead_lettered(&self, events: &[EventId], failure: &Failure) -> Result<(), OutboxError>;

    /// Makes a dead letter pending again, in its old place; others stay what they are.
    ///
    /// # Errors
    ///
    /// As for [`Outbox::mark_published`].
    fn redrive(&self, event: &EventId) -> Result<RedrivenEvent, OutboxError>;

    /// The status of an event; `None` if it is not stored.
    ///
    /// # Errors
    ///
    /// The store's own failures.
    fn publication(&self, event: &EventId) -> Result<Option<PublicationStatus>, OutboxError>;
}

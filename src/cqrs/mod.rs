//! Command query responsibility segregation: aggregates decide commands, the event store keeps their
//! events, and projections turn these into the read models that queries read.

mod command;
mod document_change;
mod projection;
mod store;
#[cfg(test)]
mod tests;
mod upcasts;

pub use self::command::{
    Aggregate, Command, CommandMetadata, Decision, DomainEvent, unknown_event,
};
pub(crate) use self::command::{
    AggregateDefinition, CommandHandler, CommandResult, DefinedAggregate,
};
#[doc(hidden)]
pub use self::projection::{ProjectionDefinition, ProjectionStatus, Projector};
pub(crate) use self::store::{EVENT_STORE, StoredEvent};
#[doc(hidden)]
pub use self::store::{EventStore, EventStoreService, Snapshot, StreamId};

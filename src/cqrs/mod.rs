//! Command query responsibility segregation: aggregates decide commands, the event store keeps their
//! events, and projections turn these into the read models that queries read.

mod command;
mod document_change;
mod projection;
mod store;
#[cfg(test)]
mod tests;

pub use self::{
    command::{
        Aggregate, AggregateDefinition, Command, CommandDefinition, CommandHandler,
        CommandMetadata, CommandResult, Decision, DefinedAggregate, DomainEvent, Emission,
        RuleDefinition, unknown_event,
    },
    document_change::DocumentChange,
    projection::{
        HandlerDefinition, ProjectionDefinition, ProjectionError, ProjectionFailure,
        ProjectionStatus, Projector,
    },
    store::{
        EVENT_STORE, EventStore, EventStoreError, EventStoreService, Handled, MemoryEventStore,
        Snapshot, SqliteEventStore, StoredEvent, StreamId,
    },
};

//! Commands and queries apart: aggregates decide, the event store keeps what happened, projections
//! make of it what is read.

mod aggregate;
mod aggregate_definition;
mod aggregates;
mod change;
mod command;
mod command_handler;
mod defined_aggregate;
mod defined_projection;
mod event_store;
mod event_store_client;
mod event_store_messages;
mod event_store_service;
mod memory_event_store;
mod positions;
mod projecting;
mod projection;
mod projection_error;
mod projection_failure;
mod projection_service;
mod projection_status;
mod projection_task;
mod projections;
mod projector;
mod replayed;
#[cfg_attr(not(feature = "sqlite"), path = "sqlite_event_store_left_out.rs")]
mod sqlite_event_store;
#[cfg(test)]
mod tests;

pub use aggregate::{
    Aggregate, AggregateOf, AggregateState, AggregateType, Decision, DomainEvent, unknown_event,
};
pub use aggregate_definition::{AggregateDefinition, CommandDefinition, Emission, RuleDefinition};
pub use change::Change;
pub use command::{Command, CommandMetadata, CommandResult};
pub use command_handler::CommandHandler;
pub use defined_aggregate::DefinedAggregate;
pub use defined_projection::{DefinedProjection, HandlerDefinition, ProjectionDefinition};
pub use event_store::{EventStore, EventStoreError, Handled, Snapshot, StoredEvent, StreamId};
pub use event_store_service::{EVENT_STORE, EventStoreService};
pub use memory_event_store::MemoryEventStore;
pub use projection::{ProjectedEvent, Projection};
pub use projection_error::ProjectionError;
pub use projection_failure::ProjectionFailure;
pub use projection_status::{ProjectionPolicy, ProjectionStatus};
pub use projector::Projector;
pub use sqlite_event_store::SqliteEventStore;

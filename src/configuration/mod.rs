//! Configurations that are kept as events: created, updated, rolled back and deleted by commands, read from a
//! read model, with references to what other services keep, and with rules for updates that conflict. And what
//! services must agree on: rules as data, what is found against them, and how they come to agree again.

mod aggregate;
mod changing;
mod configurations;
mod conflict;
mod consistency;
mod coordination;
mod definition;
mod graph;
mod history;
mod lifecycle;
mod reading;
mod reconciliation;
mod reconciling;
mod references;
mod rule;
mod service;
mod staging;

pub use self::{
    configurations::{Configurations, WorkflowEngine},
    consistency::{Consistency, ConsistencyDefinition},
    definition::ConfigurationsDefinition,
    rule::ConsistencyRule,
    service::ConfigurationService,
};

//! Configurations that are kept as events: created, updated, rolled back and deleted by commands, read from a
//! read model, with references to what other services keep, and with rules for updates that conflict.

mod aggregate;
mod changing;
mod configurations;
mod conflict;
mod definition;
mod history;
mod reading;
mod references;
mod service;

pub use self::{
    configurations::Configurations, definition::ConfigurationsDefinition,
    service::ConfigurationService,
};

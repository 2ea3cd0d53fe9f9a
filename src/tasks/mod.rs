//! A server of tasks: people and agents plan tasks, work on them and put the results together, by tools that
//! are called as operations of a service.

mod artifacts;
mod connections;
#[cfg_attr(not(feature = "control"), path = "crew_left_out.rs")]
mod crew;
mod ending;
mod execution;
mod failures;
mod health;
mod input;
mod lifecycle;
mod maintenance;
#[cfg(feature = "mcp")]
pub mod mcp;
mod planning;
mod query;
mod reconnecting;
mod restart;
mod server;
mod service;
mod session;
mod sessions;
mod snapshot;
mod specialists;
mod staleness;
mod status;
mod store;
mod synthesis;
mod tables;
mod task;
#[cfg(test)]
mod tests;
mod tools;
mod view;
mod vocabulary;

pub use self::tools::Tools;
pub(crate) use self::{
    crew::Crew,
    lifecycle::Callback,
    server::Server,
    service::{TaskService, TasksDefinition},
    store::TaskStore,
};

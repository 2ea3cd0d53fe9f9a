//! The vocabulary: step definitions, by subject.
//!
//! A Given sets up, a When acts and may let virtual time pass, a Then reads the timeline and never lets
//! time pass.

#![expect(
    clippy::needless_pass_by_value,
    reason = "cucumber's macros hand parameters over by value"
)]

mod approvals;
mod audit;
mod calls;
#[cfg(feature = "configuration")]
mod configuration;
#[cfg(feature = "configuration")]
mod consistency;
#[cfg(feature = "contracts")]
mod contracts;
#[cfg(feature = "control")]
mod control;
#[cfg(feature = "cqrs")]
mod cqrs;
mod crashes;
mod effects;
#[cfg(feature = "json-schema")]
mod entities;
mod failing;
mod files;
mod fixtures;
mod health;
#[cfg(feature = "messaging")]
mod messaging;
mod network;
mod outcomes;
mod parameters;
mod policies;
#[cfg(feature = "sqlite")]
mod processes;
mod runs;
mod security;
mod services;
mod snapshots;
#[cfg(feature = "http")]
mod systems;
#[cfg(feature = "tasks")]
mod tasks;
mod timeline;
mod workflows;

pub use failing::{StepError, StepResult};
pub use parameters::{CallParameter, CountParameter, DurationParameter};

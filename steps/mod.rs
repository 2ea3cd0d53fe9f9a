//! The vocabulary: step definitions, by the room they speak of.
//!
//! A Given sets the scene, a When lets something happen and virtual time pass,
//! a Then reads the timeline and never lets time pass.

#![expect(
    clippy::needless_pass_by_value,
    reason = "cucumber's macros hand parameters over by value"
)]

mod calls;
mod commands;
mod communication;
mod contracts;
mod crashes;
mod dead_letters;
mod entities;
mod events;
mod failing;
mod files;
mod fixtures;
mod health;
mod network;
mod outcomes;
mod parameters;
mod policies;
mod projections;
mod publications;
mod requests;
mod runs;
mod services;
mod snapshots;
mod subscriptions;
mod timeline;
mod traces;
mod workflows;

pub use failing::{StepError, StepResult};
pub use parameters::{Call, Count, Span};

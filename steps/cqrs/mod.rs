//! Steps of commands, the event store and projections.

mod commands;
mod fixtures;
mod projections;
mod traces;

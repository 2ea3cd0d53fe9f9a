//! Steps of requests and events.

mod communication;
mod dead_letters;
pub(super) mod events;
mod publications;
mod requests;
mod subscriptions;
pub(super) mod traces;

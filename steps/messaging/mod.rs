//! Steps of requests and events.

mod communication;
mod dead_letters;
mod events;
mod publications;
mod requests;
mod subscriptions;
pub(super) mod traces;

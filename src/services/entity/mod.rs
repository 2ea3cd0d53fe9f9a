//! Services that keep entities, each described by its definition alone.

mod changing;
mod input;
mod model;
mod naming;
mod reading;
mod references;
mod reserving;
mod revision;
mod schema;
mod service;
mod store;
#[cfg(test)]
mod tests;
mod undo;

pub use model::EntityDefinition;
pub(super) use model::check;
pub use service::EntityService;
pub use store::{Entities, EntityError};

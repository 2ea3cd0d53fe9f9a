//! Services that keep entities: any number of them, each described by its definition alone.

mod change;
mod changing;
mod definition;
mod fault;
mod input;
mod model;
mod naming;
mod reading;
mod references;
mod reserving;
mod schema;
mod service;
mod store;
#[cfg(test)]
mod tests;

pub use definition::EntityDefinition;
pub(super) use model::check;
pub use service::EntityService;
pub use store::{Entities, EntityError};

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

#[cfg(feature = "configuration")]
pub(crate) use input::{BASES, Input, refuse_faults, undo_target, wrong_type};
pub use model::EntityDefinition;
#[cfg(feature = "configuration")]
pub(crate) use model::Reference;
pub(super) use model::check;
#[cfg(feature = "configuration")]
pub(crate) use naming::slug;
#[cfg(feature = "configuration")]
pub(crate) use schema::Schema as EntitySchema;
pub use service::EntityService;
pub use store::{Entities, EntityError};

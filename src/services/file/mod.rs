//! The file service: a careful file system in the scenario's folder, which writes atomically, keeps versions and undoes by key.

mod atomic;
mod change;
mod commands;
mod content;
mod definition;
mod disk_faults;
mod failures;
mod files;
mod history;
mod location;
mod path;
mod query;
mod record;
mod request;
mod service;
mod state;
mod survey;
#[cfg(test)]
mod tests;
mod transaction;

pub(super) use definition::check;
pub use definition::{FileOperation, FilesDefinition};
pub use disk_faults::DiskStage;
pub use files::Files;
pub use service::FileService;

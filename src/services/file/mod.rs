//! The file service: a careful file system in the scenario's folder, which writes atomically, keeps versions and undoes by key.
//!
//! A call is read into a `FileRequest` (`request`): a `FileQuery` is answered from the state (`query`), a
//! `FileCommand` (`commands`) changes one file in a `FileTransaction` (`transaction`), which stages its
//! `Content`, replaces the file (`atomic`) and keeps backups. `FilesState` holds the `FileHistory` of each
//! `FilePath`, and what was done under each key as a `FileChange`, which knows how to revert itself.
//! `Survey` looks at the disk for what should not be there.

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

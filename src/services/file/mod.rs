//! The file service: files in the scenario's folder, written atomically, with versions and undo by key.
//!
//! A call is parsed into a `FileRequest` (`request`): a `FileQuery` is answered from the state (`query`), a
//! `FileCommand` (`commands`) changes one file in a `FileTransaction` (`transaction`), which stages its
//! `Content`, replaces the file (`atomic`) and keeps backups. `FilesState` holds the `FileHistory` of each
//! `FilePath`, and for each key its `FileChange`, which can revert itself. `Survey` scans the disk for
//! files that should not be there.

mod atomic;
mod change;
mod commands;
mod content;
mod definition;
mod disk_faults;
mod failures;
mod files;
mod location;
mod path;
#[cfg(feature = "tasks")]
mod plain;
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
pub use path::FilePath;
#[cfg(feature = "tasks")]
pub(crate) use plain::{read_file, remove_file, write_file};
pub use service::FileService;

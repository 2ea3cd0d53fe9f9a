//! The file service: a careful file system in the scenario's folder, which writes atomically, keeps versions and undoes by key.

mod atomic;
mod change;
mod commands;
mod content;
mod definition;
mod desk;
mod disk_faults;
mod failures;
mod files;
mod path;
mod place;
mod query;
mod record;
mod request;
mod service;
mod shelf;
mod state;
mod survey;
#[cfg(test)]
mod tests;

pub(super) use definition::check;
pub use definition::{FileOperation, FilesDefinition};
pub use disk_faults::{Stage as DiskStage, StageError as DiskStageError};
pub use files::Files;
pub use path::FilePath;
pub use record::{BackupMetadata, FileMetadata, Permissions, PermissionsError};
pub use service::FileService;

//! The cast: services, the scripts of their answers, and the one client that calls them.

mod answer;
mod client;
mod codes;
mod cue;
mod definition;
mod directory;
mod effects;
#[cfg_attr(not(feature = "json-schema"), path = "entity_left_out.rs")]
mod entity;
mod execution;
mod faults;
mod file;
mod guards;
mod health;
mod integrity;
mod mock;
mod partition;
mod policies;
mod registry;
mod script;
mod service;
#[cfg(test)]
mod tests;
mod wire;

pub use answer::{Answer, AnswerError, Executions, Response};
pub use client::Client;
pub use codes::CodeError;
pub use definition::{
    CastFile, CodeDefinition, EntityOperation, OperationDefinition, OperationKind,
    ServiceDefinition,
};
pub use directory::Directory;
pub use effects::{EffectDecision, Effects};
pub use entity::*;
pub use faults::{FaultId, Faults, UnusedFault};
pub use file::{
    BackupMetadata, DiskStage, DiskStageError, FileMetadata, FileOperation, FilePath, FileService,
    Files, FilesDefinition, Permissions, PermissionsError,
};
pub use health::HealthReport;
pub use mock::MockService;
pub use partition::PartitionError;
pub use policies::{CallPolicy, Policies};
pub use registry::{Registry, UnknownName};
pub use script::Script;
use service::refused;
pub use service::{CallResult, Service};

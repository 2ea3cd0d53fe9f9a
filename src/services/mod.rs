//! Services, the scripts of their answers, and the one client that calls them.

mod answer;
mod authorisation;
mod budgets;
mod caller;
mod client;
mod code_check;
#[cfg(test)]
mod conformance;
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
mod http_route;
mod http_status;
mod input_answer;
mod integrity;
mod limit;
mod mock;
mod observer;
mod operation_kind;
mod operations;
mod partition;
mod policies;
mod reachability;
mod registry;
mod repetition;
mod script;
mod service;
mod wire;
mod wire_answer;

pub(crate) use answer::Answer;
pub use answer::Executions;
#[doc(hidden)]
pub use answer::Response;
pub use caller::Caller;
#[cfg(feature = "http")]
pub(crate) use caller::key_of_caller;
#[doc(hidden)]
pub use client::Client;
pub(crate) use code_check::CodeError;
#[cfg(feature = "json-schema")]
pub(crate) use definition::OperationDefinition;
#[doc(hidden)]
pub use definition::ServiceDefinition;
pub(crate) use definition::{CastFile, CodeDefinition, check_service_name};
pub(crate) use directory::Directory;
#[doc(hidden)]
pub use effects::Effects;
pub(crate) use effects::{EffectDecision, KeyRules};
pub use entity::*;
pub use faults::{FaultId, Faults, UnusedFault};
#[doc(hidden)]
pub use file::DiskStage;
pub use file::FileService;
pub(crate) use file::{FileOperation, FilePath, Files, FilesDefinition};
#[cfg(feature = "tasks")]
pub(crate) use file::{read_file, remove_file, write_file};
pub(crate) use http_route::HttpRoute;
#[cfg(feature = "http")]
pub(crate) use http_status::{failure_of, status_of};
#[doc(hidden)]
pub use limit::Limit;
#[doc(hidden)]
pub use mock::MockService;
pub(crate) use observer::{CallObserver, Moment, Tries};
#[cfg(feature = "json-schema")]
pub(crate) use operation_kind::EntityOperation;
#[doc(hidden)]
pub use policies::CallPolicy;
pub(crate) use policies::Policies;
pub(crate) use reachability::Reachability;
pub use registry::{Registry, UnknownName};
pub(crate) use repetition::{Repetition, stopped_before_any};
pub(crate) use script::Script;
pub(crate) use service::refused;
pub use service::{CallResult, Service};
#[doc(hidden)]
pub use wire_answer::WireAnswer;

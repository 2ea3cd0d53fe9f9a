//! The cast: services, the scripts that say how they answer, and the one client that calls them.

mod answer;
mod client;
mod codes;
mod definition;
mod directory;
mod effects;
mod execution;
mod faults;
mod guards;
mod mock;
mod policies;
mod registry;
mod script;
mod service;

pub use answer::{Answer, AnswerError, Executions, Response, is_code};
pub use client::Client;
pub use codes::CodeError;
pub use definition::{
    CastFile, CodeDefinition, OperationDefinition, OperationKind, ServiceDefinition,
};
pub use directory::Directory;
pub use effects::{Due, Effects};
pub use faults::{FaultId, Faults, UnusedFault};
pub use mock::MockService;
pub use policies::{CallPolicy, Policies};
pub use registry::{Registry, UnknownName};
pub use script::Script;
pub use service::{CallResult, Service};

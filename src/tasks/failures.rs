use crate::{
    domain::{Failure, FailureMode},
    services,
};

/// The result of a tool.
pub type ToolResult<T> = Result<T, Box<Failure>>;

/// The task does not exist.
pub const TASK_NOT_FOUND: &str = "TASK_NOT_FOUND";
/// Another task has this id.
pub const TASK_ALREADY_EXISTS: &str = "TASK_ALREADY_EXISTS";
/// The task's status does not allow it.
pub const INVALID_TASK_STATE: &str = "INVALID_TASK_STATE";
/// What the task depends on, or what depends on it, does not allow it.
pub const DEPENDENCY_CONFLICT: &str = "DEPENDENCY_CONFLICT";
/// The store cannot be used.
pub const DATABASE_ERROR: &str = "DATABASE_ERROR";
/// Too much waits already.
pub const RESOURCE_EXHAUSTED: &str = "RESOURCE_EXHAUSTED";
/// The session does not exist.
pub const SESSION_NOT_FOUND: &str = "SESSION_NOT_FOUND";
/// The artifact does not exist.
pub const ARTIFACT_NOT_FOUND: &str = "ARTIFACT_NOT_FOUND";

/// The codes that are the tools' own, with their mode and whether they are worth a retry.
pub const CODES: [(&str, FailureMode, bool); 8] = [
    (TASK_NOT_FOUND, FailureMode::AgentValidation, false),
    (SESSION_NOT_FOUND, FailureMode::AgentValidation, false),
    (ARTIFACT_NOT_FOUND, FailureMode::AgentValidation, false),
    (TASK_ALREADY_EXISTS, FailureMode::AgentState, false),
    (INVALID_TASK_STATE, FailureMode::AgentState, false),
    (DEPENDENCY_CONFLICT, FailureMode::AgentState, false),
    (DATABASE_ERROR, FailureMode::ResourceApi, true),
    (RESOURCE_EXHAUSTED, FailureMode::ResourceApi, true),
];

/// A failure about a field of the input.
pub fn refused(code: &str, field: &str, message: impl Into<String>) -> Box<Failure> {
    let mut failure = services::refused(code, field, message);
    if let Some((_, mode, retryable)) = CODES.iter().find(|(own, ..)| *own == code) {
        (failure.mode, failure.retryable) = (*mode, *retryable);
    }
    failure
}

/// The store cannot be used.
pub fn database_error(message: impl Into<String>) -> Box<Failure> {
    let mut failure = refused(DATABASE_ERROR, "", message);
    failure.field = None;
    failure
}

/// Why an operation on the store failed.
pub enum StoreError {
    /// The database did.
    Database(rusqlite::Error),
    /// The operation is refused.
    Refused(Box<Failure>),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Box<Failure>> for StoreError {
    fn from(failure: Box<Failure>) -> Self {
        Self::Refused(failure)
    }
}

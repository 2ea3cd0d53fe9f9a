use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{CallName, FailureMode};

/// Codes that the product itself knows.
pub mod code {
    use super::FailureMode::{self, *};

    /// An execution took longer than its timeout.
    pub const TIMEOUT: &str = "TIMEOUT";
    /// A run took longer than its deadline.
    pub const WORKFLOW_TIMEOUT: &str = "WORKFLOW_TIMEOUT";
    /// The service is down, or its breaker refuses.
    pub const SERVICE_UNAVAILABLE: &str = "SERVICE_UNAVAILABLE";
    /// The service does not exist.
    pub const SERVICE_NOT_FOUND: &str = "SERVICE_NOT_FOUND";
    /// The service has no such operation.
    pub const OPERATION_NOT_FOUND: &str = "OPERATION_NOT_FOUND";
    /// The bulkhead's queue is full.
    pub const BULKHEAD_FULL: &str = "BULKHEAD_FULL";
    /// An input refers to data that is not there.
    pub const INVALID_REFERENCE: &str = "INVALID_REFERENCE";
    /// A workflow's definition is faulty.
    pub const INVALID_WORKFLOW: &str = "INVALID_WORKFLOW";
    /// The run id is taken.
    pub const WORKFLOW_ALREADY_EXISTS: &str = "WORKFLOW_ALREADY_EXISTS";
    /// No aggregate has such a command.
    pub const UNKNOWN_COMMAND_TYPE: &str = "UNKNOWN_COMMAND_TYPE";
    /// No event is of this type, or none that an aggregate or a projection knows.
    pub const UNKNOWN_EVENT_TYPE: &str = "UNKNOWN_EVENT_TYPE";
    /// No projection keeps such a read model.
    pub const UNKNOWN_READ_MODEL: &str = "UNKNOWN_READ_MODEL";
    /// An input is not as it must be.
    pub const VALIDATION_FAILED: &str = "VALIDATION_FAILED";
    /// Someone else has changed it since.
    pub const CONCURRENT_MODIFICATION: &str = "CONCURRENT_MODIFICATION";
    /// Others depend on it.
    pub const REFERENTIAL_INTEGRITY_VIOLATION: &str = "REFERENTIAL_INTEGRITY_VIOLATION";
    /// The caller gave up.
    pub const CANCELLED: &str = "CANCELLED";
    /// Bytes are not those that were written.
    pub const CORRUPTION_DETECTED: &str = "CORRUPTION_DETECTED";
    /// An answer is not what was agreed on.
    pub const CONTRACT_VIOLATION: &str = "CONTRACT_VIOLATION";
    /// There is no such file.
    pub const FILE_NOT_FOUND: &str = "FILE_NOT_FOUND";
    /// There is such a file already.
    pub const FILE_ALREADY_EXISTS: &str = "FILE_ALREADY_EXISTS";
    /// No backup holds what is to be restored.
    pub const BACKUP_NOT_FOUND: &str = "BACKUP_NOT_FOUND";
    /// No file can be called so.
    pub const INVALID_PATH: &str = "INVALID_PATH";
    /// The path leads out of the scenario's directory.
    pub const PATH_OUTSIDE_DIRECTORY: &str = "PATH_OUTSIDE_DIRECTORY";
    /// There is no such event.
    pub const EVENT_NOT_FOUND: &str = "EVENT_NOT_FOUND";
    /// There is another event of this source and id.
    pub const EVENT_ALREADY_EXISTS: &str = "EVENT_ALREADY_EXISTS";
    /// The disk is full.
    pub const ENOSPC: &str = "ENOSPC";
    /// The file's permissions forbid it.
    pub const EACCES: &str = "EACCES";
    /// The system forbids it.
    pub const EPERM: &str = "EPERM";
    /// The disk fails in a way that has no code of its own.
    pub const IO_ERROR: &str = "IO_ERROR";

    /// Every code known from the start, its mode, and whether it is worth a retry.
    pub const KNOWN: &[(&str, FailureMode, bool)] = &[
        ("NETWORK_TIMEOUT", SystemNetwork, true),
        ("CONNECTION_REFUSED", SystemNetwork, true),
        ("CONNECTION_RESET", SystemNetwork, true),
        (TIMEOUT, SystemTimeout, true),
        (SERVICE_UNAVAILABLE, ResourceApi, true),
        ("TRANSIENT_ERROR", ResourceTool, true),
        ("TOOL_ERROR", ResourceTool, true),
        ("RATE_LIMITED", PolicyRateLimit, true),
        (BULKHEAD_FULL, ResourceCircuit, true),
        ("AGENT_TIMEOUT", AgentTimeout, true),
        (VALIDATION_FAILED, AgentValidation, false),
        (INVALID_REFERENCE, AgentValidation, false),
        (INVALID_PATH, AgentValidation, false),
        (FILE_NOT_FOUND, AgentValidation, false),
        (BACKUP_NOT_FOUND, AgentValidation, false),
        ("INVALID_MODEL", AgentValidation, false),
        (UNKNOWN_COMMAND_TYPE, AgentValidation, false),
        (UNKNOWN_READ_MODEL, AgentValidation, false),
        (INVALID_WORKFLOW, AgentValidation, false),
        (SERVICE_NOT_FOUND, AgentValidation, false),
        (OPERATION_NOT_FOUND, AgentValidation, false),
        (UNKNOWN_EVENT_TYPE, AgentValidation, false),
        (EVENT_NOT_FOUND, AgentValidation, false),
        ("PERMISSION_DENIED", UserPermission, false),
        (EACCES, UserPermission, false),
        (EPERM, UserPermission, false),
        (CORRUPTION_DETECTED, AgentContract, false),
        (CONTRACT_VIOLATION, AgentContract, false),
        (ENOSPC, SystemDisk, false),
        (IO_ERROR, SystemDisk, false),
        ("BUDGET_EXHAUSTED", PolicyBudget, false),
        (CANCELLED, UserCancelled, false),
        ("PERMANENT_ERROR", AgentLogic, false),
        ("AGENT_CREATION_ERROR", AgentLogic, false),
        ("CAPABILITY_ERROR", AgentLogic, false),
        (CONCURRENT_MODIFICATION, AgentState, false),
        (FILE_ALREADY_EXISTS, AgentState, false),
        (EVENT_ALREADY_EXISTS, AgentState, false),
        (REFERENTIAL_INTEGRITY_VIOLATION, AgentState, false),
        (WORKFLOW_ALREADY_EXISTS, AgentState, false),
        (WORKFLOW_TIMEOUT, SystemTimeout, false),
        ("UNAUTHENTICATED", PolicySecurity, false),
        (PATH_OUTSIDE_DIRECTORY, PolicySecurity, false),
    ];
}

/// Whether a text is a code: UPPER_SNAKE case.
pub fn is_code(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// Checks that a text is a code.
///
/// # Errors
///
/// If it is not in UPPER_SNAKE case, with a message that says so.
pub fn check_code(text: &str) -> Result<(), String> {
    match is_code(text) {
        true => Ok(()),
        false => Err(format!("{text:?} is not a code, expected UPPER_SNAKE case")),
    }
}

/// Why a call did not succeed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Failure {
    /// What went wrong, in UPPER_SNAKE case.
    pub code: Arc<str>,
    /// What went wrong, for people.
    pub message: String,
    /// The service that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Arc<str>>,
    /// The operation that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Arc<str>>,
    /// The field at fault, or the JSON pointer to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What kind of trouble it is.
    pub mode: FailureMode,
    /// Whether another execution may succeed.
    pub retryable: bool,
    /// How many executions the call had; refusals are none.
    pub executions: u32,
    /// Whether an execution was ended by our own timeout or deadline, so that
    /// its effect may still arrive, or a run within left something undone.
    pub in_doubt: bool,
    /// The failures that were retried before this one, oldest first, then those it sums up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Failure>,
}

impl Failure {
    /// A failure whose mode and retryability follow from its code.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        let (mode, retryable) = FailureMode::classify(code);
        Self {
            code: code.into(),
            message: message.into(),
            service: None,
            operation: None,
            field: None,
            mode,
            retryable,
            executions: 0,
            in_doubt: false,
            causes: Vec::new(),
        }
    }

    /// Says where it happened.
    #[must_use]
    pub fn at(mut self, call: &CallName) -> Self {
        self.service = Some(call.service().into());
        self.operation = Some(call.operation().into());
        self
    }

    /// Says which field, or JSON pointer, is at fault.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Where it happened, as `Service.operation`, as far as it is known.
    pub fn origin(&self) -> Option<CallName> {
        Some(CallName::new(
            self.service.as_deref()?,
            self.operation.as_deref()?,
        ))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(origin) = self.origin() {
            write!(f, " from {origin}")?;
        }
        write!(f, ": {}", self.message)?;
        match self.executions {
            0 | 1 => Ok(()),
            executions => write!(f, " (after {executions} executions)"),
        }
    }
}

impl std::error::Error for Failure {}

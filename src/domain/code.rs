//! The codes of failures, and how they are classified.

use super::FailureMode::{self, *};

/// An execution took longer than its timeout.
pub const TIMEOUT: &str = "TIMEOUT";
/// No event came in the time that a step waits for it.
pub const WAIT_TIMEOUT: &str = "WAIT_TIMEOUT";
/// Nobody answered a request for approval in time.
pub const APPROVAL_TIMEOUT: &str = "APPROVAL_TIMEOUT";
/// A person said no.
pub const APPROVAL_DENIED: &str = "APPROVAL_DENIED";
/// Nobody can carry out a plan.
pub const WORKER_UNAVAILABLE: &str = "WORKER_UNAVAILABLE";
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
/// An input refers to data that does not exist.
pub const INVALID_REFERENCE: &str = "INVALID_REFERENCE";
/// A workflow's definition is faulty.
pub const INVALID_WORKFLOW: &str = "INVALID_WORKFLOW";
/// The run id is taken.
pub const WORKFLOW_ALREADY_EXISTS: &str = "WORKFLOW_ALREADY_EXISTS";
/// No aggregate has such a command.
pub const UNKNOWN_COMMAND_TYPE: &str = "UNKNOWN_COMMAND_TYPE";
/// No aggregate or projection knows this type of event.
pub const UNKNOWN_EVENT_TYPE: &str = "UNKNOWN_EVENT_TYPE";
/// No projection keeps such a read model.
pub const UNKNOWN_READ_MODEL: &str = "UNKNOWN_READ_MODEL";
/// An input is not valid.
pub const VALIDATION_FAILED: &str = "VALIDATION_FAILED";
/// Someone else has changed it in the meantime.
pub const CONCURRENT_MODIFICATION: &str = "CONCURRENT_MODIFICATION";
/// What was read is older than it may be.
pub const STALE_READ: &str = "STALE_READ";
/// The state that it is in does not allow it.
pub const ILLEGAL_TRANSITION: &str = "ILLEGAL_TRANSITION";
/// A condition of a change of state does not hold.
pub const GUARD_NOT_MET: &str = "GUARD_NOT_MET";
/// Others depend on it.
pub const REFERENTIAL_INTEGRITY_VIOLATION: &str = "REFERENTIAL_INTEGRITY_VIOLATION";
/// There were too many calls.
pub const RATE_LIMITED: &str = "RATE_LIMITED";
/// The connection broke before an answer came.
pub const CONNECTION_RESET: &str = "CONNECTION_RESET";
/// The network gave no answer in time.
pub const NETWORK_TIMEOUT: &str = "NETWORK_TIMEOUT";
/// A call would exceed a budget.
pub const BUDGET_EXHAUSTED: &str = "BUDGET_EXHAUSTED";
/// The run was taken up after crashes as often as it may be.
pub const RECOVERY_EXHAUSTED: &str = "RECOVERY_EXHAUSTED";
/// The key came before, with another input.
pub const IDEMPOTENCY_KEY_REUSED: &str = "IDEMPOTENCY_KEY_REUSED";
/// The caller gave up.
pub const CANCELLED: &str = "CANCELLED";
/// Bytes differ from those that were written.
pub const CORRUPTION_DETECTED: &str = "CORRUPTION_DETECTED";
/// A reply breaks its contract.
pub const CONTRACT_VIOLATION: &str = "CONTRACT_VIOLATION";
/// The file does not exist.
pub const FILE_NOT_FOUND: &str = "FILE_NOT_FOUND";
/// The file exists already.
pub const FILE_ALREADY_EXISTS: &str = "FILE_ALREADY_EXISTS";
/// No backup has the version to restore.
pub const BACKUP_NOT_FOUND: &str = "BACKUP_NOT_FOUND";
/// Not a valid path of a file.
pub const INVALID_PATH: &str = "INVALID_PATH";
/// The path leads out of the scenario's directory.
pub const PATH_OUTSIDE_DIRECTORY: &str = "PATH_OUTSIDE_DIRECTORY";
/// The user lacks the permission.
pub const PERMISSION_DENIED: &str = "PERMISSION_DENIED";
/// The service does not know the caller.
pub const UNAUTHENTICATED: &str = "UNAUTHENTICATED";
/// The event does not exist.
pub const EVENT_NOT_FOUND: &str = "EVENT_NOT_FOUND";
/// Another event has this source and id.
pub const EVENT_ALREADY_EXISTS: &str = "EVENT_ALREADY_EXISTS";
/// The disk is full.
pub const ENOSPC: &str = "ENOSPC";
/// The file's permissions forbid it.
pub const EACCES: &str = "EACCES";
/// The system forbids it.
pub const EPERM: &str = "EPERM";
/// Any other failure of the disk.
pub const IO_ERROR: &str = "IO_ERROR";

/// Every built-in code, its mode, and whether it is worth a retry.
pub const KNOWN: &[(&str, FailureMode, bool)] = &[
    (NETWORK_TIMEOUT, SystemNetwork, true),
    ("CONNECTION_REFUSED", SystemNetwork, true),
    (CONNECTION_RESET, SystemNetwork, true),
    (TIMEOUT, SystemTimeout, true),
    (SERVICE_UNAVAILABLE, ResourceApi, true),
    ("TRANSIENT_ERROR", ResourceTool, true),
    ("TOOL_ERROR", ResourceTool, true),
    (WORKER_UNAVAILABLE, ResourceTool, true),
    (RATE_LIMITED, PolicyRateLimit, true),
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
    (PERMISSION_DENIED, UserPermission, false),
    (EACCES, UserPermission, false),
    (EPERM, UserPermission, false),
    (CORRUPTION_DETECTED, AgentContract, false),
    (CONTRACT_VIOLATION, AgentContract, false),
    (ENOSPC, SystemDisk, false),
    (IO_ERROR, SystemDisk, false),
    (BUDGET_EXHAUSTED, PolicyBudget, false),
    (CANCELLED, UserCancelled, false),
    ("PERMANENT_ERROR", AgentLogic, false),
    ("AGENT_CREATION_ERROR", AgentLogic, false),
    ("CAPABILITY_ERROR", AgentLogic, false),
    (CONCURRENT_MODIFICATION, AgentState, false),
    (STALE_READ, AgentState, true),
    (ILLEGAL_TRANSITION, AgentState, false),
    (GUARD_NOT_MET, AgentState, false),
    (FILE_ALREADY_EXISTS, AgentState, false),
    (EVENT_ALREADY_EXISTS, AgentState, false),
    (REFERENTIAL_INTEGRITY_VIOLATION, AgentState, false),
    (WORKFLOW_ALREADY_EXISTS, AgentState, false),
    (RECOVERY_EXHAUSTED, AgentState, false),
    (IDEMPOTENCY_KEY_REUSED, AgentState, false),
    (WORKFLOW_TIMEOUT, SystemTimeout, false),
    (WAIT_TIMEOUT, SystemTimeout, false),
    (APPROVAL_TIMEOUT, SystemTimeout, false),
    (APPROVAL_DENIED, UserCancelled, false),
    (UNAUTHENTICATED, PolicySecurity, false),
    (PATH_OUTSIDE_DIRECTORY, PolicySecurity, false),
];

/// Checks that a text is a code.
///
/// # Errors
///
/// If it is not in UPPER_SNAKE case, with a message that says so.
pub fn check_code(text: &str) -> Result<(), String> {
    let is_code = text.starts_with(|c: char| c.is_ascii_uppercase())
        && text
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    match is_code {
        true => Ok(()),
        false => Err(format!(
            "{text:?} is not a valid code, expected UPPER_SNAKE case"
        )),
    }
}

/// Whether a code is built in.
pub fn is_known(code: &str) -> bool {
    KNOWN.iter().any(|(known, ..)| *known == code)
}

/// Classifies a code by its name alone, never by words in a message: its mode, and whether the failure
/// is worth a retry. A code that nobody declared is [`FailureMode::AgentLogic`], not retryable.
pub fn classify(code: &str) -> (FailureMode, bool) {
    if let Some((_, mode, retryable)) = KNOWN.iter().find(|(known, ..)| *known == code) {
        (*mode, *retryable)
    } else if code.ends_with("_NOT_FOUND") {
        (AgentValidation, false)
    } else {
        (AgentLogic, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Severity;

    #[test]
    fn classify_reads_the_name_of_a_code_alone() {
        assert_eq!(classify("NETWORK_TIMEOUT"), (SystemNetwork, true));
        assert_eq!(classify("PERSONALITY_NOT_FOUND"), (AgentValidation, false));
        assert_eq!(classify("NETWORK_TIMEOUT_OF_MINE"), (AgentLogic, false));
        assert_eq!(classify("WORKFLOW_TIMEOUT"), (SystemTimeout, false));
    }

    #[test]
    fn terminal_modes_are_critical_and_never_retryable() {
        for (_, mode, retryable) in KNOWN {
            if mode.terminal() {
                assert_eq!(mode.severity(), Severity::Critical);
                assert!(!mode.retryable() && !retryable, "{mode:?}");
            }
        }
        assert_eq!(SystemNetwork.severity(), Severity::High);
        assert_eq!(ResourceApi.severity(), Severity::Medium);
        assert_eq!(AgentLogic.severity(), Severity::Low);
    }
}

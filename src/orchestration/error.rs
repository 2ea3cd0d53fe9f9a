use super::JournalError;
use crate::domain::{Failure, WorkflowStatus};

/// Why a run has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It was refused before any call.
    #[error("the workflow is refused: {0}")]
    Refused(#[source] Box<Failure>),
    /// It cannot go on, because it is not interrupted.
    #[error("the run {run:?} is {}, not interrupted", .status.as_str())]
    NotInterrupted {
        /// The run.
        run: String,
        /// What it is.
        status: WorkflowStatus,
    },
    /// The orchestrator's process was lost.
    #[error("the orchestrator crashed")]
    Crashed,
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

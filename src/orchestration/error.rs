use super::JournalError;
use crate::domain::Failure;

/// Why a run has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It was refused before any call.
    #[error("the workflow is refused: {0}")]
    Refused(#[source] Box<Failure>),
    /// The orchestrator's process was lost.
    #[error("the orchestrator crashed")]
    Crashed,
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

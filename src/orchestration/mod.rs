//! Runs workflows: steps in the order of their dependencies, compensation when they fail, a journal that survives a crash.

mod approval;
mod approvals;
mod child_run;
mod crash;
mod decisions;
mod degrade;
mod inbox;
mod journal;
mod kept_failures;
mod limits;
mod loading;
mod mended;
mod nesting;
mod open_waits;
mod orchestrator;
mod outcome;
mod paused;
mod plan;
mod plan_check;
mod progress;
mod reference_check;
mod resumptions;
mod run;
mod shared_state;
#[cfg_attr(not(feature = "sqlite"), path = "sqlite_journal_left_out.rs")]
mod sqlite_journal;
mod start;
mod state;
mod step_calls;
mod step_check;
mod step_set;
mod step_state;
#[cfg(test)]
mod tests;
mod timers;
mod undo;
mod undo_order;
mod wait;
mod waiting;
mod workflow;

pub(crate) use approval::Answer;
#[cfg(feature = "control")]
pub(crate) use approval::Approval;
pub(crate) use approvals::{APPROVAL, AnswerError};
#[doc(hidden)]
pub use crash::{CrashPoint, Crashes};
#[doc(hidden)]
pub use inbox::Inbox;
pub(crate) use inbox::ReceivedEvent;
#[doc(hidden)]
pub use journal::{Journal, JournalEntry, JournalError, MemoryJournal};
#[doc(hidden)]
pub use orchestrator::Orchestrator;
pub use orchestrator::RunError;
pub(crate) use outcome::RunView;
pub use outcome::{CompensationOutcome, Outcome, StepOutcome};
#[doc(hidden)]
pub use plan::Plan;
pub(crate) use run::Run;
#[doc(hidden)]
pub use sqlite_journal::SqliteJournal;
pub(crate) use wait::Wait;
pub use workflow::Workflow;
#[doc(hidden)]
pub use workflow::{Compensation, OnFailure, Step, SubWorkflow};
pub(crate) use workflow::{OnParallelFailure, WorkflowFile};

//! Runs workflows: steps in the order of their dependencies, compensation when they fail, a journal that survives a crash.

mod check;
mod compensation;
mod crash;
mod error;
mod expectation;
mod inner;
mod journal;
mod nesting;
mod orchestrator;
mod outcome;
mod plan;
mod process;
mod recovery;
mod replay;
mod run;
#[cfg_attr(not(feature = "sqlite"), path = "sqlite_journal_left_out.rs")]
mod sqlite_journal;
mod state;
#[cfg(test)]
mod tests;
mod view;
mod workflow;

pub use crash::{CrashPoint, Crashes};
pub use error::RunError;
pub use journal::{Entry, Journal, JournalError, MemoryJournal};
pub use nesting::{FindWorkflow, MAX_DEPTH};
pub use orchestrator::{Orchestrator, Running};
pub use outcome::{CompensationOutcome, Outcome, StepOutcome};
pub use plan::Plan;
pub use sqlite_journal::SqliteJournal;
pub use view::RunView;
pub use workflow::{
    Compensation, OnFailure, OnParallelFailure, Step, SubWorkflow, Workflow, WorkflowFile,
};

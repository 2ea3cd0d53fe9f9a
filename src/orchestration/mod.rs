//! Runs workflows: steps in the order of their dependencies, compensation when they fail, a journal that survives a crash.

mod check;
mod child_run;
mod crash;
mod journal;
mod nesting;
mod orchestrator;
mod outcome;
mod plan;
mod run;
#[cfg_attr(not(feature = "sqlite"), path = "sqlite_journal_left_out.rs")]
mod sqlite_journal;
mod start;
mod state;
#[cfg(test)]
mod tests;
mod undo;
mod workflow;

pub use crash::{CrashPoint, Crashes};
pub use journal::{Journal, JournalEntry, JournalError, MemoryJournal};
pub use nesting::FindWorkflow;
pub use orchestrator::{Orchestrator, RunError};
pub use outcome::{CompensationOutcome, Outcome, RunView, StepOutcome};
pub use plan::Plan;
pub use run::Run;
pub use sqlite_journal::SqliteJournal;
pub use workflow::{
    Compensation, OnFailure, OnParallelFailure, Step, SubWorkflow, Workflow, WorkflowFile,
};

//! Runs a workflow in a separate process, which can be killed.
//!
//! The process is a second one of this program, and has only the orchestrator and its journal. The
//! services stay in this process, which makes the calls that the other asks for, so that its scripts,
//! faults and policies apply and its timeline shows them. Apart from calls, the timeline shows only
//! that a run began in the other process and that the process was killed.

mod child;
mod link;
mod parent;
mod protocol;
mod spawned;
#[cfg(test)]
mod tests;

pub(super) use child::orchestrate_if_asked;
pub(super) use parent::ProcessRun;

/// Environment variable of a process that runs only an orchestrator.
const VARIABLE: &str = "REHEARSAL_ORCHESTRATOR_PROCESS";

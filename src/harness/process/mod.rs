//! Runs a workflow in a process of its own, which can be killed.
//!
//! The process is this program once more, and holds the orchestrator and its journal only. The
//! services are other people's: they live on in this process, which makes the calls that the other
//! asks for, so that its scripts, faults and policies hold and its timeline shows them. Of what the
//! other process does beside its calls, the timeline shows that a run began and that it was lost.

mod child;
mod link;
mod parent;
mod protocol;
mod spawned;
#[cfg(test)]
mod tests;
mod watched;

pub(super) use child::orchestrate_if_asked;
pub(super) use parent::{Mission, run_until_killed};

/// Says to a process that it is to hold an orchestrator, and nothing else.
const VARIABLE: &str = "REHEARSAL_ORCHESTRATOR_PROCESS";

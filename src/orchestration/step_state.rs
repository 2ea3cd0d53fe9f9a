use std::{sync::Arc, time::Duration};

use serde_json::Value;

use crate::{
    domain::{Failure, StepStatus},
    services::Tries,
};

/// One step of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct StepState {
    pub status: StepStatus,
    pub started_at: Option<Duration>,
    pub ended_at: Option<Duration>,
    /// When its wait ends, or the time for all its tries.
    pub due: Option<Duration>,
    pub reply: Option<Arc<Value>>,
    /// Whether a breaker's fallback replaced its reply, or its child run is degraded.
    pub degraded: bool,
    /// The id of its child run, the latest if there were several.
    pub child_run: Option<Arc<str>>,
    /// How many child runs there have been, or how often an approval was asked for again.
    pub child_count: u32,
    /// Whether its child run is past its pivot.
    pub is_past_pivot: bool,
    /// How many of its dependencies are not done.
    pub waits: u32,
    pub failure: Option<Box<Failure>>,
    /// Its resumption, once it has failed in a workflow that degrades.
    pub resumption: Option<Box<Resumption>>,
    /// Whether an earlier failure, superseded since, left its effect in doubt.
    pub in_doubt: bool,
    /// What is known of the tries of the call that is being made, the step's or its compensation's.
    pub tries: Option<Box<Tries>>,
    /// Whether another step ran at the same time.
    pub ran_concurrently: bool,
    /// Whether it has been retried alone.
    pub retried_alone: bool,
    /// Its compensation, once that has started.
    pub undo: Option<Box<StepUndo>>,
}

/// The compensation of a step.
#[derive(Clone, Debug, Default)]
pub(super) struct StepUndo {
    pub started_at: Duration,
    pub ended_at: Option<Duration>,
    pub failure: Option<Box<Failure>>,
    /// Whether it failed and is taken up again.
    pub again: bool,
}

/// When a step that failed is resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resumption {
    /// When it failed first: the schedule counts from then.
    pub failed_at: Duration,
    /// When it is resumed at the latest; never, if nothing is left of the schedule.
    pub next: Option<Duration>,
    /// Whether it is resumed as soon as its service is back.
    pub awaits_service: bool,
}

impl StepState {
    pub fn tries(&self) -> Tries {
        self.tries.as_deref().cloned().unwrap_or_default()
    }

    /// When it is resumed at the latest, if it failed and is.
    pub fn next_resumption(&self) -> Option<Duration> {
        let is_failed = self.status == StepStatus::Failed;
        let resumption = self.resumption.as_ref().filter(|_| is_failed);
        resumption.and_then(|resumption| resumption.next)
    }

    /// The failure of its compensation.
    pub fn undo_failure(&self) -> Option<&Failure> {
        self.undo.as_ref()?.failure.as_deref()
    }

    pub fn set_child_run(&mut self, child_run: Option<&Arc<str>>) {
        if let Some(child_run) = child_run.filter(|child| self.child_run.as_ref() != Some(child)) {
            self.child_run = Some(Arc::clone(child_run));
            self.child_count += 1;
        }
    }

    /// Notes that a call starts, again if a crash cut it off.
    pub fn begin_tries(&mut self, is_cut_off: bool) {
        if !is_cut_off {
            self.tries = None;
            return;
        }
        let tries = self.tries.get_or_insert_default();
        tries.cut_off += u32::from(tries.due.is_none());
    }
}

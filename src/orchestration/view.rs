use std::{sync::Arc, time::Duration};

use serde::Serialize;

use super::state::RunState;
use crate::domain::{StepStatus, WorkflowStatus, duration_text};

/// The state of a run as it can be read at any time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// The workflow's id.
    pub workflow: Arc<str>,
    /// The run's id.
    pub run: Arc<str>,
    /// How far it is.
    pub status: WorkflowStatus,
    /// Time since it started, or that it took.
    #[serde(with = "duration_text")]
    pub elapsed: Duration,
    /// Steps whose calls are under way.
    pub current: Vec<Arc<str>>,
    /// Steps that have not started.
    pub pending: Vec<Arc<str>>,
    /// Steps that completed.
    pub completed: Vec<Arc<str>>,
    /// Steps that failed.
    pub failed: Vec<Arc<str>>,
    /// Steps that were undone.
    pub compensated: Vec<Arc<str>>,
}

impl RunState {
    /// The state as people read it.
    pub fn view(&self, now: Duration) -> RunView {
        let named = |status: StepStatus| {
            self.with_status(status)
                .map(|step| Arc::clone(&self.plan.steps[step].id))
                .collect()
        };
        RunView {
            workflow: Arc::clone(&self.plan.id),
            run: Arc::clone(&self.run),
            status: self.status,
            elapsed: self.ended_at.unwrap_or(now).saturating_sub(self.started_at),
            current: named(StepStatus::Running),
            pending: named(StepStatus::Pending),
            completed: named(StepStatus::Completed),
            failed: named(StepStatus::Failed),
            compensated: named(StepStatus::Compensated),
        }
    }
}

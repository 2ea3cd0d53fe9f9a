//! When runs and steps end at the latest.

use std::time::Duration;

use super::{Run, plan::StepAction, state::RunState};
use crate::services::Limit;

impl Run {
    /// When the run ends at the latest, unless it is past its pivot.
    pub(super) fn deadline(&self) -> Option<Limit> {
        let of_parent = self.context.as_ref().and_then(|context| context.limit);
        if self.plan.workflow.deadline.is_none() && of_parent.is_none() {
            return None;
        }
        self.lock().deadline(of_parent)
    }

    /// When a step ends at the latest.
    pub(super) fn limit(&self, step: usize) -> Option<Limit> {
        let deadline = self.deadline();
        self.lock().limit(step, deadline)
    }

    /// When a step that starts now ends at the latest by its own definition, as an offset on the clock.
    pub(super) fn due(&self, step: usize) -> Option<Duration> {
        let longest = match &self.plan.steps[step].action {
            StepAction::Wait(wait) => wait.longest(),
            StepAction::Call { .. } | StepAction::Workflow(_) => {
                self.plan.workflow.steps[step].within
            }
        };
        let began = self.lock().steps[step].due;
        began.or_else(|| longest.map(|longest| self.now() + longest))
    }
}

impl RunState {
    /// The run's own deadline or the limit that its parent sets, whichever comes first; none once it is
    /// past its pivot.
    pub fn deadline(&self, of_parent: Option<Limit>) -> Option<Limit> {
        let own = self.plan.workflow.deadline;
        let own = own.map(|own| Limit::of_run(self.deadline_base + own));
        earlier(own, of_parent).filter(|_| !self.is_past_pivot())
    }

    /// The run's deadline or the end of the time that a step has, whichever comes first.
    pub fn limit(&self, step: usize, deadline: Option<Limit>) -> Option<Limit> {
        earlier(deadline, self.steps[step].due.map(Limit::of_step))
    }

    /// When the child run of a step ends at the latest that began, or was resumed, at an offset.
    pub fn child_limit(
        &self,
        step: usize,
        deadline: Option<Limit>,
        began: Duration,
    ) -> Option<Limit> {
        let timeout = self.plan.workflow.steps[step].timeout;
        let timeout = timeout.map(|timeout| Limit::of_step(began + timeout));
        earlier(self.limit(step, deadline), timeout)
    }
}

/// Whichever comes first, of two at once the first.
fn earlier(one: Option<Limit>, other: Option<Limit>) -> Option<Limit> {
    one.into_iter().chain(other).min_by_key(|limit| limit.at)
}

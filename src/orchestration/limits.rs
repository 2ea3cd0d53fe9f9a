//! When runs and steps end at the latest.

use std::time::Duration;

use super::{Run, plan::StepAction};
use crate::services::Limit;

impl Run {
    /// The run's own deadline or the limit that its parent sets, whichever comes first; none once it is
    /// past its pivot.
    pub(super) fn deadline(&self) -> Option<Limit> {
        let own = self.plan.workflow.deadline;
        if own.is_none() && self.context.limit.is_none() {
            return None;
        }
        let state = self.lock();
        if state.is_past_pivot() {
            return None;
        }
        let own = own.map(|own| Limit::of_run(state.deadline_base + own));
        own.into_iter()
            .chain(self.context.limit)
            .min_by_key(|limit| limit.at)
    }

    /// The run's deadline or the end of the time that a step has, whichever comes first.
    pub(super) fn limit(&self, step: usize) -> Option<Limit> {
        let within = self.lock().steps[step].due.map(Limit::of_step);
        self.deadline()
            .into_iter()
            .chain(within)
            .min_by_key(|limit| limit.at)
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

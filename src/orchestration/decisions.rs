//! What a run does next, as its state has it.

use super::{
    OnFailure, OnParallelFailure,
    state::{RunState, StopReason},
    step_state::StepState,
};
use crate::domain::{StepStatus, WorkflowStatus};

impl RunState {
    /// The steps that can start, in order of declaration: their dependencies are done, nothing stops
    /// the run, and no step is being retried alone.
    ///
    /// An optional step that failed counts as done; the other failed steps of a resumed run are
    /// ready to run again.
    pub fn ready(&self) -> impl Iterator<Item = usize> + '_ {
        let blocked = self.stop.is_some() || self.sequential_retry.is_some();
        self.ready.iter().filter(move |_| !blocked)
    }

    /// The first failure that counts: of a step that is not optional and not about to run again.
    pub fn first_failure(&self) -> Option<usize> {
        self.ended.iter().copied().find(|&step| {
            self.steps[step].status == StepStatus::Failed
                && !self.plan.workflow.steps[step].optional
                && !self.ready.contains(step)
        })
    }

    /// The next failed step of a parallel group that is retried alone, in order of declaration.
    ///
    /// There is none once such a retry failed. Resuming the run allows them again.
    pub fn next_sequential_retry(&self) -> Option<usize> {
        let retries = self.plan.workflow.on_parallel_failure == Some(OnParallelFailure::Sequential);
        let has_failed = matches!(self.stop, Some(StopReason::Failed(_)));
        if !retries || !has_failed || self.cancelled {
            return None;
        }
        // A step whose retry failed stays the first, so that no later one is retried.
        let first = self
            .with_status(StepStatus::Failed)
            .find(|&step| !self.plan.workflow.steps[step].optional)?;
        // What did not come, or was denied, is not waited for again.
        let waited = self.plan.steps[first].wait().is_some();
        let state = &self.steps[first];
        (!waited && state.ran_concurrently && !state.retried_alone).then_some(first)
    }

    /// Whether it has passed the point of no return: from then on nothing is undone.
    pub fn is_past_pivot(&self) -> bool {
        self.plan.pivot.is_some_and(|step| {
            let state = &self.steps[step];
            state.status == StepStatus::Completed || state.is_past_pivot
        })
    }

    /// Whether the run is lost: no step starts, and no call is retried.
    ///
    /// One that failed is not, as long as the failed steps of a parallel group can be retried alone.
    pub fn is_lost(&self) -> bool {
        self.stop.is_some() && self.next_sequential_retry().is_none()
    }

    /// How often the run may be recovered.
    pub fn max_recoveries(&self) -> u32 {
        const DEFAULT: u32 = 10;
        self.plan.workflow.max_recoveries.unwrap_or(DEFAULT)
    }

    /// Whether steps are to be undone, once nothing is running.
    ///
    /// A run that is cancelled, or undone with its parent, is compensated even if a failure would
    /// leave a partial result; one that is past its pivot never is. One that completes without some of its optional steps undoes what
    /// those may have done.
    pub fn should_compensate(&self) -> bool {
        if self.is_past_pivot() {
            return false;
        }
        let compensates = self.plan.workflow.on_failure == OnFailure::Compensate;
        match self.stop {
            None => (0..self.steps.len()).any(|step| self.is_to_be_undone(step)),
            Some(StopReason::Undone | StopReason::Exhausted) => true,
            Some(StopReason::Stopped) => false,
            Some(StopReason::Failed(_) | StopReason::Cancelled) => compensates || self.cancelled,
        }
    }

    /// Steps to undo, newest first: completed ones, and failed ones that may have had an effect.
    pub fn to_compensate(&self) -> Vec<usize> {
        let undone = |step: &usize| self.is_to_be_undone(*step);
        self.ended.iter().rev().copied().filter(undone).collect()
    }

    fn is_to_be_undone(&self, step: usize) -> bool {
        let state = &self.steps[step];
        let planned = &self.plan.steps[step];
        let is_due = match state.status {
            // A fallback that stood in for the reply has done nothing.
            StepStatus::Completed if state.degraded && planned.call().is_some() => state.in_doubt,
            StepStatus::Completed => true,
            StepStatus::Compensating => return true,
            StepStatus::CompensationFailed => state.undo.as_ref().is_some_and(|undo| undo.again),
            StepStatus::Failed => {
                self.plan.workflow.steps[step].partially_effective
                    || state
                        .failure
                        .as_ref()
                        .is_some_and(|failure| failure.in_doubt)
            }
            _ => false,
        };
        // What completed stays where the run completes, and what failed where it degrades.
        let completes =
            self.stop.is_none() && (state.status == StepStatus::Completed || self.is_kept(step));
        is_due && !completes && planned.compensation.is_some()
    }

    /// The status with which a run that has nothing left to do ends.
    pub fn final_status(&self) -> WorkflowStatus {
        let failed = self
            .with_status(StepStatus::CompensationFailed)
            .next()
            .is_some();
        let is_degraded = |step: &StepState| step.failure.is_some() || step.degraded;
        match self.stop {
            None if failed => WorkflowStatus::Failed,
            None if self.is_partial() => WorkflowStatus::PartiallySuccessful,
            None if self.steps.iter().any(is_degraded) => WorkflowStatus::Degraded,
            None => WorkflowStatus::Completed,
            Some(_) if failed => WorkflowStatus::Failed,
            Some(_) if self.is_past_pivot() => WorkflowStatus::Interrupted,
            Some(StopReason::Cancelled) => WorkflowStatus::Cancelled,
            Some(StopReason::Undone | StopReason::Exhausted) => WorkflowStatus::RolledBack,
            Some(StopReason::Stopped) => WorkflowStatus::Interrupted,
            Some(StopReason::Failed(_)) if self.should_compensate() => WorkflowStatus::RolledBack,
            Some(StopReason::Failed(_)) => WorkflowStatus::Interrupted,
        }
    }
}

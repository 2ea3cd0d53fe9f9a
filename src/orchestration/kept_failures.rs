//! Workflows that degrade: a step that fails for good is kept as failed, what depends on it is deferred.

use std::{sync::Arc, time::Duration};

use super::{OnFailure, Plan, Run, degrade::Degrade, state::RunState, step_state::Resumption};
use crate::{
    domain::{Failure, StepStatus, WorkflowStatus, format_duration},
    observability::EventKind,
    services::Reachability,
};

/// What a failure leaves behind in a workflow that degrades.
pub(super) struct KeptFailure {
    pub resumption: Resumption,
    code: Arc<str>,
    /// The steps that are deferred from now on.
    deferred: Vec<usize>,
}

impl Plan {
    /// Whether a step that fails is kept as failed, and perhaps resumed, while the others are finished.
    pub(super) fn degrades(&self) -> bool {
        self.workflow.on_failure == OnFailure::Degrade
    }
}

impl Run {
    /// What is kept of a step that is about to fail; nothing where that stops the run, or does not matter.
    pub(super) fn keeps_failed(&self, step: usize, failure: &Failure) -> Option<KeptFailure> {
        if !self.plan.degrades() {
            return None;
        }
        let (now, deadline) = (self.now(), self.deadline());
        let state = self.lock();
        if state.stop.is_some() || self.plan.workflow.steps[step].optional {
            return None;
        }
        let former = state.steps[step].resumption.as_ref();
        let failed_at = former.map_or(now, |former| former.failed_at);
        let is_away = self.reachability_of(failure) != Reachability::Reachable;
        // No wait is retryable: what did not come does not come because it is waited for again.
        let may_help = failure.retryable || is_away;
        let next = may_help
            .then(|| self.next_resumption(failed_at, now))
            .flatten();
        let next = next.filter(|next| deadline.is_none_or(|limit| *next < limit.at));
        Some(KeptFailure {
            resumption: Resumption {
                failed_at,
                next,
                awaits_service: is_away && next.is_some(),
            },
            code: Arc::clone(&failure.code),
            deferred: state.deferred_by(step),
        })
    }

    /// When a step that failed first at an offset is resumed next. What is past is not made up for.
    fn next_resumption(&self, failed_at: Duration, now: Duration) -> Option<Duration> {
        let degrade = self.plan.workflow.degrade.as_ref();
        let degrade = degrade.map_or_else(Default::default, Degrade::clone);
        let mut times = degrade.times().map(|after| failed_at + after);
        times.find(|time| *time > now)
    }

    /// Whether the service that a failure comes from can be reached now.
    pub(super) fn reachability_of(&self, failure: &Failure) -> Reachability {
        let registry = self.orchestrator.process.client.registry();
        let caller = &self.orchestrator.caller;
        failure
            .service
            .as_ref()
            .map_or(Reachability::Reachable, |service| {
                registry.reachability(service, caller, self.now())
            })
    }

    pub(super) fn record_kept(&self, step: usize, kept: &KeptFailure) {
        let back = match kept.resumption.awaits_service {
            true => ", or as soon as its service is back",
            false => "",
        };
        let resumed = match kept.resumption.next {
            Some(at) => format!("is resumed at {}{back}", format_duration(at)),
            None => "is not resumed".to_owned(),
        };
        self.timeline().record(EventKind::Warning {
            about: Arc::clone(&self.plan.steps[step].id),
            message: format!("it failed with {}, and {resumed}", kept.code),
        });
        for &step in &kept.deferred {
            self.timeline().record(EventKind::StepDeferred {
                run: Arc::clone(&self.id),
                step: Arc::clone(&self.plan.steps[step].id),
                status: StepStatus::Deferred,
            });
        }
    }
}

impl RunState {
    /// Keeps a step that failed, unless the run is stopped already.
    pub(super) fn keep_failed(
        &mut self,
        step: usize,
        next: Option<Duration>,
        awaits_service: bool,
        at: Duration,
    ) {
        if self.stop.is_some() {
            return;
        }
        let resumption = &mut self.steps[step].resumption;
        let failed_at = resumption.as_ref().map_or(at, |former| former.failed_at);
        *resumption = Some(Box::new(Resumption {
            failed_at,
            next,
            awaits_service,
        }));
        for deferred in self.deferred_by(step) {
            self.steps[deferred].status = StepStatus::Deferred;
        }
    }

    /// The steps that have yet to start and depend on a step, in order of declaration.
    fn deferred_by(&self, step: usize) -> Vec<usize> {
        let mut found = vec![false; self.steps.len()];
        let mut open = vec![step];
        while let Some(step) = open.pop() {
            for &dependent in &self.plan.steps[step].dependents {
                let is_new = self.steps[dependent].status == StepStatus::Pending;
                if is_new && !std::mem::replace(&mut found[dependent], true) {
                    open.push(dependent);
                }
            }
        }
        (0..found.len()).filter(|step| found[*step]).collect()
    }

    /// Has deferred steps wait for those before them as ever, since all that failed run again.
    pub(super) fn take_deferred_up(&mut self) {
        for state in &mut self.steps {
            state.resumption = None;
            if state.status == StepStatus::Deferred {
                state.status = StepStatus::Pending;
            }
        }
    }

    /// Whether a step failed and is kept so; not one that is about to run again in a run that is resumed.
    pub fn is_kept(&self, step: usize) -> bool {
        let is_optional = self.plan.workflow.steps[step].optional;
        let is_failed = self.steps[step].status == StepStatus::Failed;
        self.plan.degrades() && is_failed && !is_optional && !self.ready.contains(step)
    }

    /// The steps that failed and are kept so.
    pub fn kept(&self) -> Vec<usize> {
        let failed = self.with_status(StepStatus::Failed);
        failed.filter(|step| self.is_kept(*step)).collect()
    }

    /// Whether a step has failed or is deferred, and all else goes on.
    pub fn is_partial(&self) -> bool {
        let is_open = |step| self.is_kept(step) || self.steps[step].status == StepStatus::Deferred;
        self.plan.degrades() && self.stop.is_none() && (0..self.steps.len()).any(is_open)
    }

    /// The status that others see, also while the run goes on.
    pub fn shown_status(&self) -> WorkflowStatus {
        match self.status {
            WorkflowStatus::Running if self.is_partial() => WorkflowStatus::PartiallySuccessful,
            status => status,
        }
    }

    /// The first failure that is kept, if the run goes on nevertheless.
    pub fn kept_failure(&self) -> Option<Box<Failure>> {
        let mut failed = self
            .ended
            .iter()
            .copied()
            .filter(|step| self.is_kept(*step));
        failed.find_map(|step| self.steps[step].failure.clone())
    }

    /// The failed steps that a deferred one waits for, in order of declaration.
    pub fn deferring(&self, step: usize) -> Vec<usize> {
        let mut seen = vec![false; self.steps.len()];
        let mut open = vec![step];
        while let Some(step) = open.pop() {
            for &before in &self.plan.steps[step].dependencies {
                if !std::mem::replace(&mut seen[before], true) {
                    open.push(before);
                }
            }
        }
        let steps = (0..seen.len()).filter(|step| seen[*step]);
        steps
            .filter(|step| self.steps[*step].resumption.is_some())
            .collect()
    }
}

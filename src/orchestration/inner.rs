use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value;

use super::{
    Entry, Orchestrator, Plan, RunError,
    journal::inner_run,
    orchestrator::Place,
    run::Run,
    state::{RunState, Stop},
};
use crate::{
    domain::{Failure, Reply, WorkflowStatus, code},
    services::CallResult,
};

impl Run {
    /// The id of the run that a step, which runs a workflow, makes now or goes on with.
    ///
    /// What a crash cut off and what was interrupted goes on; what was undone is done anew, by a
    /// run of its own, since its keys are used up.
    pub(super) fn inner_id(
        &self,
        step: usize,
        plan: &Arc<Plan>,
        cut_off: bool,
    ) -> Result<Arc<str>, RunError> {
        let (last, times) = {
            let state = self.lock();
            let step = &state.steps[step];
            (step.inner.clone(), step.inners)
        };
        if let Some(last) = last {
            if cut_off {
                return Ok(last);
            }
            let recalled = self.orchestrator.recall_inner(&last, plan)?;
            if recalled.is_some_and(|state| state.status == WorkflowStatus::Interrupted) {
                return Ok(last);
            }
        }
        Ok(inner_run(&self.id, &self.plan.steps[step].id, times + 1))
    }

    /// Brings the run that a step makes to its end.
    pub(super) fn run_inner(
        &self,
        step: usize,
        plan: &Arc<Plan>,
        id: Arc<str>,
        input: Arc<Value>,
    ) -> BoxFuture<'_, Result<CallResult, RunError>> {
        let place = Place {
            deadline: self.deadline(),
            path: self.path_of(step) + "/",
        };
        let plan = Arc::clone(plan);
        Box::pin(async move {
            let run = self.orchestrator.begin_inner(&plan, input, &id, place)?;
            if run.is_under_way() {
                let cancelled = self.lock().cancelled;
                if cancelled {
                    run.cancel()?;
                }
                run.drive().await?;
            }
            let state = run.lock();
            Ok(result(&state))
        })
    }

    /// Undoes the run that a step made, if there is anything left of it.
    ///
    /// The failure is that of a compensation in it, or in one that the step made before and that
    /// undid itself.
    pub(super) fn undo_inner<'a>(
        &'a self,
        step: usize,
        plan: &'a Arc<Plan>,
    ) -> BoxFuture<'a, Result<Result<(), Box<Failure>>, RunError>> {
        let times = self.lock().steps[step].inners;
        let place = Place {
            deadline: None,
            path: self.path_of(step) + "/",
        };
        Box::pin(async move {
            let mut undone = Ok(());
            for time in 1..=times {
                let id = inner_run(&self.id, &self.plan.steps[step].id, time);
                let Some(state) = self.orchestrator.recall_inner(&id, plan)? else {
                    continue;
                };
                let run = self.orchestrator.take_back(state, place.clone())?;
                if run.is_under_way() {
                    run.drive().await?;
                }
                undone = undone.and(compensations_of(&run.lock()));
            }
            Ok(undone)
        })
    }
}

impl Orchestrator {
    /// Begins a run within another, or goes on with it.
    fn begin_inner(
        &self,
        plan: &Arc<Plan>,
        input: Arc<Value>,
        id: &Arc<str>,
        place: Place,
    ) -> Result<Run, RunError> {
        let Some(state) = self.recall_inner(id, plan)? else {
            self.journal.begin(id, self.started(plan, &input))?;
            return Ok(self.begun(plan, input, id, place));
        };
        match state.status {
            WorkflowStatus::Interrupted => {
                self.go_on(state, place, |at| Some(Entry::Resumed { at }))
            }
            WorkflowStatus::Running => self.go_on(state, place, |_| None),
            _ => Ok(self.run_of(state, place)),
        }
    }

    /// Goes on with a run within another so that it undoes what it did, unless it has done so.
    fn take_back(&self, state: RunState, place: Place) -> Result<Run, RunError> {
        match state.status {
            WorkflowStatus::Completed | WorkflowStatus::Degraded | WorkflowStatus::Interrupted => {
                self.go_on(state, place, |at| Some(Entry::UndoRequested { at }))
            }
            // A crash cut its undoing off.
            WorkflowStatus::Running => self.go_on(state, place, |_| None),
            WorkflowStatus::RolledBack | WorkflowStatus::Failed | WorkflowStatus::Cancelled => {
                Ok(self.run_of(state, place))
            }
        }
    }
}

/// What an ended run is to the step that made it: its data, or its first failure.
fn result(state: &RunState) -> CallResult {
    let mut failure = match (state.status, state.stop) {
        (status @ (WorkflowStatus::Completed | WorkflowStatus::Degraded), _) => {
            return Ok(Reply {
                value: Arc::new(state.data_so_far()),
                fallback_used: status == WorkflowStatus::Degraded,
                executions: 0,
            });
        }
        (_, Some(Stop::Failed(step))) => state.steps[step].failure.clone(),
        _ => None,
    }
    .unwrap_or_else(|| {
        let message = format!("the run {:?} is {}", state.run, state.status.as_str());
        Box::new(Failure::new(code::CANCELLED, message))
    });
    // What it has not undone itself is for the run around it to undo.
    failure.in_doubt = matches!(
        state.status,
        WorkflowStatus::Interrupted | WorkflowStatus::Failed
    );
    Err(failure)
}

/// The first compensation of a run that failed, if any did.
fn compensations_of(state: &RunState) -> Result<(), Box<Failure>> {
    let mut failures = state
        .steps
        .iter()
        .filter_map(|step| step.compensation_failure.clone());
    failures.next().map_or(Ok(()), Err)
}

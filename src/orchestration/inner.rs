use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value;

use super::{
    Entry, Plan, RunError,
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
    pub(super) fn inner_id(&self, step: usize, cut_off: bool) -> Result<Arc<str>, RunError> {
        let (last, times) = {
            let state = self.lock();
            let step = &state.steps[step];
            (step.inner.clone(), step.inners)
        };
        if let Some(last) = last {
            if cut_off {
                return Ok(last);
            }
            let recalled = self.orchestrator.recall(&last)?;
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
            let begun = self.orchestrator.begin_inner(&plan, input, &id, place)?;
            let run = begun.into_run();
            let cancelled = self.lock().cancelled;
            if cancelled {
                run.cancel()?;
            }
            run.drive_inner().await?;
            let state = run.lock();
            Ok(result(&state))
        })
    }

    /// Undoes the run that a step made, if there is anything left of it.
    pub(super) fn undo_inner(
        &self,
        step: usize,
    ) -> BoxFuture<'_, Result<Result<(), Box<Failure>>, RunError>> {
        let inner = self.lock().steps[step].inner.clone();
        let place = Place {
            deadline: None,
            path: self.path_of(step) + "/",
        };
        Box::pin(async move {
            let recalled = match inner {
                Some(id) => self.orchestrator.recall(&id)?,
                None => None,
            };
            let Some(state) = recalled else {
                return Ok(Ok(()));
            };
            let run = self.orchestrator.running(state, place).into_run();
            let status = run.lock().status;
            match status {
                WorkflowStatus::Completed
                | WorkflowStatus::Degraded
                | WorkflowStatus::Interrupted => {
                    let at = run.now();
                    run.commit(&Entry::UndoRequested { at })?;
                    run.record_resumption();
                    run.drive_inner().await?;
                }
                // A crash cut its undoing off.
                WorkflowStatus::Running => {
                    run.record_resumption();
                    run.drive_inner().await?;
                }
                WorkflowStatus::RolledBack | WorkflowStatus::Failed | WorkflowStatus::Cancelled => {
                }
            }
            let state = run.lock();
            let failed = state.steps.iter().find_map(|step| {
                let failure = step.compensation_failure.as_ref();
                failure.filter(|_| state.status == WorkflowStatus::Failed)
            });
            Ok(failed.map_or(Ok(()), |failure| Err(failure.clone())))
        })
    }

    /// Drives a run within another, unless it has ended.
    async fn drive_inner(&self) -> Result<(), RunError> {
        let under_way = self.lock().status == WorkflowStatus::Running;
        if under_way {
            self.drive().await?;
        }
        Ok(())
    }
}

/// What an ended run is to the step that made it: its data, or its first failure.
fn result(state: &RunState) -> CallResult {
    let mut failure = match (state.status, state.stop) {
        (status @ (WorkflowStatus::Completed | WorkflowStatus::Degraded), _) => {
            return Ok(Reply {
                value: Arc::new(state.data_so_far()),
                fallback_used: status == WorkflowStatus::Degraded,
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

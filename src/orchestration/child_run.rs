use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value;

use super::{
    JournalEntry, Orchestrator, Plan, Run, RunError,
    journal::child_run_id,
    run::RunContext,
    state::{RunState, StopReason},
};
use crate::{
    domain::{Failure, Reply, WorkflowStatus, code},
    services::CallResult,
};

impl Run {
    /// The id of the child run that a step starts or continues.
    ///
    /// One that a crash cut off or that was interrupted continues, also if the crash came when the
    /// parent went no further. One that was undone is replaced
    /// by a new run, since its idempotency keys are used up.
    pub(super) fn next_child_id(
        &self,
        step: usize,
        plan: &Arc<Plan>,
        cut_off: bool,
    ) -> Result<Arc<str>, RunError> {
        let (last, count) = {
            let state = self.lock();
            let step = &state.steps[step];
            (step.child_run.clone(), step.child_count)
        };
        if let Some(last) = last {
            if cut_off {
                return Ok(last);
            }
            let loaded = self.orchestrator.load_child(&last, plan)?;
            let is_unfinished = |state: &RunState| {
                matches!(
                    state.status,
                    WorkflowStatus::Interrupted | WorkflowStatus::Running
                )
            };
            if loaded.as_ref().is_some_and(is_unfinished) {
                return Ok(last);
            }
        }
        Ok(self.child_id(step, count + 1))
    }

    fn child_id(&self, step: usize, number: usize) -> Arc<str> {
        child_run_id(&self.id, &self.plan.steps[step].id, number)
    }

    /// Runs the child run of a step to its end.
    pub(super) fn run_child(
        &self,
        step: usize,
        plan: &Arc<Plan>,
        input: Arc<Value>,
    ) -> BoxFuture<'_, Result<CallResult, RunError>> {
        let context = RunContext {
            deadline: self.deadline(),
            path: self.path_of(step) + "/",
        };
        let plan = Arc::clone(plan);
        let count = self.lock().steps[step].child_count;
        let id = self.child_id(step, count);
        Box::pin(async move {
            for former in 1..count {
                let undone = self.undo_former_child(step, former, &plan).await?;
                if let Err(failure) = undone {
                    return Ok(Err(failure));
                }
            }
            let run = self.orchestrator.begin_child(&plan, input, &id, context)?;
            if run.is_running() {
                let cancelled = self.lock().cancelled;
                if cancelled {
                    self.orchestrator.cancel_run(&run.state)?;
                }
                run.drive().await?;
            }
            let state = run.lock();
            Ok(result(&state))
        })
    }

    /// Takes up what a former child run of a step could not undo, before another one begins.
    async fn undo_former_child(
        &self,
        step: usize,
        number: usize,
        plan: &Arc<Plan>,
    ) -> Result<Result<(), Box<Failure>>, RunError> {
        let context = RunContext {
            deadline: None,
            path: self.path_of(step) + "/",
        };
        let id = self.child_id(step, number);
        let Some(state) = self.orchestrator.load_child(&id, plan)? else {
            return Ok(Ok(()));
        };
        let run = self.orchestrator.undo_child(state, context, true)?;
        if run.is_running() {
            run.drive().await?;
        }
        let undone = compensation_result(&run.lock());
        Ok(undone.map_err(|mut failure| {
            failure.in_doubt = true;
            failure
        }))
    }

    /// Undoes the child runs of a step, as far as they have not undone themselves.
    ///
    /// The failure is that of the first compensation in them that failed.
    pub(super) fn undo_children<'a>(
        &'a self,
        step: usize,
        plan: &'a Arc<Plan>,
    ) -> BoxFuture<'a, Result<Result<(), Box<Failure>>, RunError>> {
        let (count, is_again) = {
            let state = self.lock();
            let step = &state.steps[step];
            (step.child_count, step.compensation_failure.is_some())
        };
        let context = RunContext {
            deadline: None,
            path: self.path_of(step) + "/",
        };
        Box::pin(async move {
            let mut undone = Ok(());
            for number in 1..=count {
                let id = self.child_id(step, number);
                let Some(state) = self.orchestrator.load_child(&id, plan)? else {
                    continue;
                };
                let run = self
                    .orchestrator
                    .undo_child(state, context.clone(), is_again)?;
                if run.is_running() {
                    run.drive().await?;
                }
                undone = undone.and(compensation_result(&run.lock()));
            }
            Ok(undone)
        })
    }
}

impl Orchestrator {
    /// Begins a child run, or continues it.
    fn begin_child(
        &self,
        plan: &Arc<Plan>,
        input: Arc<Value>,
        id: &Arc<str>,
        context: RunContext,
    ) -> Result<Run, RunError> {
        let Some(state) = self.load_child(id, plan)? else {
            self.journal.begin(id, self.started(plan, &input))?;
            return Ok(self.begun(plan, input, id, context));
        };
        let resumed = JournalEntry::Resumed { at: self.now() };
        match state.status {
            WorkflowStatus::Interrupted => self.continue_run(state, context, Some(&resumed)),
            WorkflowStatus::Running => self.continue_run(state, context, None),
            _ => Ok(self.run_of(state, context)),
        }
    }

    /// Continues a child run so that it undoes its effects, unless it has done so; `again` takes up
    /// what failed to be undone.
    fn undo_child(
        &self,
        state: RunState,
        context: RunContext,
        again: bool,
    ) -> Result<Run, RunError> {
        let requested = JournalEntry::UndoRequested { at: self.now() };
        let resumed = JournalEntry::Resumed { at: self.now() };
        match state.status {
            WorkflowStatus::Failed if again => self.continue_run(state, context, Some(&resumed)),
            // A crash cut it off before it was undone.
            WorkflowStatus::Running if !state.should_compensate() => {
                self.continue_run(state, context, Some(&requested))
            }
            WorkflowStatus::Completed | WorkflowStatus::Degraded | WorkflowStatus::Interrupted => {
                self.continue_run(state, context, Some(&requested))
            }
            // A crash cut its compensation off.
            WorkflowStatus::Running => self.continue_run(state, context, None),
            WorkflowStatus::RolledBack | WorkflowStatus::Failed | WorkflowStatus::Cancelled => {
                Ok(self.run_of(state, context))
            }
        }
    }
}

/// The result of a step whose child run ended: its data, or its first failure.
fn result(state: &RunState) -> CallResult {
    let mut failure = match (state.status, state.stop) {
        (status @ (WorkflowStatus::Completed | WorkflowStatus::Degraded), _) => {
            return Ok(Reply {
                fallback_used: status == WorkflowStatus::Degraded,
                ..Reply::new(state.all_data())
            });
        }
        (_, Some(StopReason::Failed(step))) => state.steps[step].failure.clone(),
        _ => None,
    }
    .unwrap_or_else(|| {
        let message = format!("the run {:?} is {}", state.run, state.status.as_str());
        Box::new(Failure::new(code::CANCELLED, message))
    });
    // The parent undoes what the child has not undone itself.
    failure.in_doubt = matches!(
        state.status,
        WorkflowStatus::Interrupted | WorkflowStatus::Failed
    );
    Err(failure)
}

/// The failure of the first compensation that failed, if any did.
fn compensation_result(state: &RunState) -> Result<(), Box<Failure>> {
    let mut failures = state
        .steps
        .iter()
        .filter_map(|step| step.compensation_failure.clone());
    failures.next().map_or(Ok(()), Err)
}

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::{Map, Value};

use super::{
    JournalEntry, Orchestrator, Plan, Run, RunError,
    journal::{Parties, child_run_id},
    run::RunContext,
    state::{RunState, StopReason},
    step_calls::{CallRole, StepObserver},
};
use crate::{
    domain::{Failure, Reply, WorkflowStatus, code},
    observability::{EventKind, Retried},
    resilience::Retries,
    services::{CallObserver as _, CallResult, Repetition, stopped_before_any},
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
                state.status == WorkflowStatus::Running || state.status.can_be_resumed()
            };
            if loaded.as_ref().is_some_and(is_unfinished) {
                return Ok(last);
            }
        }
        Ok(self.child_id(step, count + 1))
    }

    fn child_id(&self, step: usize, number: u32) -> Arc<str> {
        child_run_id(&self.id, &self.plan.steps[step].id, number)
    }

    /// Runs the child run of a step to its end, and others in its place as the step's retries say.
    pub(super) fn run_child(
        &self,
        step: usize,
        plan: &Arc<Plan>,
        input: Arc<Value>,
    ) -> BoxFuture<'_, Result<CallResult, RunError>> {
        let plan = Arc::clone(plan);
        Box::pin(async move {
            let client = &self.orchestrator.process.client;
            let id = &self.plan.steps[step].id;
            let retries = self.plan.workflow.steps[step].retry.as_ref();
            let retries = retries.unwrap_or(&Retries::none()).clone();
            let seed = client.seed();
            let draw = |retry: u32| seed.part([&*self.id, &**id, &retry.to_string()]);
            let earlier = self.lock().steps[step].tries();
            let mut tries = Repetition::after(&earlier, &retries, draw);
            let observer = StepObserver::new(self, step, CallRole::Forward);
            let mut goes_on = match earlier.due {
                Some(due) => client.wait_for_retry(due, &observer).await,
                None => true,
            };
            loop {
                if !goes_on {
                    let last = tries.stopped(stopped_before_any);
                    return observer.into_error().map_or(Ok(Err(last)), Err);
                }
                let mut failure = match self.try_child(step, &plan, &input).await? {
                    Ok(reply) => return Ok(Ok(reply)),
                    Err(failure) => failure,
                };
                let (now, limit) = (self.now(), self.limit(step));
                let is_final = limit.is_some_and(|limit| now >= limit.at);
                let next = (!is_final)
                    .then(|| tries.next_delay(&mut failure, None, now, limit))
                    .flatten();
                let Some(delay) = next else {
                    return Ok(Err(match self.plan.workflow.steps[step].retry {
                        None => tries.with_causes(failure),
                        Some(_) => tries.ended(failure),
                    }));
                };
                self.timeline().record(EventKind::RetryScheduled {
                    of: Retried::Step(self.step_head(step)),
                    execution: u32::try_from(tries.retries() + 1).unwrap_or(u32::MAX),
                    delay,
                });
                let due = now + delay;
                goes_on = observer.retry_scheduled(&failure, due)
                    && client.wait_for_retry(due, &observer).await;
                tries.repeat(*failure);
            }
        })
    }

    /// The child run of a step's next try: a new one, unless the last is past its pivot.
    pub(super) fn next_try(&self, step: usize) -> Result<Arc<str>, RunError> {
        let (last, count) = {
            let state = self.lock();
            let step = &state.steps[step];
            (step.child_run.clone(), step.child_count)
        };
        match last {
            Some(last) if self.child_is_past_pivot(step)? => Ok(last),
            _ => Ok(self.child_id(step, count + 1)),
        }
    }

    /// Whether the last child run of a step is past its pivot.
    pub(super) fn child_is_past_pivot(&self, step: usize) -> Result<bool, RunError> {
        let child = self.lock().steps[step].child_run.clone();
        let plan = self.plan.steps[step].workflow();
        let (Some(child), Some(plan)) = (child, plan.filter(|plan| plan.pivot.is_some())) else {
            return Ok(false);
        };
        let child = self.orchestrator.load_child(&child, plan)?;
        Ok(child.is_some_and(|child| child.is_past_pivot()))
    }

    /// Runs the current child run of a step to its end, after all former ones are undone.
    async fn try_child(
        &self,
        step: usize,
        plan: &Arc<Plan>,
        input: &Arc<Value>,
    ) -> Result<CallResult, RunError> {
        let count = self.lock().steps[step].child_count;
        for former in 1..count {
            let undone = self.undo_former_child(step, former, plan).await?;
            if let Err(failure) = undone {
                return Ok(Err(failure));
            }
        }
        let run = self.begin_child(step, count, plan, input)?;
        if run.is_running() {
            let cancelled = self.lock().cancelled;
            if cancelled {
                self.orchestrator.cancel_run(&run.state)?;
            }
            run.drive().await?;
        }
        let state = run.lock();
        Ok(result(&state))
    }

    /// Begins the n-th child run of a step, or continues it.
    fn begin_child(
        &self,
        step: usize,
        number: u32,
        plan: &Arc<Plan>,
        input: &Arc<Value>,
    ) -> Result<Run, RunError> {
        let orchestrator = &self.orchestrator;
        let id = self.child_id(step, number);
        let child = orchestrator.load_child(&id, plan)?;
        let now = self.now();
        let began = match &child {
            Some(child) if child.status == WorkflowStatus::Running => child.deadline_base,
            _ => now,
        };
        let deadline = self.deadline();
        let context = Some(Box::new(RunContext {
            limit: self.lock().child_limit(step, deadline, began),
            path: self.path_of(step) + "/",
        }));
        let Some(child) = child else {
            // What came during a former try, which is undone, can be taken again.
            let first = self.child_id(step, 1);
            let first = orchestrator.load_child(&first, plan)?;
            let from = first.map(|first| first.events_from);
            let mut start = orchestrator.start_of(plan, Arc::clone(input), from);
            // A run for nobody has child runs for nobody, whoever others are for by now.
            let security = orchestrator.security.clone();
            start.parties = Parties::of(orchestrator.own_caller().cloned(), security);
            orchestrator.process.journal.begin(&id, start.entry(plan))?;
            return Ok(orchestrator.begun(plan, start, &id, context));
        };
        let resumed = JournalEntry::Resumed {
            workflow: None,
            at: now,
        };
        match child.status {
            WorkflowStatus::Interrupted | WorkflowStatus::PartiallySuccessful => {
                orchestrator.continue_run(child, context, Some(&resumed))
            }
            WorkflowStatus::Running => orchestrator.continue_run(child, context, None),
            _ => Ok(orchestrator.run_of(child, context)),
        }
    }

    /// Takes up what a former child run of a step could not undo, before another one begins.
    async fn undo_former_child(
        &self,
        step: usize,
        number: u32,
        plan: &Arc<Plan>,
    ) -> Result<Result<(), Box<Failure>>, RunError> {
        let context = Some(Box::new(RunContext {
            limit: None,
            path: self.path_of(step) + "/",
        }));
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
            (step.child_count, step.undo_failure().is_some())
        };
        let context = Some(Box::new(RunContext {
            limit: None,
            path: self.path_of(step) + "/",
        }));
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

impl RunState {
    /// All of the run's data.
    fn all_data(&self) -> Value {
        let mut data = Map::new();
        data.insert("input".to_owned(), Value::clone(&self.input));
        for (step, planned) in self.steps.iter().zip(&self.plan.steps) {
            if let Some(reply) = &step.reply {
                data.insert(planned.id.to_string(), Value::clone(reply));
            }
        }
        Value::Object(data)
    }
}

impl Orchestrator {
    /// Continues a child run so that it undoes its effects, unless it has done so; `again` takes up
    /// what failed to be undone.
    fn undo_child(
        &self,
        state: RunState,
        context: Option<Box<RunContext>>,
        again: bool,
    ) -> Result<Run, RunError> {
        let requested = JournalEntry::UndoRequested { at: self.now() };
        let resumed = JournalEntry::Resumed {
            workflow: None,
            at: self.now(),
        };
        match state.status {
            WorkflowStatus::Failed if again => self.continue_run(state, context, Some(&resumed)),
            // A crash cut it off before it was undone.
            WorkflowStatus::Running if !state.should_compensate() => {
                self.continue_run(state, context, Some(&requested))
            }
            WorkflowStatus::Completed
            | WorkflowStatus::Degraded
            | WorkflowStatus::PartiallySuccessful
            | WorkflowStatus::Interrupted => self.continue_run(state, context, Some(&requested)),
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
        (_, None) => state.kept_failure(),
        _ => None,
    }
    .unwrap_or_else(|| {
        let message = format!("the run {:?} is {}", state.run, state.status.as_str());
        Box::new(Failure::new(code::CANCELLED, message))
    });
    // The parent undoes what the child has not undone itself.
    failure.in_doubt = state.status == WorkflowStatus::Failed || state.status.can_be_resumed();
    Err(failure)
}

/// The failure of the first compensation that failed, if any did.
fn compensation_result(state: &RunState) -> Result<(), Box<Failure>> {
    let mut failures = state
        .steps
        .iter()
        .filter_map(|step| step.undo_failure().cloned());
    failures
        .next()
        .map_or(Ok(()), |failure| Err(Box::new(failure)))
}

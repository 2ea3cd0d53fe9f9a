use std::{
    fmt,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use futures::{
    FutureExt as _, StreamExt as _, TryFutureExt as _,
    future::{BoxFuture, ready},
    stream::FuturesUnordered,
};

use super::{
    CrashPoint, JournalEntry, Orchestrator, Outcome, Plan, RunError, plan::StepAction,
    shared_state::SharedState, state::RunState,
};
use crate::{
    domain::{CallHead, CallName, Context, Failure, StepStatus, WorkflowStatus, code, resolve},
    observability::{EventKind, StepHead, Timeline, unexpected_duration, unexpected_reply},
    services::{CallResult, Limit},
};

/// A run of a workflow that has begun; it makes progress only while its outcome is awaited.
///
/// A decision reads the state, is journalled, changes the state, and only then
/// is acted on, so that a crash between any two loses nothing.
pub struct Run {
    /// The same as in the state, but never changing: read without its lock.
    pub(super) id: Arc<str>,
    pub(super) plan: Arc<Plan>,
    pub(super) state: Arc<SharedState>,
    pub(super) orchestrator: Orchestrator,
    pub(super) context: RunContext,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Run").field(&self.id).finish()
    }
}

/// How a step ended, and the number of the event that it waited for.
pub(super) type Ended = (CallResult, Option<u64>);

/// What a child run gets from its parent; empty for a run without one.
#[derive(Clone, Debug, Default)]
pub(super) struct RunContext {
    /// When it ends at the latest, whatever its own deadline.
    pub limit: Option<Limit>,
    /// The ids of the steps it is nested in, each followed by a slash.
    pub path: String,
}

impl Run {
    /// The run's id.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// Drives the run to its end.
    ///
    /// # Errors
    ///
    /// If the orchestrator crashes, or its journal fails.
    pub async fn outcome(self) -> Result<Outcome, RunError> {
        self.drive().await
    }

    pub(super) async fn drive(&self) -> Result<Outcome, RunError> {
        tokio::select! {
            // What ends at the instant of a crash does not count.
            biased;
            () = self.orchestrator.is_killed() => Err(RunError::Crashed),
            outcome = self.drive_to_end() => outcome,
        }
    }

    async fn drive_to_end(&self) -> Result<Outcome, RunError> {
        let (cut_off, is_lost): (Vec<usize>, bool) = {
            let state = self.lock();
            (state.running().collect(), state.is_lost())
        };
        if is_lost {
            for step in cut_off {
                self.give_up(step)?;
            }
        } else {
            // Steps that a crash cut off run again.
            self.run_steps(cut_off).await?;
        }
        loop {
            let too_late = self.deadline().is_some_and(|end| self.now() >= end.at);
            let retry = self.lock().next_sequential_retry();
            let Some(step) = retry.filter(|_| !too_late) else {
                break;
            };
            self.run_steps(vec![step]).await?;
        }
        let should_compensate = self.lock().should_compensate();
        if should_compensate {
            Box::pin(self.compensate()).await?;
        }
        self.end()
    }

    /// Ends a step that a crash cut off in a run that goes no further: what it did is not known.
    fn give_up(&self, step: usize) -> Result<(), RunError> {
        let planned = &self.plan.steps[step];
        let tries = self.lock().steps[step].tries.clone();
        let mut failures = tries.failures.clone();
        let waited = tries.due.and_then(|_| failures.pop());
        let is_cut_off = waited.is_none() && planned.wait().is_none();
        let mut failure = waited.unwrap_or_else(|| {
            let message = "a crash cut it off, and the run goes no further";
            let failure = Failure::new(code::CANCELLED, message);
            match planned.call() {
                Some(call) => failure.at(call),
                None => failure,
            }
        });
        failure.executions = tries.executions() + u32::from(is_cut_off);
        failure.in_doubt = is_cut_off || tries.in_doubt();
        failure.causes.splice(0..0, failures);
        self.fail(step, Box::new(failure))
    }

    /// Runs the steps that are due and all that become ready, until nothing is or a step fails.
    async fn run_steps(&self, mut due: Vec<usize>) -> Result<(), RunError> {
        let mut running = FuturesUnordered::new();
        // Without those that wait: they use no service.
        let mut at_work = due.iter().filter(|step| self.works(**step)).count();
        let mut ended = Vec::new();
        loop {
            for step in self.lock().ready() {
                let works = self.works(step);
                if !works || at_work < self.plan.workflow.max_parallel {
                    at_work += usize::from(works);
                    due.push(step);
                }
            }
            for step in due.drain(..) {
                running.push(self.start(step)?);
            }
            let Some(first) = running.next().await else {
                return Ok(());
            };
            ended.push(first);
            // All that end at the same instant are recorded together, in order
            // of declaration, before anything new starts.
            while let Some(Some(another)) = running.next().now_or_never() {
                ended.push(another);
            }
            ended.sort_by_key(|(step, _)| *step);
            for (step, result) in ended.drain(..) {
                at_work -= usize::from(self.works(step));
                let (result, event) = result?;
                self.finish(step, result, event)?;
            }
        }
    }

    /// Whether a step does something, so that it counts among those that run in parallel.
    fn works(&self, step: usize) -> bool {
        self.plan.steps[step].wait().is_none()
    }

    /// Journals a step's start and prepares its call or child run.
    fn start(
        &self,
        step: usize,
    ) -> Result<impl Future<Output = (usize, Result<Ended, RunError>)> + '_, RunError> {
        let planned = &self.plan.steps[step];
        self.crash_if_declared(CrashPoint::Before, step)?;
        let (was, input) = {
            let state = self.lock();
            let input = if planned.refers {
                let data = |name: &str| state.data(name);
                resolve(&planned.input, &data).map(Arc::new)
            } else {
                Ok(Arc::clone(&planned.input))
            };
            (state.steps[step].status, input)
        };
        let was_cut_off = was == StepStatus::Running;
        let child_run = match &planned.action {
            StepAction::Call { .. } | StepAction::Wait(_) => None,
            StepAction::Workflow(plan) => Some(self.next_child_id(step, plan, was_cut_off)?),
        };
        let at = self.now();
        self.commit(&JournalEntry::StepStarted {
            step,
            child_run,
            due: self.due(step),
            at,
        })?;
        self.timeline().record(EventKind::StepStarted {
            run: Arc::clone(&self.id),
            step: Arc::clone(&planned.id),
            status: StepStatus::Running,
        });
        // Each of its own size: a run that waits needs little memory.
        let ended: BoxFuture<'_, Result<Ended, RunError>> = match (&planned.action, input) {
            (StepAction::Call { call, policy }, input) => {
                let result = self.call(step, call, policy, input);
                Box::pin(result.map_ok(|result| (result, None)))
            }
            (StepAction::Workflow(plan), Ok(input)) => {
                let result = self.run_child(step, plan, input);
                Box::pin(result.map_ok(|result| (result, None)))
            }
            (StepAction::Wait(wait), Ok(input)) => Box::pin(self.wait(step, wait, input)),
            (StepAction::Workflow(_) | StepAction::Wait(_), Err(failure)) => {
                Box::pin(ready(Ok((Err(failure), None))))
            }
        };
        Ok(ended.map(move |ended| (step, ended)))
    }

    /// Journals how a step's call ended.
    fn finish(&self, step: usize, result: CallResult, event: Option<u64>) -> Result<(), RunError> {
        self.crash_if_declared(CrashPoint::During, step)?;
        let at = self.now();
        let planned = &self.plan.steps[step];
        let definition = &self.plan.workflow.steps[step];
        match result {
            Ok(reply) => {
                let expected = definition.expected_output.as_ref();
                let warning =
                    expected.and_then(|it| unexpected_reply(&planned.id, &reply.value, it));
                if let Some(warning) = warning {
                    self.timeline().record(warning);
                }
                let executed = definition.partially_effective && reply.executions > 0;
                self.commit(&JournalEntry::StepCompleted {
                    step,
                    in_doubt: reply.in_doubt || (reply.fallback_used && executed),
                    reply: reply.value,
                    degraded: reply.fallback_used,
                    event,
                    at,
                })?;
                let took = self.step_ended(step, StepStatus::Completed, at);
                self.check_duration(&planned.id, took, definition.expected_duration);
            }
            Err(failure) => self.fail(step, failure)?,
        }
        self.crash_if_declared(CrashPoint::After, step)
    }

    /// Journals that a step failed for good, and stops what goes on if that ends the run.
    fn fail(&self, step: usize, failure: Box<Failure>) -> Result<(), RunError> {
        let at = self.now();
        self.commit(&JournalEntry::StepFailed {
            step,
            failure,
            is_past_pivot: self.child_is_past_pivot(step)?,
            at,
        })?;
        self.step_ended(step, StepStatus::Failed, at);
        let is_lost = self.lock().is_lost();
        if is_lost {
            self.orchestrator.stop_children(&self.state)?;
        }
        Ok(())
    }

    /// Records that a step ended; returns how long it took.
    fn step_ended(&self, step: usize, status: StepStatus, at: Duration) -> Duration {
        let started_at = self.lock().steps[step].started_at.unwrap_or(at);
        let took = at.saturating_sub(started_at);
        self.timeline().record(EventKind::StepEnded {
            run: Arc::clone(&self.id),
            step: Arc::clone(&self.plan.steps[step].id),
            status,
            took,
        });
        took
    }

    /// Records a duration that is far above what was expected.
    fn check_duration(&self, about: &Arc<str>, took: Duration, expected: Option<Duration>) {
        if let Some(event) = expected.and_then(|it| unexpected_duration(about, took, it)) {
            self.timeline().record(event);
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.lock().status == WorkflowStatus::Running
    }

    /// Ends a run that has nothing left to do.
    fn end(&self) -> Result<Outcome, RunError> {
        let at = self.now();
        let (status, skipped) = {
            let state = self.lock();
            let pending = |step: &usize| state.steps[*step].status == StepStatus::Pending;
            let skipped: Vec<usize> = (0..state.steps.len()).filter(pending).collect();
            (state.final_status(), skipped)
        };
        self.commit(&JournalEntry::Ended { status, at })?;
        if status != WorkflowStatus::Interrupted {
            for step in skipped {
                self.timeline().record(EventKind::StepSkipped {
                    run: Arc::clone(&self.id),
                    step: Arc::clone(&self.plan.steps[step].id),
                    status: StepStatus::Skipped,
                });
            }
        }
        self.orchestrator.forget(&self.id);
        let outcome = self.orchestrator.outcome_of(&self.lock())?;
        self.timeline().record(EventKind::WorkflowEnded {
            workflow: Arc::clone(&self.plan.id),
            run: Arc::clone(&self.id),
            status,
            took: outcome.took,
        });
        if matches!(status, WorkflowStatus::Completed | WorkflowStatus::Degraded) {
            let expected = self.plan.workflow.total_expected_duration;
            self.check_duration(&self.plan.id, outcome.took, expected);
        }
        Ok(outcome)
    }

    /// Writes an entry, then applies it to the state.
    pub(super) fn commit(&self, entry: &JournalEntry) -> Result<(), RunError> {
        self.orchestrator.commit(&self.state, entry)
    }

    /// A step's id, preceded by those of the steps it is nested in.
    pub(super) fn path_of(&self, step: usize) -> String {
        format!("{}{}", self.context.path, self.plan.steps[step].id)
    }

    /// Kills the orchestrator's process if the scenario declares a crash here.
    pub(super) fn crash_if_declared(&self, point: CrashPoint, step: usize) -> Result<(), RunError> {
        let crashes = &self.orchestrator.crashes;
        if crashes.should_crash(point, &self.context.path, &self.plan.steps[step].id) {
            self.orchestrator.kill();
            self.timeline().record(EventKind::OrchestratorCrashed {});
            return Err(RunError::Crashed);
        }
        Ok(())
    }

    pub(super) fn step_head(&self, step: usize) -> Arc<StepHead> {
        Arc::new(StepHead {
            run: Arc::clone(&self.id),
            step: Arc::clone(&self.plan.steps[step].id),
        })
    }

    pub(super) fn head(&self, step: usize, name: &CallName) -> Arc<CallHead> {
        Arc::new(CallHead {
            caller: Arc::clone(&self.orchestrator.caller),
            name: name.clone(),
            context: Context {
                run: Some(Arc::clone(&self.id)),
                step: Some(Arc::clone(&self.plan.steps[step].id)),
                security: self.orchestrator.security.clone(),
                ..Context::default()
            },
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, RunState> {
        self.state.lock()
    }

    pub(super) fn now(&self) -> Duration {
        self.orchestrator.now()
    }

    pub(super) fn timeline(&self) -> &Timeline {
        self.orchestrator.timeline()
    }
}

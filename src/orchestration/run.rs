use std::{
    fmt,
    future::poll_fn,
    pin::pin,
    sync::{Arc, MutexGuard},
    task::Poll,
    time::Duration,
};

use super::{
    CrashPoint, JournalEntry, Orchestrator, Outcome, Plan, RunError, progress::Progress,
    shared_state::SharedState, state::RunState,
};
use crate::{
    domain::{CallHead, CallName, Context, Failure, StepStatus, WorkflowStatus, code},
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
    /// None for a run without a parent.
    pub(super) context: Option<Box<RunContext>>,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Run").field(&self.id).finish()
    }
}

/// What a child run gets from its parent.
#[derive(Clone, Debug)]
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
    #[expect(
        clippy::manual_async_fn,
        reason = "an `async fn` would hold the run twice"
    )]
    pub fn outcome(self) -> impl Future<Output = Result<Outcome, RunError>> + Send {
        async move { self.drive().await }
    }

    pub(super) async fn drive(&self) -> Result<Outcome, RunError> {
        let mut outcome = pin!(self.drive_to_end());
        poll_fn(|cx| {
            self.state.driven_by(cx);
            // What ends at the instant of a crash does not count.
            match self.orchestrator.is_alive() {
                true => outcome.as_mut().poll(cx),
                false => Poll::Ready(Err(RunError::Crashed)),
            }
        })
        .await
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
            let progress = Progress::start(self, cut_off)?;
            progress.await?;
        }
        loop {
            let too_late = self.deadline().is_some_and(|end| self.now() >= end.at);
            let retry = self.lock().next_sequential_retry();
            let Some(step) = retry.filter(|_| !too_late) else {
                break;
            };
            let progress = Progress::start(self, vec![step])?;
            progress.await?;
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
        let tries = self.lock().steps[step].tries();
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

    /// Journals how a step's call ended.
    pub(super) fn finish(
        &self,
        step: usize,
        result: CallResult,
        event: Option<u64>,
    ) -> Result<(), RunError> {
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
        let kept = self.keeps_failed(step, &failure);
        self.commit(&JournalEntry::StepFailed {
            step,
            is_past_pivot: self.child_is_past_pivot(step)?,
            resumes_at: kept.as_ref().and_then(|kept| kept.resumption.next),
            awaits_service: kept
                .as_ref()
                .is_some_and(|kept| kept.resumption.awaits_service),
            failure,
            at,
        })?;
        self.step_ended(step, StepStatus::Failed, at);
        if let Some(kept) = kept {
            self.record_kept(step, &kept);
        }
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
            let pending = |step: &usize| state.steps[*step].status.has_yet_to_start();
            let skipped: Vec<usize> = (0..state.steps.len()).filter(pending).collect();
            (state.final_status(), skipped)
        };
        self.commit(&JournalEntry::Ended { status, at })?;
        if !status.can_be_resumed() {
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

    /// The ids of the steps it is nested in, each followed by a slash.
    fn path(&self) -> &str {
        self.context.as_ref().map_or("", |context| &context.path)
    }

    /// A step's id, preceded by those of the steps it is nested in.
    pub(super) fn path_of(&self, step: usize) -> String {
        format!("{}{}", self.path(), self.plan.steps[step].id)
    }

    /// Kills the orchestrator's process if the scenario declares a crash here.
    pub(super) fn crash_if_declared(&self, point: CrashPoint, step: usize) -> Result<(), RunError> {
        let crashes = &self.orchestrator.process.crashes;
        if crashes.should_crash(point, self.path(), &self.plan.steps[step].id) {
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

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use serde_json::Value;

use super::{
    CrashPoint, Entry, JournalError, Orchestrator, Outcome, Plan, RunError,
    orchestrator::{Place, has_ended},
    plan::Task,
    state::RunState,
};
use crate::{
    domain::{
        Call, CallHead, CallName, Context, Failure, Key, StepStatus, WorkflowStatus, resolve,
    },
    observability::{EventKind, Timeline},
    services::{CallPolicy, CallResult},
};

/// One run of a workflow, driven from entry to entry.
///
/// A decision reads the state, is journalled, changes the state, and only then
/// is acted on, so that a crash between any two loses nothing.
pub(super) struct Run {
    pub id: Arc<str>,
    pub plan: Arc<Plan>,
    pub state: Arc<Mutex<RunState>>,
    pub orchestrator: Orchestrator,
    pub place: Place,
}

/// What a step does now.
enum Work<'a> {
    Call {
        call: &'a CallName,
        policy: &'a CallPolicy,
    },
    /// The run of a workflow, begun or taken up.
    Run { id: Arc<str>, plan: &'a Arc<Plan> },
}

impl Work<'_> {
    fn inner(&self) -> Option<Arc<str>> {
        match self {
            Self::Call { .. } => None,
            Self::Run { id, .. } => Some(Arc::clone(id)),
        }
    }
}

impl Run {
    /// Drives the run to its end.
    ///
    /// # Errors
    ///
    /// If the orchestrator crashes, or its journal fails.
    pub async fn drive(&self) -> Result<Outcome, RunError> {
        tokio::select! {
            // What ends at the very instant of a crash is lost with the rest.
            biased;
            () = self.orchestrator.process.is_lost() => Err(RunError::Crashed),
            outcome = self.go_through() => outcome,
        }
    }

    async fn go_through(&self) -> Result<Outcome, RunError> {
        self.go_forward().await?;
        loop {
            let too_late = self.deadline().is_some_and(|end| self.now() >= end);
            let second_chance = self.lock().second_chance().filter(|_| !too_late);
            let Some(step) = second_chance else { break };
            self.run_steps(vec![step]).await?;
        }
        let goes_back = self.lock().goes_back();
        if goes_back {
            self.compensate().await?;
        }
        self.end()
    }

    /// Runs whatever is ready, and what becomes ready, until nothing is or a step fails.
    async fn go_forward(&self) -> Result<(), RunError> {
        // What was under way when a crash cut it off is executed again.
        let cut_off = self.lock().running().collect();
        self.run_steps(cut_off).await
    }

    async fn run_steps(&self, mut due: Vec<usize>) -> Result<(), RunError> {
        let mut running = FuturesUnordered::new();
        let mut ended = Vec::new();
        loop {
            {
                let state = self.lock();
                let room = self
                    .plan
                    .workflow
                    .max_parallel
                    .saturating_sub(running.len() + due.len());
                due.extend(state.ready().take(room));
            }
            for step in due.drain(..) {
                running.push(self.start(step)?);
            }
            let Some(first) = running.next().await else {
                return Ok(());
            };
            ended.push(first);
            // All that end at the same instant are taken in together, in order
            // of declaration, before anything new starts.
            while let Some(Some(another)) = running.next().now_or_never() {
                ended.push(another);
            }
            ended.sort_by_key(|(step, _)| *step);
            for (step, result) in ended.drain(..) {
                self.finish(step, result?)?;
            }
        }
    }

    /// Journals a step's start and gets its call, or its workflow's run, ready.
    fn start(
        &self,
        step: usize,
    ) -> Result<impl Future<Output = (usize, Result<CallResult, RunError>)> + '_, RunError> {
        let planned = &self.plan.steps[step];
        self.strike(CrashPoint::Before, step)?;
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
        let cut_off = was == StepStatus::Running;
        let work = match &planned.task {
            Task::Call { call, policy } => Work::Call { call, policy },
            Task::Workflow(plan) => Work::Run {
                id: self.inner_id(step, plan, cut_off)?,
                plan,
            },
        };
        let at = self.now();
        self.commit(&Entry::StepStarted {
            step,
            inner: work.inner(),
            at,
        })?;
        self.timeline().record(EventKind::StepStarted {
            run: Arc::clone(&self.id),
            step: Arc::clone(&planned.id),
            status: StepStatus::Running,
        });
        Ok(async move {
            let result = match (work, input) {
                (Work::Call { call, policy }, input) => {
                    Ok(self.call(step, call, policy, input, cut_off).await)
                }
                (Work::Run { id, plan }, Ok(input)) => self.run_inner(step, plan, id, input).await,
                (Work::Run { .. }, Err(failure)) => Ok(Err(failure)),
            };
            (step, result)
        })
    }

    async fn call(
        &self,
        step: usize,
        name: &CallName,
        policy: &CallPolicy,
        input: Result<Arc<Value>, Box<Failure>>,
        cut_off: bool,
    ) -> CallResult {
        let input = input.map_err(|failure| Box::new(failure.at(name)))?;
        let call = Call {
            head: self.head(step, name),
            input,
            key: Some(Key::of_step(&self.id, &self.plan.steps[step].id)),
        };
        let client = &self.orchestrator.client;
        let mut result = client.call(&call, policy, self.deadline()).await;
        if let (true, Err(failure)) = (cut_off, &mut result) {
            // The execution that the crash cut off may have had its effect.
            failure.in_doubt = true;
        }
        match result {
            Err(failure) => self.recover(step, &call, failure).await,
            reply => reply,
        }
    }

    /// Journals how a step's call ended.
    fn finish(&self, step: usize, result: CallResult) -> Result<(), RunError> {
        self.strike(CrashPoint::During, step)?;
        let at = self.now();
        let planned = &self.plan.steps[step];
        let definition = &self.plan.workflow.steps[step];
        let status = match result {
            Ok(reply) => {
                self.check_output(
                    &planned.id,
                    &reply.value,
                    definition.expected_output.as_ref(),
                );
                self.commit(&Entry::StepCompleted {
                    step,
                    reply: reply.value,
                    degraded: reply.fallback_used,
                    at,
                })?;
                StepStatus::Completed
            }
            Err(failure) => {
                self.commit(&Entry::StepFailed { step, failure, at })?;
                StepStatus::Failed
            }
        };
        let started_at = self.lock().steps[step].started_at.unwrap_or(at);
        let took = at.saturating_sub(started_at);
        self.timeline().record(EventKind::StepEnded {
            run: Arc::clone(&self.id),
            step: Arc::clone(&planned.id),
            status,
            took,
        });
        if status == StepStatus::Completed {
            self.check_duration(&planned.id, took, definition.expected_duration);
        }
        self.strike(CrashPoint::After, step)
    }

    pub fn is_under_way(&self) -> bool {
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
        self.commit(&Entry::Ended { status, at })?;
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
        let inner = |id: &str, plan: &Arc<Plan>| self.orchestrator.recall_inner(id, plan);
        let outcome = Outcome::of(&self.lock(), &inner)?;
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

    /// Writes an entry, then lets it change the state.
    pub fn commit(&self, entry: &Entry) -> Result<(), RunError> {
        // A run on another thread may have met a crash meanwhile.
        if !self.orchestrator.is_alive() {
            return Err(RunError::Crashed);
        }
        // Nobody else's entry comes between the writing and the change.
        let mut state = self.lock();
        self.orchestrator.journal.append(&self.id, entry)?;
        state.apply(entry).map_err(|why| JournalError::Corrupt {
            run: self.id.to_string(),
            why,
        })?;
        Ok(())
    }

    /// Asks the run to stop, and those that lie within it.
    ///
    /// # Errors
    ///
    /// If it is not under way.
    pub fn cancel(&self) -> Result<(), RunError> {
        let (status, cancelled, inner) = {
            let state = self.lock();
            let inner = |step: usize| state.steps[step].inner.clone();
            let inner: Vec<Arc<str>> = state.running().filter_map(inner).collect();
            (state.status, state.cancelled, inner)
        };
        if status != WorkflowStatus::Running {
            return Err(has_ended(&self.id));
        }
        if !cancelled {
            let at = self.now();
            self.commit(&Entry::CancellationRequested { at })?;
            self.timeline().record(EventKind::CancellationRequested {
                workflow: Arc::clone(self.plan.id()),
                run: Arc::clone(&self.id),
                status,
            });
        }
        for run in inner.iter().filter_map(|id| self.orchestrator.find(id)) {
            if run.is_under_way() {
                run.cancel()?;
            }
        }
        Ok(())
    }

    /// When the run's time is over, as an offset on the clock: its own, or that of the run around it.
    pub fn deadline(&self) -> Option<Duration> {
        let own = self.plan.workflow.deadline;
        let own = own.map(|deadline| self.lock().counts_from + deadline);
        own.into_iter().chain(self.place.deadline).min()
    }

    /// A step's id behind those of the steps around it.
    pub fn path_of(&self, step: usize) -> String {
        format!("{}{}", self.place.path, self.plan.steps[step].id)
    }

    /// Loses the orchestrator's process, if the scenario says so here.
    pub fn strike(&self, point: CrashPoint, step: usize) -> Result<(), RunError> {
        let Orchestrator {
            crashes, process, ..
        } = &self.orchestrator;
        if crashes.strike(point, &self.place.path, &self.plan.steps[step].id) {
            process.lose();
            self.timeline().record(EventKind::OrchestratorCrashed {});
            return Err(RunError::Crashed);
        }
        Ok(())
    }

    pub fn record_resumption(&self) {
        self.timeline().record(EventKind::WorkflowResumed {
            workflow: Arc::clone(self.plan.id()),
            run: Arc::clone(&self.id),
            status: WorkflowStatus::Running,
        });
    }

    pub fn head(&self, step: usize, name: &CallName) -> Arc<CallHead> {
        Arc::new(CallHead {
            caller: Arc::clone(&self.orchestrator.caller),
            name: name.clone(),
            context: Context {
                run: Some(Arc::clone(&self.id)),
                step: Some(Arc::clone(&self.plan.steps[step].id)),
            },
        })
    }

    pub fn lock(&self) -> MutexGuard<'_, RunState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Duration {
        self.timeline().now()
    }

    pub fn timeline(&self) -> &Timeline {
        self.orchestrator.client.timeline()
    }

    pub fn warn(&self, about: &Arc<str>, message: String) {
        self.timeline().record(EventKind::Warning {
            about: Arc::clone(about),
            message,
        });
    }
}

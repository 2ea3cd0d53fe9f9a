use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{StreamExt as _, stream::FuturesOrdered};
use serde_json::Value;

use super::{
    Crashes, Entry, Journal, JournalError, Outcome, Plan, RunError, journal::is_inner,
    process::Process, run::Run, state::RunState,
};
use crate::{
    domain::{Call, Failure, WorkflowStatus, code},
    observability::EventKind,
    services::Client,
};

/// Runs workflows and remembers them in a journal.
///
/// A handle: clones share the runs. A new one on the same journal stands for a
/// new process: it knows what was journalled, and nothing else.
#[derive(Clone)]
pub struct Orchestrator {
    pub(super) client: Arc<Client>,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) crashes: Crashes,
    pub(super) caller: Arc<str>,
    runs: Arc<Mutex<Runs>>,
    pub(super) process: Process,
}

#[derive(Default)]
struct Runs {
    states: HashMap<Arc<str>, Arc<Mutex<RunState>>>,
    /// How many run ids were made for a workflow.
    numbered: HashMap<Arc<str>, u64>,
}

/// Where a run lies within another, if it does.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// The deadline of the run around it, as an offset on the clock.
    pub deadline: Option<Duration>,
    /// What its steps' ids are preceded by: the steps around them, each with a slash behind it.
    pub path: String,
}

/// A run that was begun; drive it to get its outcome.
pub struct Running {
    run: Run,
}

impl Running {
    /// The run's id.
    pub fn id(&self) -> &Arc<str> {
        &self.run.id
    }

    /// Drives the run to its end.
    ///
    /// # Errors
    ///
    /// If the orchestrator crashes, or its journal fails.
    pub async fn outcome(self) -> Result<Outcome, RunError> {
        self.run.drive().await
    }
}

impl Orchestrator {
    /// An orchestrator that calls through a client and remembers in a journal.
    pub fn new(client: Arc<Client>, journal: Arc<dyn Journal>, crashes: Crashes) -> Self {
        Self {
            client,
            journal,
            crashes,
            caller: Call::ORCHESTRATOR.into(),
            runs: Arc::default(),
            process: Process::new(),
        }
    }

    /// Whether its process still lives, that is, has not crashed.
    pub fn is_alive(&self) -> bool {
        self.process.is_alive()
    }

    /// Loses its process as a crash does: nothing that it is doing goes on.
    pub fn lose(&self) {
        self.process.lose();
    }

    /// Runs a workflow to its end.
    ///
    /// # Errors
    ///
    /// See [`Orchestrator::begin`] and [`Running::outcome`].
    pub async fn run(
        &self,
        plan: &Arc<Plan>,
        input: Arc<Value>,
        id: Option<&str>,
    ) -> Result<Outcome, RunError> {
        self.begin(plan, input, id)?.outcome().await
    }

    /// Begins a run; its id is `<workflow>-<n>` unless given.
    ///
    /// # Errors
    ///
    /// [`RunError::Refused`] with `WORKFLOW_ALREADY_EXISTS` if the id is taken;
    /// [`RunError::Crashed`] if the orchestrator's process is lost.
    pub fn begin(
        &self,
        plan: &Arc<Plan>,
        input: Arc<Value>,
        id: Option<&str>,
    ) -> Result<Running, RunError> {
        self.must_live()?;
        let started = self.started(plan, &input);
        let id: Arc<str> = match id {
            Some(id) if is_inner(id) => {
                let message = format!("the run id {id:?} has a slash, as runs within others have");
                let failure = Failure::new(code::INVALID_WORKFLOW, message).field("/run");
                return Err(RunError::Refused(Box::new(failure)));
            }
            Some(id) => {
                let id = id.into();
                self.journal.begin(&id, started).map_err(refused)?;
                id
            }
            None => self.begin_numbered(plan, &started)?,
        };
        let run = self.begun(plan, input, &id, Place::default());
        Ok(Running { run })
    }

    /// Goes on with a run that was read back, behind an entry that says why unless it never ended.
    pub(super) fn go_on(
        &self,
        state: RunState,
        place: Place,
        why: impl FnOnce(Duration) -> Option<Entry>,
    ) -> Result<Run, RunError> {
        let run = self.run_of(state, place);
        if let Some(entry) = why(run.now()) {
            run.commit(&entry)?;
        }
        self.keep(&run);
        run.record_resumption();
        Ok(run)
    }

    pub(super) fn started(&self, plan: &Plan, input: &Arc<Value>) -> Entry {
        Entry::Started {
            workflow: Arc::clone(plan.workflow()),
            input: Arc::clone(input),
            at: self.client.timeline().now(),
        }
    }

    pub(super) fn begun(
        &self,
        plan: &Arc<Plan>,
        input: Arc<Value>,
        id: &Arc<str>,
        place: Place,
    ) -> Run {
        let at = self.client.timeline().now();
        self.client.timeline().record(EventKind::WorkflowStarted {
            workflow: Arc::clone(plan.id()),
            run: Arc::clone(id),
            status: WorkflowStatus::Running,
        });
        let state = RunState::new(Arc::clone(plan), Arc::clone(id), input, at);
        let run = self.run_of(state, place);
        self.keep(&run);
        run
    }

    fn begin_numbered(&self, plan: &Plan, started: &Entry) -> Result<Arc<str>, RunError> {
        loop {
            let number = {
                let mut runs = self.lock();
                let number = runs.numbered.entry(Arc::clone(plan.id())).or_default();
                *number += 1;
                *number
            };
            let id = format!("{}-{number}", plan.id()).into();
            match self.journal.begin(&id, started.clone()) {
                Ok(()) => return Ok(id),
                // Taken before a restart, or by a caller who chose it.
                Err(JournalError::AlreadyExists(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Goes on with an interrupted run.
    ///
    /// # Errors
    ///
    /// If the run is unknown, or is not interrupted, or lies within another, which takes it up when
    /// that is resumed; or the process is lost.
    pub fn resume(&self, id: &str) -> Result<Running, RunError> {
        self.must_live()?;
        if is_inner(id) {
            let message = format!("the run {id:?} goes on with the one around it, not by itself");
            let failure = Failure::new(code::INVALID_WORKFLOW, message).field("/run");
            return Err(RunError::Refused(Box::new(failure)));
        }
        let state = self.known(id)?;
        if state.status != WorkflowStatus::Interrupted {
            return Err(RunError::NotInterrupted {
                run: id.to_owned(),
                status: state.status,
            });
        }
        let run = self.go_on(state, Place::default(), |at| Some(Entry::Resumed { at }))?;
        Ok(Running { run })
    }

    /// Runs all unfinished runs of the journal to their end, in the order they began; those that
    /// this process runs already are left alone.
    ///
    /// A run is read back when its turn to go on comes, so that the first goes on at once, however
    /// many there are.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read. What becomes of each run stands in the list.
    pub async fn recover(
        &self,
    ) -> Result<Vec<(Arc<str>, Result<Outcome, RunError>)>, JournalError> {
        let timeline = self.client.timeline();
        timeline.record(EventKind::OrchestratorRestarted {});
        let unfinished = self.journal.unfinished()?.into_iter();
        let recovered: FuturesOrdered<_> = unfinished
            .filter(|id| self.find(id).is_none())
            .map(|id| async move {
                let result = self.finish(&id).await;
                (id, result)
            })
            .collect();
        Ok(recovered.collect().await)
    }

    /// Runs an unfinished run to its end.
    async fn finish(&self, id: &str) -> Result<Outcome, RunError> {
        self.must_live()?;
        let state = self.known(id)?;
        self.go_on(state, Place::default(), |_| None)?.drive().await
    }

    /// Lets go of a run that has ended: from now on the journal knows it well enough.
    pub(super) fn forget(&self, id: &str) {
        self.lock().states.remove(id);
    }

    /// Asks a run to stop: no new step starts, running ones end, then it is undone.
    ///
    /// # Errors
    ///
    /// If the run is not running, or the process is lost.
    pub fn cancel(&self, id: &str) -> Result<(), RunError> {
        self.must_live()?;
        match self.find(id) {
            Some(run) => run.cancel(),
            None => Err(match self.known(id)?.status {
                WorkflowStatus::Running => cannot_be_cancelled(id, "is not under way here"),
                _ => has_ended(id),
            }),
        }
    }

    pub(super) fn run_of(&self, state: RunState, place: Place) -> Run {
        Run {
            id: Arc::clone(&state.run),
            plan: Arc::clone(&state.plan),
            state: Arc::new(Mutex::new(state)),
            orchestrator: self.clone(),
            place,
        }
    }

    /// Keeps a run in mind until it has ended.
    pub(super) fn keep(&self, run: &Run) {
        let (id, state) = (Arc::clone(&run.id), Arc::clone(&run.state));
        self.lock().states.insert(id, state);
    }

    fn must_live(&self) -> Result<(), RunError> {
        if self.is_alive() {
            Ok(())
        } else {
            Err(RunError::Crashed)
        }
    }

    /// The run of an id that this process has begun or taken up.
    pub(super) fn find(&self, id: &str) -> Option<Run> {
        let state = self.lock().states.get(id).cloned()?;
        let (id, plan) = {
            let state = state.lock().unwrap_or_else(PoisonError::into_inner);
            (Arc::clone(&state.run), Arc::clone(&state.plan))
        };
        Some(Run {
            id,
            plan,
            state,
            orchestrator: self.clone(),
            place: Place::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn has_ended(id: &str) -> RunError {
    cannot_be_cancelled(id, "has ended")
}

fn cannot_be_cancelled(id: &str, why: &str) -> RunError {
    let message = format!("the run {id:?} {why}");
    RunError::Refused(Box::new(Failure::new(code::CANCELLED, message)))
}

fn refused(error: JournalError) -> RunError {
    match error {
        JournalError::AlreadyExists(_) => RunError::Refused(Box::new(Failure::new(
            code::WORKFLOW_ALREADY_EXISTS,
            error.to_string(),
        ))),
        error => RunError::Journal(error),
    }
}

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{StreamExt as _, stream::FuturesOrdered};
use serde_json::Value;

use super::{
    Crashes, Entry, Journal, JournalError, Outcome, Plan, RunError, RunView,
    process::Process,
    run::{CALLER, Run},
    state::RunState,
};
use crate::{
    domain::{Failure, WorkflowStatus, code},
    observability::EventKind,
    services::Client,
};

/// Runs workflows and remembers them in a journal.
///
/// A handle: clones share the runs. A new one on the same journal stands for a
/// new process: it knows what was journalled, and nothing else.
#[derive(Clone)]
pub struct Orchestrator {
    client: Arc<Client>,
    journal: Arc<dyn Journal>,
    crashes: Crashes,
    caller: Arc<str>,
    runs: Arc<Mutex<Runs>>,
    process: Process,
}

#[derive(Default)]
struct Runs {
    states: HashMap<Arc<str>, Arc<Mutex<RunState>>>,
    /// How many run ids were made for a workflow.
    numbered: HashMap<Arc<str>, u64>,
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
            caller: CALLER.into(),
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
        let at = self.client.timeline().now();
        let started = Entry::Started {
            workflow: Arc::clone(plan.workflow()),
            input: Arc::clone(&input),
            at,
        };
        let id: Arc<str> = match id {
            Some(id) => {
                let id = id.into();
                self.journal.begin(&id, started).map_err(refused)?;
                id
            }
            None => self.begin_numbered(plan, &started)?,
        };
        let state = RunState::new(Arc::clone(plan), Arc::clone(&id), input, at);
        self.client.timeline().record(EventKind::WorkflowStarted {
            workflow: Arc::clone(plan.id()),
            run: Arc::clone(&id),
            status: WorkflowStatus::Running,
        });
        Ok(self.running(state))
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
    /// If the run is unknown, or is not interrupted, or the process is lost.
    pub fn resume(&self, id: &str) -> Result<Running, RunError> {
        self.must_live()?;
        let state = self.recall(id)?;
        if state.status != WorkflowStatus::Interrupted {
            return Err(RunError::NotInterrupted {
                run: id.to_owned(),
                status: state.status,
            });
        }
        let running = self.running(state);
        let at = running.run.now();
        running.run.commit(&Entry::Resumed { at })?;
        self.record_resumption(&running);
        Ok(running)
    }

    /// Runs all unfinished runs of the journal to their end, in the order they began.
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
            .map(|id| async move {
                let result = self.go_on(&id).await;
                (id, result)
            })
            .collect();
        Ok(recovered.collect().await)
    }

    /// Runs an unfinished run to its end.
    async fn go_on(&self, id: &str) -> Result<Outcome, RunError> {
        self.must_live()?;
        let running = self.running(self.recall(id)?);
        self.record_resumption(&running);
        let outcome = running.outcome().await?;
        // From now on the journal knows it well enough.
        self.lock().states.remove(id);
        Ok(outcome)
    }

    /// Asks a run to stop: no new step starts, running ones end, then it is undone.
    ///
    /// # Errors
    ///
    /// If the run is not running, or the process is lost.
    pub fn cancel(&self, id: &str) -> Result<(), RunError> {
        self.must_live()?;
        let state = self.lock().states.get(id).cloned();
        let Some(state) = state else {
            return Err(match self.recall(id)?.status {
                // It is not this process that runs it.
                WorkflowStatus::Running => JournalError::Unknown(id.to_owned()).into(),
                _ => has_ended(id),
            });
        };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.status != WorkflowStatus::Running {
            return Err(has_ended(id));
        }
        let at = self.client.timeline().now();
        let entry = Entry::CancellationRequested { at };
        self.journal.append(&state.run, &entry)?;
        state.apply(&entry).map_err(|why| JournalError::Corrupt {
            run: id.to_owned(),
            why,
        })?;
        self.client
            .timeline()
            .record(EventKind::CancellationRequested {
                workflow: Arc::clone(state.plan.id()),
                run: Arc::clone(&state.run),
                status: state.status,
            });
        Ok(())
    }

    /// The state of a run, at any time; `None` if there never was one of this id.
    pub fn state(&self, id: &str) -> Option<RunView> {
        let state = self.lock().states.get(id).cloned();
        let now = self.client.timeline().now();
        match state {
            Some(state) => {
                let state = state.lock().unwrap_or_else(PoisonError::into_inner);
                Some(state.view(now))
            }
            None => Some(self.recall(id).ok()?.view(now)),
        }
    }

    /// Reads a run back from the journal.
    fn recall(&self, id: &str) -> Result<RunState, RunError> {
        let entries = self
            .journal
            .read(id)?
            .ok_or_else(|| JournalError::Unknown(id.to_owned()))?;
        let corrupt = |why: String| JournalError::Corrupt {
            run: id.to_owned(),
            why,
        };
        let mut entries = entries.into_iter();
        let Some(Entry::Started {
            workflow,
            input,
            at,
        }) = entries.next()
        else {
            return Err(corrupt("it does not start".to_owned()).into());
        };
        let plan = Plan::new(workflow, self.client.registry()).map_err(RunError::Refused)?;
        let mut state = RunState::new(Arc::new(plan), id.into(), input, at);
        for entry in entries {
            state.apply(&entry).map_err(corrupt)?;
        }
        Ok(state)
    }

    fn running(&self, state: RunState) -> Running {
        let id = Arc::clone(&state.run);
        let plan = Arc::clone(&state.plan);
        let state = Arc::new(Mutex::new(state));
        self.lock()
            .states
            .insert(Arc::clone(&id), Arc::clone(&state));
        Running {
            run: Run {
                id,
                caller: Arc::clone(&self.caller),
                plan,
                state,
                client: Arc::clone(&self.client),
                journal: Arc::clone(&self.journal),
                crashes: self.crashes.clone(),
                process: self.process.clone(),
            },
        }
    }

    fn must_live(&self) -> Result<(), RunError> {
        if self.is_alive() {
            Ok(())
        } else {
            Err(RunError::Crashed)
        }
    }

    fn record_resumption(&self, running: &Running) {
        self.client.timeline().record(EventKind::WorkflowResumed {
            workflow: Arc::clone(running.run.plan.id()),
            run: Arc::clone(&running.run.id),
            status: WorkflowStatus::Running,
        });
    }

    fn lock(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn has_ended(id: &str) -> RunError {
    let message = format!("the run {id:?} has ended");
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

//! The workflow of a scenario and its runs.

mod declared;
#[cfg(feature = "control")]
mod goals;
#[cfg(feature = "sqlite")]
mod killed_process;
mod restarts;
mod results;
mod resumptions;
mod starter;
mod waits;

use std::{path::PathBuf, pin::pin, sync::Arc};

use futures::{StreamExt as _, stream::FuturesUnordered};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use self::{declared::Declared, starter::Starter};
use super::fixtures::Fixtures;
use crate::{
    domain::Locked,
    orchestration::{
        Answer, AnswerError, Crashes, Inbox, Journal, JournalError, MemoryJournal, Orchestrator,
        Outcome, RunError, RunView, SqliteJournal,
    },
    services::{Client, Faults},
};

type RunResult = Result<Outcome, RunError>;

/// The workflow of a scenario, the orchestrator that runs it, and the results of its runs.
pub struct Runs {
    client: Arc<Client>,
    journal: Arc<dyn Journal>,
    /// The journal's file, if it is kept in one; a new process opens it again.
    journal_file: Option<PathBuf>,
    crashes: Crashes,
    /// Shared with the starters, which use the one whose process lives.
    orchestrator: Arc<Locked<Orchestrator>>,
    inbox: Inbox,
    declared: Declared,
    starters: Vec<Arc<Starter>>,
    /// The runs that events have started.
    started: Arc<Locked<Vec<LastRun>>>,
    /// The runs that steps refer to.
    last: Vec<LastRun>,
    /// The run of a goal, which steps refer to in place of those.
    of_goal: Option<Arc<str>>,
    /// Whose goals go on after a restart.
    #[cfg(feature = "control")]
    coordinator: Option<Arc<crate::control::Coordinator>>,
}

struct LastRun {
    id: Option<Arc<str>>,
    progress: RunProgress,
    /// The outcome so far, where it is partially successful and goes on.
    partial: Option<Box<RunResult>>,
}

enum RunProgress {
    Ended(Box<RunResult>),
    Running(JoinHandle<RunResult>),
}

impl Runs {
    /// An orchestrator with a journal in memory, and no workflow yet.
    pub(super) fn new(client: Arc<Client>, faults: Faults, inbox: Inbox) -> Self {
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::default());
        let crashes = Crashes::new(faults);
        let orchestrator =
            Orchestrator::new(Arc::clone(&client), Arc::clone(&journal), crashes.clone())
                .with_inbox(inbox.clone());
        Self {
            orchestrator: Arc::new(Locked::new(orchestrator)),
            inbox,
            client,
            journal,
            journal_file: None,
            crashes,
            declared: Declared::default(),
            starters: Vec::new(),
            started: Arc::default(),
            last: Vec::new(),
            of_goal: None,
            #[cfg(feature = "control")]
            coordinator: None,
        }
    }

    /// Looks up workflows that steps run and that were not declared in fixtures.
    #[must_use]
    pub fn with_fixtures(self, fixtures: Fixtures) -> Self {
        self.declared.use_fixtures(fixtures);
        self
    }

    /// Lets workflows wait for events of these types.
    #[cfg(feature = "messaging")]
    pub(super) fn with_event_types(self, types: crate::messaging::EventTypes) -> Self {
        let check = move |kind: &str| types.check(kind);
        self.declared.check_events(Arc::new(check));
        self
    }

    /// Starts a run of a workflow for each event of a type that comes.
    fn start_by_events(&mut self, workflow: String, event: String) {
        self.inbox.keep(&event);
        let starter = Arc::new(Starter {
            workflow,
            event,
            declared: self.declared.clone(),
            registry: self.client.registry().clone(),
            orchestrator: Arc::clone(&self.orchestrator),
            inbox: self.inbox.clone(),
            started: Arc::clone(&self.started),
        });
        tokio::spawn(Arc::clone(&starter).serve());
        self.starters.push(starter);
    }

    /// Keeps the journal in a file, which a new process opens again.
    ///
    /// # Errors
    ///
    /// If a workflow was run already, or the file is not a journal.
    pub fn keep_journal_in(&mut self, file: PathBuf) -> Result<(), String> {
        if !self.last.is_empty() {
            return Err("the journal must be chosen before the first run".to_owned());
        }
        self.journal_file = Some(file);
        self.open_journal().map_err(|error| error.to_string())
    }

    /// Opens the journal as a new process does, with a new orchestrator.
    fn open_journal(&mut self) -> Result<(), JournalError> {
        // The file can be opened again only once the former process's journal is closed.
        self.close_journal();
        if let Some(file) = &self.journal_file {
            self.journal = Arc::new(SqliteJournal::open(file)?);
        }
        self.renew_orchestrator();
        Ok(())
    }

    /// Closes the journal's file, if it is kept in one.
    fn close_journal(&mut self) {
        if self.journal_file.is_some() {
            self.journal = Arc::new(MemoryJournal::default());
            self.renew_orchestrator();
        }
    }

    fn renew_orchestrator(&self) {
        let (client, journal) = (Arc::clone(&self.client), Arc::clone(&self.journal));
        let orchestrator = Orchestrator::new(client, journal, self.crashes.clone());
        *self.orchestrator.lock() = orchestrator.with_inbox(self.inbox.clone());
    }

    fn orchestrator(&self) -> Orchestrator {
        self.orchestrator.lock().clone()
    }

    /// This orchestrator and these workflows, for a service that coordinates some.
    #[cfg(feature = "configuration")]
    pub(super) fn engine(&self) -> crate::configuration::WorkflowEngine {
        let (found, planned) = (self.declared.clone(), self.declared.clone());
        let registry = self.client.registry().clone();
        crate::configuration::WorkflowEngine {
            orchestrator: Arc::clone(&self.orchestrator),
            find: Arc::new(move |id| found.find(id)),
            plan: Arc::new(move |workflow| planned.plan(workflow, &registry)),
        }
    }

    /// Runs the workflow `times` times concurrently, to its end or its crash.
    ///
    /// # Errors
    ///
    /// If none was declared.
    pub async fn run(&mut self, input: Value, id: Option<&str>, times: u32) -> Result<(), String> {
        let plan = self.plan()?;
        self.last.clear();
        self.of_goal = None;
        let plan = match plan {
            Ok(plan) => plan,
            Err(refused) => {
                self.last.push(LastRun::ended(None, Err(refused)));
                return Ok(());
            }
        };
        let input = Arc::new(input);
        let mut driven = FuturesUnordered::new();
        for number in 0..times as usize {
            match self.orchestrator().begin(&plan, Arc::clone(&input), id) {
                Ok(running) => {
                    let id = Some(Arc::clone(running.id()));
                    self.last.push(LastRun::ended(id, Err(RunError::Crashed)));
                    driven.push(async move { (number, running.outcome().await) });
                }
                Err(error) => self.last.push(LastRun::ended(None, Err(error))),
            }
        }
        let mut stuck = pin!(self.is_stuck());
        loop {
            tokio::select! {
                biased;
                ended = driven.next() => match ended {
                    Some((number, result)) => {
                        self.last[number].progress = RunProgress::Ended(Box::new(result));
                    }
                    None => return Ok(()),
                },
                why = &mut stuck => return Err(why),
            }
        }
    }

    /// Starts the workflow in the background.
    ///
    /// # Errors
    ///
    /// If none was declared.
    pub fn start(&mut self, input: Value) -> Result<(), String> {
        let run = self
            .plan()?
            .and_then(|plan| self.orchestrator().begin(&plan, Arc::new(input), None));
        self.last.clear();
        self.of_goal = None;
        self.last.push(match run {
            Ok(running) => LastRun::started(Arc::clone(running.id()), running.outcome()),
            Err(error) => LastRun::ended(None, Err(error)),
        });
        Ok(())
    }

    /// Waits until the started runs have ended.
    ///
    /// # Errors
    ///
    /// If nothing was started, or a run's task failed.
    pub async fn wait(&mut self) -> Result<(), String> {
        self.collect_started();
        if self.last.is_empty() {
            return Err(self.nothing_started());
        }
        let mut stuck = pin!(self.is_stuck());
        for run in &mut self.last {
            tokio::select! {
                biased;
                ended = run.end() => ended?,
                why = &mut stuck => return Err(why),
            }
        }
        Ok(())
    }

    fn nothing_started(&self) -> String {
        let mut message = "no workflow was started".to_owned();
        for starter in &self.starters {
            let Starter {
                workflow, event, ..
            } = &**starter;
            message += &format!(
                "; {workflow:?} starts with the event {event:?}, of which none was published"
            );
        }
        message
    }

    /// Adds the runs that events have started to the last ones.
    fn collect_started(&mut self) {
        self.last.append(&mut self.started.lock());
    }

    /// The state of a run, or of the last one.
    ///
    /// # Errors
    ///
    /// If nothing was run, or the journal cannot be read.
    pub fn state(&mut self, id: Option<&str>) -> Result<Option<RunView>, String> {
        let id = match id {
            Some(id) => id.into(),
            None => self.referred()?,
        };
        let state = self.orchestrator().state(&id);
        state.map_err(|error| error.to_string())
    }

    /// Takes every request for approval as approved from now on.
    pub fn disable_approvals(&self) {
        self.inbox.disable_approvals();
    }

    /// Answers the request for approval of a step of the last run, `<step>/<child's step>` in a child
    /// run.
    ///
    /// # Errors
    ///
    /// If nothing was run.
    pub fn answer(
        &mut self,
        step: &str,
        answer: Answer,
    ) -> Result<Result<(), AnswerError>, String> {
        let run = self.referred()?;
        let request = self.inbox.request_of(&run, step);
        let timeline = self.client.timeline();
        Ok(self.inbox.answer(&request, answer, timeline))
    }

    /// The run that steps about states and approvals refer to.
    fn referred(&mut self) -> Result<Arc<str>, String> {
        match self.of_goal.clone() {
            Some(run) => Ok(run),
            None => self.last_id(),
        }
    }

    fn last_id(&mut self) -> Result<Arc<str>, String> {
        self.collect_started();
        self.last
            .last()
            .and_then(|run| run.id.clone())
            .ok_or_else(|| "no workflow was run".to_owned())
    }
}

impl LastRun {
    /// Waits until it has ended.
    async fn end(&mut self) -> Result<(), String> {
        if let RunProgress::Running(task) = &mut self.progress {
            let ended = task.await.map_err(|error| error.to_string())?;
            self.progress = RunProgress::Ended(Box::new(ended));
        }
        Ok(())
    }

    /// One that goes on in the background.
    fn started(id: Arc<str>, running: impl Future<Output = RunResult> + Send + 'static) -> Self {
        Self {
            id: Some(id),
            progress: RunProgress::Running(tokio::spawn(running)),
            partial: None,
        }
    }

    fn ended(id: Option<Arc<str>>, result: RunResult) -> Self {
        Self {
            id,
            progress: RunProgress::Ended(Box::new(result)),
            partial: None,
        }
    }
}

/// The input of a run that was given none.
pub fn no_input() -> Value {
    json!({})
}

#[cfg(test)]
mod tests;

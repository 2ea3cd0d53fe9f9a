use std::sync::Arc;

use futures::{StreamExt as _, stream::FuturesOrdered};
use serde_json::Value;

use super::{
    JournalEntry, JournalError, Orchestrator, Outcome, Plan, Run, RunError,
    inbox::ReceivedEvent,
    journal::{Parties, RunStart, is_child_run},
    run::RunContext,
    shared_state::SharedState,
    state::RunState,
};
use crate::{
    domain::{Failure, WorkflowStatus, code},
    observability::EventKind,
};

impl Orchestrator {
    /// Runs a workflow to its end.
    ///
    /// # Errors
    ///
    /// See [`Orchestrator::begin`] and [`Run::outcome`].
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
    /// [`RunError::Crashed`] if the orchestrator's process is dead.
    pub fn begin(
        &self,
        plan: &Arc<Plan>,
        input: Arc<Value>,
        id: Option<&str>,
    ) -> Result<Run, RunError> {
        self.ensure_alive()?;
        let start = self.start_of(plan, input, None);
        let id: Arc<str> = match id {
            Some(id) if is_child_run(id) => {
                let message = format!("the run id {id:?} has a slash, which marks child runs");
                return Err(invalid_run(message));
            }
            Some(id) => {
                let id = id.into();
                self.process
                    .journal
                    .begin(&id, start.entry(plan))
                    .map_err(refused)?;
                id
            }
            None => self.begin_numbered(plan, &start.entry(plan))?,
        };
        Ok(self.begun(plan, start, &id, None))
    }

    /// Begins the run that an event starts, with its payload as input; `None` if it began before.
    ///
    /// Its id is `<workflow>-<the event's id>`, or `<workflow>-<source>-<id>` if an event of another
    /// source has that id.
    ///
    /// # Errors
    ///
    /// [`RunError::Refused`] with `WORKFLOW_ALREADY_EXISTS` if both ids are taken;
    /// [`RunError::Crashed`] if the orchestrator's process is dead.
    pub fn begin_for(
        &self,
        plan: &Arc<Plan>,
        event: &ReceivedEvent,
    ) -> Result<Option<Run>, RunError> {
        self.ensure_alive()?;
        let from = event.number + 1;
        let (workflow, source, id) = (plan.id(), &event.head.source, &event.head.id);
        let ids = [
            format!("{workflow}-{id}"),
            format!("{workflow}-{source}-{id}"),
        ];
        // A slash marks child runs.
        let ids = ids.map(|id| Arc::<str>::from(id.replace('/', "-")));
        for (place, id) in ids.iter().enumerate() {
            let start = self.start_of(plan, Arc::clone(&event.data), Some(from));
            match self.process.journal.begin(id, start.entry(plan)) {
                Ok(()) => return Ok(Some(self.begun(plan, start, id, None))),
                Err(JournalError::AlreadyExists(_)) if self.began_with(id, from)? => {
                    return Ok(None);
                }
                Err(JournalError::AlreadyExists(_)) if place == 0 => {}
                Err(error) => return Err(refused(error)),
            }
        }
        Ok(None)
    }

    /// Whether a run was started by the event before a number.
    fn began_with(&self, id: &str, from: u64) -> Result<bool, JournalError> {
        let entries = self.process.journal.read(id)?.unwrap_or_default();
        Ok(matches!(
            entries.first(),
            Some(JournalEntry::Started { events_from, .. }) if *events_from == from
        ))
    }

    fn begin_numbered(
        &self,
        plan: &Plan,
        started: &JournalEntry,
    ) -> Result<Arc<str>, JournalError> {
        loop {
            let id = format!("{}-{}", plan.id(), self.next_number(plan.id())).into();
            match self.process.journal.begin(&id, started.clone()) {
                Ok(()) => return Ok(id),
                // Taken before a restart, or by a caller who chose it.
                Err(JournalError::AlreadyExists(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What a run begins with, whose waits take events from a number on, or those that come from now on.
    pub(super) fn start_of(
        &self,
        plan: &Plan,
        input: Arc<Value>,
        events_from: Option<u64>,
    ) -> RunStart {
        let waits = !plan.event_types.is_empty();
        self.keep_events(plan);
        let security = self.security.clone();
        let security = security.or_else(|| self.process.client.authorisation().context());
        RunStart {
            input,
            events_from: match events_from {
                Some(from) => from,
                None if waits => self.process.inbox.next_number(),
                None => 0,
            },
            parties: Parties::of(self.own_caller().cloned(), security),
            at: self.now(),
        }
    }

    fn keep_events(&self, plan: &Plan) {
        for kind in &plan.event_types {
            self.process.inbox.keep(kind);
        }
    }

    /// A run whose first entry is written.
    pub(super) fn begun(
        &self,
        plan: &Arc<Plan>,
        start: RunStart,
        id: &Arc<str>,
        context: Option<Box<RunContext>>,
    ) -> Run {
        self.timeline().record(EventKind::WorkflowStarted {
            workflow: Arc::clone(plan.id()),
            run: Arc::clone(id),
            status: WorkflowStatus::Running,
        });
        let state = RunState::new(Arc::clone(plan), Arc::clone(id), start);
        let run = self.run_of(state, context);
        run.request_approvals();
        self.track(&run.id, &run.state);
        run
    }

    /// Resumes an interrupted or partially successful run, or the undo of a failed one.
    ///
    /// # Errors
    ///
    /// If the run is unknown, is none of those, or is a child run, which its parent resumes; or
    /// the process is dead.
    pub fn resume(&self, id: &str) -> Result<Run, RunError> {
        let state = self.load_resumable(id)?;
        let resumed = JournalEntry::Resumed {
            workflow: None,
            at: self.now(),
        };
        self.continue_run(state, None, Some(&resumed))
    }

    pub(super) fn load_resumable(&self, id: &str) -> Result<RunState, RunError> {
        self.ensure_alive()?;
        if is_child_run(id) {
            let message = format!("the run {id:?} is a child run: resume its parent");
            return Err(invalid_run(message));
        }
        let state = self.load(id)?;
        match state.status {
            status if status.can_be_resumed() || status == WorkflowStatus::Failed => Ok(state),
            status => Err(RunError::NotResumable {
                run: id.to_owned(),
                status,
            }),
        }
    }

    /// Continues a run that was loaded, after an entry that says why; a child run that a crash cut
    /// off needs none.
    pub(super) fn continue_run(
        &self,
        state: RunState,
        context: Option<Box<RunContext>>,
        entry: Option<&JournalEntry>,
    ) -> Result<Run, RunError> {
        let run = self.run_of(state, context);
        self.keep_events(&run.plan);
        if let Some(entry) = entry {
            run.commit(entry)?;
        }
        run.request_approvals();
        self.track(&run.id, &run.state);
        self.timeline().record(EventKind::WorkflowResumed {
            workflow: Arc::clone(run.plan.id()),
            run: Arc::clone(&run.id),
            status: WorkflowStatus::Running,
        });
        Ok(run)
    }

    /// Runs all unfinished runs of the journal to their end, in the order they began, except those
    /// that are active in this process.
    ///
    /// Each run is loaded only when it is its turn, so that the first continues immediately,
    /// however many there are.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read. The result of each run is in the list.
    pub async fn recover(
        &self,
    ) -> Result<Vec<(Arc<str>, Result<Outcome, RunError>)>, JournalError> {
        let unfinished = self.restart()?.into_iter();
        let recovered: FuturesOrdered<_> = unfinished
            .map(|id| async move {
                let result = self.finish(&id).await;
                (id, result)
            })
            .collect();
        Ok(recovered.collect().await)
    }

    /// Records that this process takes up the runs of the journal; returns those that are unfinished,
    /// except those that are active in it.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn restart(&self) -> Result<Vec<Arc<str>>, JournalError> {
        self.timeline().record(EventKind::OrchestratorRestarted {});
        let mut unfinished = self.process.journal.unfinished()?;
        unfinished.retain(|id| self.find(id).is_none());
        Ok(unfinished)
    }

    /// Runs an unfinished run to its end; the outcome of one that has ended is as it was.
    ///
    /// # Errors
    ///
    /// As for [`Run::outcome`], and if the run is unknown.
    pub async fn finish(&self, id: &str) -> Result<Outcome, RunError> {
        self.ensure_alive()?;
        let state = self.load(id)?;
        if state.status != WorkflowStatus::Running {
            return Ok(self.outcome_of(&state)?);
        }
        let recovered = JournalEntry::Recovered { at: self.now() };
        let run = self.continue_run(state, None, Some(&recovered))?;
        run.outcome().await
    }

    /// The outcome of a run that has ended.
    pub(super) fn outcome_of(&self, state: &RunState) -> Result<Outcome, JournalError> {
        Outcome::of(state, &|id, plan| self.load_child(id, plan))
    }

    pub(super) fn run_of(&self, state: RunState, context: Option<Box<RunContext>>) -> Run {
        // After a crash its calls are still by the same, and for the same user.
        let parties = state.parties.as_ref();
        let security = parties.and_then(|parties| parties.security.clone());
        let mut orchestrator = self.on_behalf_of(security);
        let caller = parties.and_then(|parties| parties.caller.as_ref());
        if let (Some(caller), None) = (caller, self.own_caller()) {
            orchestrator.caller = Arc::clone(caller);
        }
        Run {
            id: Arc::clone(&state.run),
            plan: Arc::clone(&state.plan),
            orchestrator,
            state: Arc::new(SharedState::new(state)),
            context,
        }
    }
}

fn invalid_run(message: String) -> RunError {
    let failure = Failure::new(code::INVALID_WORKFLOW, message).field("/run");
    RunError::Refused(Box::new(failure))
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

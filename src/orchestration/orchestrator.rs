//! Runs in this process: their states, cancelling, killing.

use std::{
    sync::{
        Arc, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use super::{
    Crashes, Journal, JournalEntry, JournalError, Run, inbox::Inbox, journal::is_child_run,
    shared_state::SharedState,
};
use crate::{
    domain::{Call, Failure, HashMap, Locked, SecurityContext, WorkflowStatus, code},
    observability::{EventKind, Timeline},
    services::Client,
};

/// Runs workflows and records them in a journal.
///
/// A handle: clones share the runs. A new one on the same journal acts as a new process: it knows
/// what was journalled, and nothing else.
#[derive(Clone)]
pub struct Orchestrator {
    pub(super) caller: Arc<str>,
    /// Who its runs are for, unless the client says it.
    pub(super) security: Option<Arc<SecurityContext>>,
    /// Behind a pointer, since each run has a handle.
    pub(super) process: Arc<Process>,
}

/// What the handles of an orchestrator share.
#[derive(Clone)]
pub(super) struct Process {
    pub client: Arc<Client>,
    pub journal: Arc<dyn Journal>,
    pub crashes: Crashes,
    pub inbox: Inbox,
    /// Signals that a run begins to wait for an event or for a time.
    pub waiting: Arc<Notify>,
    active: Arc<Locked<ActiveRuns>>,
    /// Whether it is dead.
    killed: Arc<AtomicBool>,
}

/// The runs of this process that have not ended.
#[derive(Default)]
struct ActiveRuns {
    states: HashMap<Arc<str>, Arc<SharedState>>,
    /// The last number in a generated run id, per workflow.
    numbers: HashMap<Arc<str>, u64>,
}

/// Why a run has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It was refused before any call.
    #[error("the workflow is refused: {0}")]
    Refused(#[source] Box<Failure>),
    /// It cannot be resumed.
    #[error(
        "the run {run:?} is {}: only an interrupted or partially successful run can be resumed, or a failed one, whose undo is taken up again",
        .status.as_str()
    )]
    NotResumable {
        /// The run's id.
        run: String,
        /// Its status.
        status: WorkflowStatus,
    },
    /// The orchestrator's process died.
    #[error("the orchestrator crashed")]
    Crashed,
    /// The journal failed.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Orchestrator {
    /// An orchestrator that calls through a client and records in a journal.
    pub fn new(client: Arc<Client>, journal: Arc<dyn Journal>, crashes: Crashes) -> Self {
        Self {
            caller: Call::ORCHESTRATOR.into(),
            security: None,
            process: Arc::new(Process {
                client,
                journal,
                crashes,
                inbox: Inbox::default(),
                waiting: Arc::default(),
                active: Arc::default(),
                killed: Arc::default(),
            }),
        }
    }

    /// Takes the events that its runs wait for from an inbox that outlives its process.
    #[must_use]
    pub fn with_inbox(self, inbox: Inbox) -> Self {
        let process = Process {
            inbox,
            ..Process::clone(&self.process)
        };
        Self {
            process: Arc::new(process),
            ..self
        }
    }

    /// The same orchestrator, whose calls are by somebody else.
    #[must_use]
    pub fn as_caller(&self, caller: &Arc<str>) -> Self {
        let mut other = self.clone();
        other.caller = Arc::clone(caller);
        other
    }

    /// Who makes the calls, unless the orchestrator does.
    pub(super) fn own_caller(&self) -> Option<&Arc<str>> {
        Some(&self.caller).filter(|caller| ***caller != *Call::ORCHESTRATOR)
    }

    /// The same orchestrator, whose runs are for somebody: their calls carry this context.
    #[must_use]
    pub fn on_behalf_of(&self, security: Option<Arc<SecurityContext>>) -> Self {
        let mut other = self.clone();
        other.security = security;
        other
    }

    /// Whether its process is alive, that is, has not crashed.
    pub fn is_alive(&self) -> bool {
        !self.process.killed.load(Ordering::Acquire)
    }

    /// Kills its process as a crash does: everything it is doing stops.
    pub fn kill(&self) {
        self.process.killed.store(true, Ordering::Release);
        for state in self.active().states.values() {
            state.wake();
        }
    }

    /// Checks that its process is alive.
    ///
    /// # Errors
    ///
    /// [`RunError::Crashed`] if it is dead.
    pub fn ensure_alive(&self) -> Result<(), RunError> {
        match self.is_alive() {
            true => Ok(()),
            false => Err(RunError::Crashed),
        }
    }

    /// Asks a run to stop: no new step starts, no call is retried, executions end, then it is undone.
    ///
    /// An interrupted or partially successful run is called off: it is returned, to be driven until it is undone.
    ///
    /// # Errors
    ///
    /// If the run is neither running nor one of those, or is a child run, or the process is dead.
    pub fn cancel(&self, id: &str) -> Result<Option<Run>, RunError> {
        self.ensure_alive()?;
        if let Some(state) = self.find(id) {
            return self.cancel_run(&state).map(|()| None);
        }
        let state = self.load(id)?;
        match state.status {
            WorkflowStatus::Running => Err(cannot_cancel(id, "is not running in this process")),
            status if status.can_be_resumed() && is_child_run(id) => {
                Err(cannot_cancel(id, "is a child run: cancel its parent"))
            }
            status if status.can_be_resumed() => {
                let run = self.run_of(state, None);
                self.check_undoable(&run.state)?;
                self.request_cancellation(&run.state)?;
                self.track(&run.id, &run.state);
                Ok(Some(run))
            }
            status => {
                let message = format!("has ended, {}", status.as_str());
                Err(cannot_cancel(id, &message))
            }
        }
    }

    /// Cancels an active run and its child runs.
    pub(super) fn cancel_run(&self, state: &SharedState) -> Result<(), RunError> {
        self.check_undoable(state)?;
        let (run, status, cancelled) = {
            let state = state.lock();
            (Arc::clone(&state.run), state.status, state.cancelled)
        };
        if status != WorkflowStatus::Running {
            return Err(cannot_cancel(
                &run,
                &format!("has ended, {}", status.as_str()),
            ));
        }
        if !cancelled {
            self.request_cancellation(state)?;
        }
        for child in self.running_children(state) {
            self.cancel_run(&child)?;
        }
        Ok(())
    }

    /// A run that is past its pivot, or has a child run that is, goes forward only.
    fn check_undoable(&self, state: &SharedState) -> Result<(), RunError> {
        let past = {
            let state = state.lock();
            let pivot = state.plan.pivot.filter(|_| state.is_past_pivot());
            pivot.map(|step| {
                (
                    Arc::clone(&state.run),
                    Arc::clone(&state.plan.steps[step].id),
                )
            })
        };
        if let Some((run, step)) = past {
            let why = format!("is past its pivot, step {step:?}: it can only go forward");
            return Err(cannot_cancel(&run, &why));
        }
        let mut children = self.running_children(state).into_iter();
        children.try_for_each(|child| self.check_undoable(&child))
    }

    fn request_cancellation(&self, state: &SharedState) -> Result<(), RunError> {
        let event = {
            let state = state.lock();
            EventKind::CancellationRequested {
                workflow: Arc::clone(state.plan.id()),
                run: Arc::clone(&state.run),
                status: state.status,
            }
        };
        let at = self.now();
        self.commit(state, &JournalEntry::CancellationRequested { at })?;
        self.timeline().record(event);
        Ok(())
    }

    /// Has the child runs of a run that is lost go no further; what becomes of them is up to it.
    pub(super) fn stop_children(&self, state: &SharedState) -> Result<(), RunError> {
        for child in self.running_children(state) {
            let is_lost = child.lock().is_lost();
            if !is_lost {
                let at = self.now();
                self.commit(&child, &JournalEntry::Stopped { at })?;
            }
            self.stop_children(&child)?;
        }
        Ok(())
    }

    /// The child runs that are running in this process.
    fn running_children(&self, state: &SharedState) -> Vec<Arc<SharedState>> {
        let children: Vec<Arc<str>> = {
            let state = state.lock();
            let child = |step: usize| state.steps[step].child_run.clone();
            state.running().filter_map(child).collect()
        };
        let children = children.iter().filter_map(|id| self.find(id));
        children
            .filter(|child| child.lock().status == WorkflowStatus::Running)
            .collect()
    }

    /// Writes an entry, then applies it to the state.
    pub(super) fn commit(
        &self,
        shared: &SharedState,
        entry: &JournalEntry,
    ) -> Result<(), RunError> {
        // A run on another thread may have crashed the process meanwhile.
        self.ensure_alive()?;
        // Locked throughout, so that entries are applied in the order they are written.
        let mut state = shared.lock();
        self.process.journal.append(&state.run, entry)?;
        state
            .apply(entry)
            .map_err(|why| JournalError::corrupt(&state.run, why))?;
        let may_be_lost = state.stop.is_some();
        drop(state);
        if may_be_lost {
            shared.notify_if_lost();
        }
        Ok(())
    }

    /// The state of an active run.
    pub(super) fn find(&self, id: &str) -> Option<Arc<SharedState>> {
        self.active().states.get(id).cloned()
    }

    /// Adds a run to the active ones.
    pub(super) fn track(&self, id: &Arc<str>, state: &Arc<SharedState>) {
        let (id, state) = (Arc::clone(id), Arc::clone(state));
        self.active().states.insert(id, state);
    }

    /// Drops a run that has ended: from now on it is loaded from the journal.
    pub(super) fn forget(&self, id: &str) {
        self.active().states.remove(id);
    }

    /// The next number for a generated run id.
    pub(super) fn next_number(&self, workflow: &Arc<str>) -> u64 {
        let mut active = self.active();
        let number = active.numbers.entry(Arc::clone(workflow)).or_default();
        *number += 1;
        *number
    }

    fn active(&self) -> MutexGuard<'_, ActiveRuns> {
        self.process.active.lock()
    }

    pub(super) fn timeline(&self) -> &Timeline {
        self.process.client.timeline()
    }

    pub(super) fn now(&self) -> Duration {
        self.timeline().now()
    }
}

fn cannot_cancel(id: &str, why: &str) -> RunError {
    let message = format!("the run {id:?} {why}");
    RunError::Refused(Box::new(Failure::new(code::CANCELLED, message)))
}

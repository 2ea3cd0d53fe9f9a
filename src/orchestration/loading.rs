//! Runs that are loaded from the journal.

use std::sync::Arc;

use super::{
    JournalEntry, JournalError, Orchestrator, Outcome, Plan, RunView, Workflow,
    journal::{Parties, RunStart},
    state::RunState,
};

impl Orchestrator {
    /// The state of a run, at any time and whether or not its services still exist; `None` if the
    /// id is unknown.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn state(&self, id: &str) -> Result<Option<RunView>, JournalError> {
        let view = |state: &RunState| {
            let waits = self.pauses(state)?.waits;
            Ok(RunView::of(state, self.now(), waits))
        };
        match self.find(id) {
            Some(state) => Some(view(&state.lock())).transpose(),
            None => self.try_load(id)?.as_ref().map(view).transpose(),
        }
    }

    /// The outcome so far of a run that is partially successful and goes on; `None` of any other.
    ///
    /// # Errors
    ///
    /// If a child run cannot be read.
    pub(crate) fn partial_outcome(&self, id: &str) -> Result<Option<Outcome>, JournalError> {
        let Some(state) = self.find(id) else {
            return Ok(None);
        };
        let state = state.lock();
        if !state.is_partial() {
            return Ok(None);
        }
        let mut outcome = self.outcome_of(&state)?;
        outcome.took = self.now().saturating_sub(state.started_at);
        Ok(Some(outcome))
    }

    /// Loads a run from the journal, which must know it.
    pub(super) fn load(&self, id: &str) -> Result<RunState, JournalError> {
        self.try_load(id)?
            .ok_or_else(|| JournalError::Unknown(id.to_owned()))
    }

    /// Loads a run from the journal, if it is there.
    ///
    /// Its workflow was checked when it began. A service that was removed since fails at the call,
    /// so that the effects on other services are undone.
    fn try_load(&self, id: &str) -> Result<Option<RunState>, JournalError> {
        self.replay(id, |workflow| {
            let plan =
                Plan::from_journal(workflow).map_err(|why| JournalError::corrupt(id, why))?;
            Ok(Arc::new(plan))
        })
    }

    /// Loads a child run, whose plan is part of its parent's.
    pub(super) fn load_child(
        &self,
        id: &str,
        plan: &Arc<Plan>,
    ) -> Result<Option<RunState>, JournalError> {
        self.replay(id, |_| Ok(Arc::clone(plan)))
    }

    fn replay(
        &self,
        id: &str,
        plan: impl FnOnce(Arc<Workflow>) -> Result<Arc<Plan>, JournalError>,
    ) -> Result<Option<RunState>, JournalError> {
        let Some(entries) = self.process.journal.read(id)? else {
            return Ok(None);
        };
        let mut entries = entries.into_iter();
        let Some(JournalEntry::Started {
            workflow,
            input,
            events_from,
            caller,
            security,
            at,
        }) = entries.next()
        else {
            return Err(JournalError::no_start(id));
        };
        let start = RunStart {
            input,
            events_from,
            parties: Parties::of(caller, security),
            at,
        };
        let mut state = RunState::new(plan(workflow)?, id.into(), start);
        for entry in entries {
            state
                .apply(&entry)
                .map_err(|why| JournalError::corrupt(id, why))?;
        }
        Ok(Some(state))
    }
}

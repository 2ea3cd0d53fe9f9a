use std::sync::Arc;

use super::{
    Entry, JournalError, Orchestrator, Plan, RunError, RunView, Workflow, state::RunState,
};

impl Orchestrator {
    /// The state of a run, at any time, whatever has become of its services; `None` if there never
    /// was one of this id.
    ///
    /// # Errors
    ///
    /// If the journal cannot be read.
    pub fn state(&self, id: &str) -> Result<Option<RunView>, RunError> {
        let now = self.client.timeline().now();
        if let Some(run) = self.find(id) {
            return Ok(Some(run.lock().view(now)));
        }
        Ok(self.recall(id)?.map(|state| state.view(now)))
    }

    /// Reads a run back from the journal, which must know it.
    pub(super) fn known(&self, id: &str) -> Result<RunState, RunError> {
        self.recall(id)?
            .ok_or_else(|| JournalError::Unknown(id.to_owned()).into())
    }

    /// Reads a run back from the journal, if it knows it.
    ///
    /// Its workflow was checked when it began. A service that has left since fails at the call, so
    /// that what was done with others is undone.
    fn recall(&self, id: &str) -> Result<Option<RunState>, RunError> {
        self.replay(id, |workflow| {
            let plan = Plan::recorded(workflow).map_err(|why| corrupt(id, why))?;
            Ok(Arc::new(plan))
        })
    }

    /// Reads a run back that lies within another, whose plan holds its own.
    pub(super) fn recall_inner(
        &self,
        id: &str,
        plan: &Arc<Plan>,
    ) -> Result<Option<RunState>, RunError> {
        self.replay(id, |_| Ok(Arc::clone(plan)))
    }

    fn replay(
        &self,
        id: &str,
        plan: impl FnOnce(Arc<Workflow>) -> Result<Arc<Plan>, RunError>,
    ) -> Result<Option<RunState>, RunError> {
        let Some(entries) = self.journal.read(id)? else {
            return Ok(None);
        };
        let mut entries = entries.into_iter();
        let Some(Entry::Started {
            workflow,
            input,
            at,
        }) = entries.next()
        else {
            return Err(corrupt(id, "it does not start".to_owned()));
        };
        let mut state = RunState::new(plan(workflow)?, id.into(), input, at);
        for entry in entries {
            state.apply(&entry).map_err(|why| corrupt(id, why))?;
        }
        Ok(Some(state))
    }
}

fn corrupt(id: &str, why: String) -> RunError {
    RunError::Journal(JournalError::Corrupt {
        run: id.to_owned(),
        why,
    })
}

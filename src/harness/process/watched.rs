use std::sync::Arc;

use super::{link::Link, protocol::Said};
use crate::orchestration::{
    CrashPoint, Journal, JournalEntry, JournalError, SqliteJournal, Workflow,
};

/// A journal that stands still before a step's start is written and after its end is.
pub(super) struct Watched {
    pub journal: SqliteJournal,
    pub workflow: Arc<Workflow>,
    pub link: Arc<Link>,
}

impl Watched {
    fn stop_at(&self, run: &str, point: CrashPoint, step: usize) {
        // The steps of a run within another are not those of the workflow.
        let is_inner = run.contains('/');
        if let (false, Some(step)) = (is_inner, self.workflow.steps.get(step)) {
            self.link.stop_at(&Said::Reached {
                point,
                step: step.id.clone(),
            });
        }
    }
}

impl Journal for Watched {
    fn begin(&self, run: &Arc<str>, started: JournalEntry) -> Result<(), JournalError> {
        self.journal.begin(run, started)
    }

    fn append(&self, run: &Arc<str>, entry: &JournalEntry) -> Result<(), JournalError> {
        if let JournalEntry::StepStarted { step, .. } = entry {
            self.stop_at(run, CrashPoint::Before, *step);
        }
        self.journal.append(run, entry)?;
        if let JournalEntry::StepCompleted { step, .. } | JournalEntry::StepFailed { step, .. } =
            entry
        {
            self.stop_at(run, CrashPoint::After, *step);
        }
        Ok(())
    }

    fn read(&self, run: &str) -> Result<Option<Vec<JournalEntry>>, JournalError> {
        self.journal.read(run)
    }

    fn unfinished(&self) -> Result<Vec<Arc<str>>, JournalError> {
        self.journal.unfinished()
    }
}

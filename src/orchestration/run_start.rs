use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{JournalEntry, Plan};

/// What a run begins with.
#[derive(Debug)]
pub(super) struct RunStart {
    pub input: Arc<Value>,
    /// The number of the first event that its waits may take, if it has any.
    pub events_from: Option<u64>,
    pub at: Duration,
}

impl RunStart {
    /// The first entry of the run.
    pub fn entry(&self, plan: &Plan) -> JournalEntry {
        JournalEntry::Started {
            workflow: Arc::clone(plan.workflow()),
            input: Arc::clone(&self.input),
            events_from: self.events_from,
            at: self.at,
        }
    }
}

use std::sync::Arc;

use super::{LastRun, RunProgress, declared::Declared};
use crate::{
    domain::Locked,
    orchestration::{EventOf, Inbox, Orchestrator, ReceivedEvent, RunError},
    services::Client,
};

/// Starts a run of a workflow for each event of a type, as long as the orchestrator's process lives.
pub(super) struct Starter {
    pub workflow: String,
    pub event: String,
    pub declared: Declared,
    pub client: Arc<Client>,
    pub orchestrator: Orchestrator,
    pub inbox: Inbox,
    /// The runs that were started, for those who ask.
    pub started: Arc<Locked<Vec<LastRun>>>,
}

impl Starter {
    /// Starts the runs of the events that have come already; returns the number of the next event.
    pub fn catch_up(&self) -> u64 {
        let mut from = 0;
        while let Some(event) = self.inbox.find(&self.events(), from, |_| true) {
            from = event.number + 1;
            self.start(&event);
        }
        from
    }

    /// Starts the runs of the events that come, from a number on.
    pub async fn serve(self, mut from: u64) {
        let listener = self.inbox.listen(&self.events());
        loop {
            let event = tokio::select! {
                biased;
                () = self.orchestrator.is_killed() => return,
                event = listener.first(from, |_| true) => event,
            };
            from = event.number + 1;
            self.start(&event);
        }
    }

    fn events(&self) -> EventOf {
        EventOf {
            kind: self.event.as_str().into(),
            subject: None,
        }
    }

    fn start(&self, event: &ReceivedEvent) {
        let begun = || {
            let workflow = self.declared.find(&self.workflow).ok();
            let Some(workflow) = workflow else {
                return Ok(None);
            };
            let plan = self.declared.plan(&workflow, self.client.registry())?;
            self.orchestrator.begin_for(&plan, event)
        };
        let started = match begun() {
            Ok(Some(run)) => LastRun {
                id: Some(Arc::clone(run.id())),
                progress: RunProgress::Running(tokio::spawn(run.outcome())),
            },
            Ok(None) | Err(RunError::Crashed) => return,
            Err(error) => LastRun::ended(None, Err(error)),
        };
        self.started.lock().push(started);
    }
}

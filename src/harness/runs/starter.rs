use std::sync::Arc;

use super::{LastRun, declared::Declared};
use crate::{
    domain::Locked,
    observability::EventOf,
    orchestration::{Inbox, Orchestrator, ReceivedEvent, RunError},
    services::Registry,
};

/// Starts a run of a workflow for each event of a type.
pub(super) struct Starter {
    pub workflow: String,
    pub event: String,
    pub declared: Declared,
    pub registry: Registry,
    /// Another after a restart.
    pub orchestrator: Arc<Locked<Orchestrator>>,
    pub inbox: Inbox,
    /// The runs that were started, for those who ask.
    pub started: Arc<Locked<Vec<LastRun>>>,
}

impl Starter {
    /// Starts the runs of the events that have come already and have started none.
    pub fn catch_up(&self) {
        let mut from = 0;
        while let Some(event) = self.inbox.find(&self.events(), from, |_| true) {
            from = event.number + 1;
            self.start(&event);
        }
    }

    /// Starts the runs of the events that come; those that come while no process is there are left to
    /// [`catch_up`](Self::catch_up).
    pub async fn serve(self: Arc<Self>) {
        let listener = self.inbox.listen(self.events());
        let mut from = 0;
        loop {
            let event = listener.first(from, |_| true).await;
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
        let orchestrator = self.orchestrator.lock().clone();
        let begun = || {
            let workflow = self.declared.find(&self.workflow);
            let Ok(workflow) = workflow else {
                return Ok(None);
            };
            let plan = self.declared.plan(&workflow, &self.registry)?;
            orchestrator.begin_for(&plan, event)
        };
        let started = match begun() {
            Ok(Some(run)) => LastRun::started(Arc::clone(run.id()), run.outcome()),
            Ok(None) | Err(RunError::Crashed) => return,
            Err(error) => LastRun::ended(None, Err(error)),
        };
        self.started.lock().push(started);
    }
}

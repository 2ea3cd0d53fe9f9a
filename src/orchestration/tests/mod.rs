//! What would be clumsy in Gherkin: many invalid definitions, journals, and random runs.

mod definitions;
#[cfg(feature = "sqlite")]
mod files;
mod journals;
mod processes;
#[cfg(feature = "sqlite")]
mod random_degrades;
mod random_runs;
#[cfg(feature = "sqlite")]
mod random_waits;
mod readiness;
mod restarts;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::*;
use crate::{
    clock::{Clock, virtually},
    domain::{Key, WorkflowStatus, code},
    observability::{Event, EventKind, Timeline},
    services::{Client, Effects, Faults, MockService, Registry, Response},
};

/// Everything that a run needs, with the services `A` and `B`.
struct Setup {
    timeline: Timeline,
    registry: Registry,
    faults: Faults,
    crashes: Crashes,
    journal: Arc<dyn Journal>,
    /// The folder of the journal, if it is kept in a file.
    folder: Option<tempfile::TempDir>,
}

impl Setup {
    fn new() -> Self {
        let timeline = Timeline::new(Clock::start());
        let registry = Registry::default();
        let effects = Effects::new(timeline.clone());
        registry.add(MockService::bare("A", effects.clone()));
        registry.add(MockService::bare("B", effects));
        let faults = Faults::default();
        Self {
            timeline,
            registry,
            crashes: Crashes::new(faults.clone()),
            faults,
            journal: Arc::new(MemoryJournal::default()),
            folder: None,
        }
    }

    /// The same, with a journal in a file.
    fn durable() -> Self {
        let mut setup = Self::new();
        setup.folder = Some(tempfile::tempdir().unwrap());
        setup.reopen();
        setup
    }

    /// Closes the journal and opens it again, as a new process does.
    fn reopen(&mut self) {
        if let Some(folder) = &self.folder {
            self.journal = Arc::new(MemoryJournal::default());
            let journal = SqliteJournal::open(folder.path().join("journal.db"));
            self.journal = Arc::new(journal.unwrap());
        }
    }

    fn orchestrator(&self) -> Orchestrator {
        let client = Client::new(
            self.registry.clone(),
            self.faults.clone(),
            self.timeline.clone(),
        );
        Orchestrator::new(
            Arc::new(client),
            Arc::clone(&self.journal),
            self.crashes.clone(),
        )
    }

    fn plan(&self, workflow: Value) -> Result<Arc<Plan>, Box<crate::domain::Failure>> {
        let workflow = Arc::new(serde_json::from_value(workflow).unwrap());
        let unknown = |id: &str| Err(format!("workflow {id:?} does not exist"));
        Plan::new(&workflow, &self.registry, &unknown).map(Arc::new)
    }

    /// The workflow `w` with the single step `a`.
    fn one_step(&self) -> Arc<Plan> {
        self.plan(json!({"id": "w", "steps": [step("a", &[])]}))
            .unwrap()
    }

    /// Makes the next execution of an operation of `A` fail permanently.
    fn fails_once(&self, operation: &str) {
        let fault = self.faults.declare("fails", "here");
        let failure = Response::Error("PERMANENT_ERROR".into());
        let scripted = self.registry.script("A", |script, _| {
            script.times(operation, 1, failure, fault);
        });
        scripted.unwrap();
    }

    /// Sets the latency of an operation of `A`.
    fn takes(&self, operation: &str, latency: Duration) {
        let scripted = self
            .registry
            .script("A", |script, _| script.takes(operation, latency));
        scripted.unwrap();
    }
}

fn step(id: &str, dependencies: &[&str]) -> Value {
    json!({"id": id, "service": "A", "operation": id, "dependencies": dependencies, "compensation": format!("undo-{id}")})
}

/// The first entry of a run without input.
fn started(workflow: &Arc<Workflow>) -> JournalEntry {
    JournalEntry::Started {
        events_from: 0,
        caller: None,
        security: None,
        workflow: Arc::clone(workflow),
        input: Arc::new(json!({})),
        at: Duration::ZERO,
    }
}

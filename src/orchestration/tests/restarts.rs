use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A journal that counts how often a run is loaded.
struct CountingJournal {
    journal: Arc<dyn Journal>,
    reads: AtomicUsize,
}

impl Journal for CountingJournal {
    fn begin(&self, run: &Arc<str>, started: JournalEntry) -> Result<(), JournalError> {
        self.journal.begin(run, started)
    }

    fn append(&self, run: &Arc<str>, entry: &JournalEntry) -> Result<(), JournalError> {
        self.journal.append(run, entry)
    }

    fn read(&self, run: &str) -> Result<Option<Vec<JournalEntry>>, JournalError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.journal.read(run)
    }

    fn unfinished(&self) -> Result<Vec<Arc<str>>, JournalError> {
        self.journal.unfinished()
    }
}

/// Records how many runs were loaded when it is first called.
struct ReadsAtFirstCall {
    journal: Arc<CountingJournal>,
    reads_at_first_call: AtomicUsize,
}

#[async_trait::async_trait]
impl crate::services::Service for ReadsAtFirstCall {
    fn name(&self) -> &str {
        "A"
    }

    async fn call(&self, _: &crate::domain::Call) -> crate::services::CallResult {
        let reads = self.journal.reads.load(Ordering::Relaxed);
        let first = &self.reads_at_first_call;
        let _ = first.compare_exchange(0, reads, Ordering::Relaxed, Ordering::Relaxed);
        Ok(crate::domain::Reply::new(json!({})))
    }
}

struct SharedService(Arc<ReadsAtFirstCall>);

#[async_trait::async_trait]
impl crate::services::Service for SharedService {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn call(&self, call: &crate::domain::Call) -> crate::services::CallResult {
        self.0.call(call).await
    }
}

pub(super) fn begin(setup: &Setup, run: &str, workflow: Value) {
    let workflow = Arc::new(serde_json::from_value(workflow).unwrap());
    setup
        .journal
        .begin(&run.into(), started(&workflow))
        .unwrap();
}

#[test]
fn first_run_continues_before_the_others_are_loaded() {
    virtually(async {
        let mut setup = Setup::new();
        let workflow = json!({"id": "w", "steps": [step("a", &[])]});
        for run in 0..100 {
            begin(&setup, &format!("w-{run}"), workflow.clone());
        }
        let journal = Arc::new(CountingJournal {
            journal: Arc::clone(&setup.journal),
            reads: AtomicUsize::new(0),
        });
        let witness = Arc::new(ReadsAtFirstCall {
            journal: Arc::clone(&journal),
            reads_at_first_call: AtomicUsize::new(0),
        });
        setup.registry.add(SharedService(Arc::clone(&witness)));
        setup.journal = journal;
        let orchestrator = setup.orchestrator();
        let recovered = orchestrator.recover().await.unwrap();
        assert_eq!(witness.reads_at_first_call.load(Ordering::Relaxed), 1);
        for (number, (run, result)) in recovered.iter().enumerate() {
            assert_eq!(**run, format!("w-{number}"));
            let status = result.as_ref().unwrap().status;
            assert_eq!(status, WorkflowStatus::Completed);
        }

        // Ended runs are no longer in memory, but still known.
        let state = orchestrator.state("w-99").unwrap().unwrap();
        assert_eq!(state.status, WorkflowStatus::Completed);
        let refused = orchestrator.cancel("w-99").unwrap_err().to_string();
        assert!(refused.contains("has ended"), "{refused}");
    });
}

#[test]
fn ended_runs_and_child_runs_are_not_kept_in_memory() {
    virtually(async {
        let mut setup = Setup::new();
        let fails = setup.faults.declare("fails", "here");
        let scripted = setup.registry.script("A", |script, _| {
            script.always("c", Response::Error("PERMANENT_ERROR".into()), fails);
        });
        scripted.unwrap();
        // A child that completes and is undone by its parent, and one that undoes itself.
        let done = json!({"id": "done", "steps": [step("a", &[])]});
        let failed = json!({"id": "failed", "steps": [step("b", &[]), step("c", &["b"])]});
        let workflow = json!({"id": "w", "steps": [
            {"id": "first", "workflow": done}, {"id": "second", "workflow": failed},
        ]});
        let plan = setup.plan(workflow).unwrap();
        let journal = Arc::new(CountingJournal {
            journal: Arc::clone(&setup.journal),
            reads: AtomicUsize::new(0),
        });
        setup.journal = Arc::clone(&journal) as Arc<dyn Journal>;
        setup
            .crashes
            .declare(CrashPoint::During, "second", None, "here");
        let orchestrator = setup.orchestrator();
        let crashed = orchestrator.run(&plan, Arc::new(json!({})), None).await;
        assert!(matches!(crashed, Err(RunError::Crashed)));
        let orchestrator = setup.orchestrator();
        let recovered = orchestrator.recover().await.unwrap().remove(0).1.unwrap();
        assert_eq!(recovered.status, WorkflowStatus::RolledBack);
        for run in ["w-1", "w-1/first", "w-1/second"] {
            let reads = journal.reads.load(Ordering::Relaxed);
            let state = orchestrator.state(run).unwrap().unwrap();
            assert_eq!(state.status, WorkflowStatus::RolledBack);
            assert_eq!(journal.reads.load(Ordering::Relaxed), reads + 1, "{run}");
        }
    });
}

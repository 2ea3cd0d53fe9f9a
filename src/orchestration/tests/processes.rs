use super::*;

#[test]
fn new_process_reads_and_resumes_the_runs_of_the_last() {
    virtually(async {
        let setup = Setup::new();
        setup.fails_once("b");
        let steps = [step("a", &[]), step("b", &["a"])];
        let workflow = json!({"id": "w", "onFailure": "keep", "steps": steps});
        let plan = setup.plan(workflow).unwrap();
        let input = Arc::new(json!({}));
        let first = setup.orchestrator();
        let outcome = first.run(&plan, Arc::clone(&input), None).await.unwrap();
        assert_eq!(outcome.status, WorkflowStatus::Interrupted);

        let second = setup.orchestrator();
        assert!(second.recover().await.unwrap().is_empty());
        let state = second.state("w-1").unwrap();
        assert_eq!(state, first.state("w-1").unwrap());
        assert_eq!(second.state("w-2").unwrap(), None);
        let outcome = second.resume("w-1").unwrap().outcome().await.unwrap();
        assert_eq!(outcome.status, WorkflowStatus::Completed);
        let next = second.run(&plan, input, None).await.unwrap();
        assert_eq!(&*next.run, "w-2");
    });
}

#[test]
fn ended_or_unknown_run_is_neither_cancelled_nor_resumed() {
    virtually(async {
        let setup = Setup::new();
        let plan = setup.one_step();
        let orchestrator = setup.orchestrator();
        let run = orchestrator.run(&plan, Arc::new(json!({})), None).await;
        assert_eq!(run.unwrap().status, WorkflowStatus::Completed);
        let entries = setup.journal.read("w-1").unwrap();
        for (refused, says) in [
            (orchestrator.cancel("w-1").err(), "has ended"),
            (orchestrator.cancel("w-2").err(), "does not exist"),
            (
                orchestrator.resume("w-1").err(),
                "is completed: only an interrupted or partially successful run can be resumed",
            ),
            (orchestrator.resume("w-2").err(), "does not exist"),
        ] {
            let refused = refused.unwrap().to_string();
            assert!(refused.contains(says), "{refused}");
        }
        assert_eq!(setup.journal.read("w-1").unwrap(), entries);
        let state = orchestrator.state("w-1").unwrap().unwrap();
        assert_eq!(state.status, WorkflowStatus::Completed);
    });
}

#[test]
fn killed_process_refuses_all_requests() {
    virtually(async {
        let setup = Setup::new();
        let plan = setup.one_step();
        let input = Arc::new(json!({}));
        let orchestrator = setup.orchestrator();
        setup.crashes.declare(CrashPoint::Before, "a", None, "here");
        let crashed = orchestrator.run(&plan, Arc::clone(&input), None).await;
        assert!(matches!(crashed, Err(RunError::Crashed)));
        assert!(!orchestrator.is_alive());
        for refused in [
            orchestrator.begin(&plan, input, None).err(),
            orchestrator.resume("w-1").err(),
            orchestrator.cancel("w-1").err(),
        ] {
            assert!(matches!(refused, Some(RunError::Crashed)), "{refused:?}");
        }
        let elsewhere = started(plan.workflow());
        setup.journal.begin(&"w-9".into(), elsewhere).unwrap();
        setup.timeline.take();
        let recovered = orchestrator.recover().await.unwrap();
        assert!(matches!(recovered[..], [(_, Err(RunError::Crashed))]));
        let resumed = |event: &Event| matches!(event.kind, EventKind::WorkflowResumed { .. });
        assert!(!setup.timeline.take().iter().any(resumed));
        let refused = setup.orchestrator().cancel("w-1").unwrap_err().to_string();
        assert!(
            refused.contains("is not running in this process"),
            "{refused}"
        );
        assert_eq!(setup.journal.read("w-1").unwrap().unwrap().len(), 1);
        assert!(setup.journal.read("w-2").unwrap().is_none());
    });
}

#[test]
fn recover_skips_active_runs() {
    virtually(async {
        let setup = Setup::new();
        setup.takes("a", Duration::from_millis(10));
        let plan = setup.one_step();
        let orchestrator = setup.orchestrator();
        let running = orchestrator.begin(&plan, Arc::new(json!({})), None);
        let outcome = running.unwrap().outcome();
        let (outcome, recovered) = futures::join!(outcome, orchestrator.recover());
        assert!(recovered.unwrap().is_empty());
        assert_eq!(outcome.unwrap().status, WorkflowStatus::Completed);
        let entries = setup.journal.read("w-1").unwrap().unwrap();
        assert_eq!(entries.len(), 4);
    });
}

#[test]
fn child_run_cannot_be_begun_or_resumed_without_its_parent() {
    virtually(async {
        let setup = Setup::new();
        setup.fails_once("b");
        let nested =
            json!({"id": "v", "onFailure": "keep", "steps": [step("a", &[]), step("b", &["a"])]});
        let workflow =
            json!({"id": "w", "onFailure": "keep", "steps": [{"id": "n", "workflow": nested}]});
        let plan = setup.plan(workflow).unwrap();
        let orchestrator = setup.orchestrator();
        let outcome = orchestrator.run(&plan, Arc::new(json!({})), None).await;
        assert_eq!(outcome.unwrap().status, WorkflowStatus::Interrupted);
        let state = orchestrator.state("w-1/n").unwrap().unwrap();
        assert_eq!(state.status, WorkflowStatus::Interrupted);
        let begun = orchestrator.begin(&plan, Arc::new(json!({})), Some("w-1/m"));
        let refused = begun.err().unwrap().to_string();
        assert!(refused.contains("has a slash"), "{refused}");
        let refused = orchestrator.resume("w-1/n").err().unwrap().to_string();
        assert!(refused.contains("resume its parent"), "{refused}");
        let outcome = orchestrator.resume("w-1").unwrap().outcome().await;
        assert_eq!(outcome.unwrap().status, WorkflowStatus::Completed);
        let state = orchestrator.state("w-1/n").unwrap().unwrap();
        assert_eq!(state.status, WorkflowStatus::Completed);
    });
}

#[test]
fn state_is_known_without_the_service_and_a_corrupt_journal_is_reported() {
    virtually(async {
        let setup = Setup::new();
        let plan = setup.one_step();
        let orchestrator = setup.orchestrator();
        let run = orchestrator.run(&plan, Arc::new(json!({})), None).await;
        assert_eq!(run.unwrap().status, WorkflowStatus::Completed);
        setup.registry.remove("A").unwrap();
        let state = orchestrator.state("w-1").unwrap().unwrap();
        assert_eq!(state.status, WorkflowStatus::Completed);

        let at = Duration::ZERO;
        let entry = JournalEntry::Resumed { workflow: None, at };
        setup.journal.append(&"w-1".into(), &entry).unwrap();
        setup.journal.append(&"w-1".into(), &entry).unwrap();
        let error = orchestrator.state("w-1").unwrap_err().to_string();
        assert!(error.contains("is corrupt: a run cannot go"), "{error}");
    });
}

/// A workflow whose step `n` runs another, of steps `a` and `b`.
fn nested() -> Value {
    let nested = json!({"id": "v", "steps": [step("a", &[]), step("b", &["a"])]});
    json!({"id": "w", "steps": [{"id": "n", "workflow": nested}]})
}

#[test]
fn second_cancel_of_a_recovered_run_and_its_child_writes_nothing() {
    virtually(async {
        let setup = Setup::new();
        setup.takes("a", Duration::from_millis(10));
        let plan = setup.plan(nested()).unwrap();
        setup
            .crashes
            .declare(CrashPoint::During, "n/a", None, "here");
        let first = setup.orchestrator();
        let crashed = first.run(&plan, Arc::new(json!({})), None).await;
        assert!(matches!(crashed, Err(RunError::Crashed)));
        let second = setup.orchestrator();
        let cancelled = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            second.cancel("w-1").and_then(|_| second.cancel("w-1"))
        };
        let (cancelled, recovered) = futures::join!(cancelled, second.recover());
        cancelled.unwrap();
        let outcome = recovered.unwrap().remove(0).1.unwrap();
        assert_eq!(outcome.status, WorkflowStatus::Cancelled);
        let asked =
            |entry: &&JournalEntry| matches!(entry, JournalEntry::CancellationRequested { .. });
        for run in ["w-1", "w-1/n"] {
            let state = second.state(run).unwrap().unwrap();
            assert_eq!(state.status, WorkflowStatus::Cancelled);
            let entries = setup.journal.read(run).unwrap().unwrap();
            assert_eq!(entries.iter().filter(asked).count(), 1);
        }
    });
}

#[test]
fn child_of_a_cancelled_run_makes_no_call() {
    virtually(async {
        let setup = Setup::new();
        let plan = setup.plan(nested()).unwrap();
        let (run, at): (Arc<str>, _) = ("w-1".into(), Duration::ZERO);
        setup.journal.begin(&run, started(plan.workflow())).unwrap();
        let child_run = Some("w-1/n".into());
        let step_started = JournalEntry::StepStarted {
            due: None,
            step: 0,
            child_run,
            at,
        };
        for entry in [step_started, JournalEntry::CancellationRequested { at }] {
            setup.journal.append(&run, &entry).unwrap();
        }
        let recovered = setup.orchestrator().recover().await.unwrap().remove(0).1;
        assert_eq!(recovered.unwrap().status, WorkflowStatus::Cancelled);
        let called = |event: &Event| matches!(event.kind, EventKind::CallStarted { .. });
        assert!(!setup.timeline.take().iter().any(called));
    });
}

/// Kills the orchestrator's process when it is called.
struct KillsOrchestrator(Arc<std::sync::OnceLock<Orchestrator>>);

#[async_trait::async_trait]
impl crate::services::Service for KillsOrchestrator {
    fn name(&self) -> &str {
        "A"
    }

    async fn call(&self, _: &crate::domain::Call) -> crate::services::CallResult {
        self.0.get().unwrap().kill();
        Ok(crate::domain::Reply::new(json!({})))
    }
}

#[test]
fn process_killed_during_a_call_writes_nothing_more() {
    virtually(async {
        let setup = Setup::new();
        let orchestrator = Arc::new(std::sync::OnceLock::new());
        setup
            .registry
            .add(KillsOrchestrator(Arc::clone(&orchestrator)));
        let plan = setup.one_step();
        let orchestrator = orchestrator.get_or_init(|| setup.orchestrator());
        let crashed = orchestrator.run(&plan, Arc::new(json!({})), None).await;
        assert!(matches!(crashed, Err(RunError::Crashed)));
        assert_eq!(setup.journal.read("w-1").unwrap().unwrap().len(), 2);
    });
}

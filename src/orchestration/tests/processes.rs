use super::*;

#[test]
fn a_new_process_knows_the_runs_of_the_last_and_goes_on_with_them() {
    virtually(async {
        let scene = Scene::new();
        scene.fails_once("b");
        let steps = [step("a", &[]), step("b", &["a"])];
        let workflow = json!({"id": "w", "onFailure": "keep", "steps": steps});
        let plan = scene.plan(workflow).unwrap();
        let input = Arc::new(json!({}));
        let first = scene.orchestrator();
        let outcome = first.run(&plan, Arc::clone(&input), None).await.unwrap();
        assert_eq!(outcome.status, WorkflowStatus::Interrupted);

        let second = scene.orchestrator();
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
fn only_what_is_under_way_is_cancelled_and_only_what_is_interrupted_resumes() {
    virtually(async {
        let scene = Scene::new();
        let plan = scene.one_step();
        let orchestrator = scene.orchestrator();
        let run = orchestrator.run(&plan, Arc::new(json!({})), None).await;
        assert_eq!(run.unwrap().status, WorkflowStatus::Completed);
        let entries = scene.journal.read("w-1").unwrap();
        for (refused, says) in [
            (orchestrator.cancel("w-1").err(), "has ended"),
            (orchestrator.cancel("w-2").err(), "does not exist"),
            (
                orchestrator.resume("w-1").err(),
                "is completed, not interrupted",
            ),
            (orchestrator.resume("w-2").err(), "does not exist"),
        ] {
            let refused = refused.unwrap().to_string();
            assert!(refused.contains(says), "{refused}");
        }
        assert_eq!(scene.journal.read("w-1").unwrap(), entries);
        let state = orchestrator.state("w-1").unwrap().unwrap();
        assert_eq!(state.status, WorkflowStatus::Completed);
    });
}

#[test]
fn a_lost_process_takes_no_more_orders() {
    virtually(async {
        let scene = Scene::new();
        let plan = scene.one_step();
        let input = Arc::new(json!({}));
        let orchestrator = scene.orchestrator();
        scene.crashes.declare(CrashPoint::Before, "a", "here");
        let lost = orchestrator.run(&plan, Arc::clone(&input), None).await;
        assert!(matches!(lost, Err(RunError::Crashed)));
        assert!(!orchestrator.is_alive());
        for refused in [
            orchestrator.begin(&plan, input, None).err(),
            orchestrator.resume("w-1").err(),
            orchestrator.cancel("w-1").err(),
        ] {
            assert!(matches!(refused, Some(RunError::Crashed)), "{refused:?}");
        }
        let elsewhere = started(plan.workflow());
        scene.journal.begin(&"w-9".into(), elsewhere).unwrap();
        scene.timeline.take();
        let recovered = orchestrator.recover().await.unwrap();
        assert!(matches!(recovered[..], [(_, Err(RunError::Crashed))]));
        let resumed = |event: &Event| matches!(event.kind, EventKind::WorkflowResumed { .. });
        assert!(!scene.timeline.take().iter().any(resumed));
        let refused = scene.orchestrator().cancel("w-1").unwrap_err().to_string();
        assert!(
            refused.contains("is not running in this process"),
            "{refused}"
        );
        assert_eq!(scene.journal.read("w-1").unwrap().unwrap().len(), 1);
        assert!(scene.journal.read("w-2").unwrap().is_none());
    });
}

#[test]
fn what_this_process_runs_already_is_not_recovered() {
    virtually(async {
        let scene = Scene::new();
        scene.takes("a", Duration::from_millis(10));
        let plan = scene.one_step();
        let orchestrator = scene.orchestrator();
        let running = orchestrator.begin(&plan, Arc::new(json!({})), None);
        let outcome = running.unwrap().outcome();
        let (outcome, recovered) = futures::join!(outcome, orchestrator.recover());
        assert!(recovered.unwrap().is_empty());
        assert_eq!(outcome.unwrap().status, WorkflowStatus::Completed);
        let entries = scene.journal.read("w-1").unwrap().unwrap();
        assert_eq!(entries.len(), 4);
    });
}

#[test]
fn a_run_within_another_goes_on_with_that_alone() {
    virtually(async {
        let scene = Scene::new();
        scene.fails_once("b");
        let inner =
            json!({"id": "v", "onFailure": "keep", "steps": [step("a", &[]), step("b", &["a"])]});
        let workflow =
            json!({"id": "w", "onFailure": "keep", "steps": [{"id": "n", "workflow": inner}]});
        let plan = scene.plan(workflow).unwrap();
        let orchestrator = scene.orchestrator();
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
fn the_state_of_a_run_is_known_when_its_service_is_gone_and_an_unreadable_one_is_told() {
    virtually(async {
        let scene = Scene::new();
        let plan = scene.one_step();
        let orchestrator = scene.orchestrator();
        let run = orchestrator.run(&plan, Arc::new(json!({})), None).await;
        assert_eq!(run.unwrap().status, WorkflowStatus::Completed);
        scene.registry.remove("A").unwrap();
        let state = orchestrator.state("w-1").unwrap().unwrap();
        assert_eq!(state.status, WorkflowStatus::Completed);

        let at = Duration::ZERO;
        let entry = JournalEntry::Resumed { at };
        scene.journal.append(&"w-1".into(), &entry).unwrap();
        scene.journal.append(&"w-1".into(), &entry).unwrap();
        let told = orchestrator.state("w-1").unwrap_err().to_string();
        assert!(told.contains("is corrupt: a run cannot go"), "{told}");
    });
}

/// A workflow whose step `n` runs another, of steps `a` and `b`.
fn nested() -> Value {
    let inner = json!({"id": "v", "steps": [step("a", &[]), step("b", &["a"])]});
    json!({"id": "w", "steps": [{"id": "n", "workflow": inner}]})
}

#[test]
fn a_recovered_run_is_cancelled_once_with_all_that_runs_within_it() {
    virtually(async {
        let scene = Scene::new();
        scene.takes("a", Duration::from_millis(10));
        let plan = scene.plan(nested()).unwrap();
        scene.crashes.declare(CrashPoint::During, "n/a", "here");
        let first = scene.orchestrator();
        let lost = first.run(&plan, Arc::new(json!({})), None).await;
        assert!(matches!(lost, Err(RunError::Crashed)));
        let second = scene.orchestrator();
        let cancelled = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            second.cancel("w-1").and_then(|()| second.cancel("w-1"))
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
            let entries = scene.journal.read(run).unwrap().unwrap();
            assert_eq!(entries.iter().filter(asked).count(), 1);
        }
    });
}

#[test]
fn what_a_cancelled_run_was_about_to_begin_within_it_makes_no_call() {
    virtually(async {
        let scene = Scene::new();
        let plan = scene.plan(nested()).unwrap();
        let (run, at): (Arc<str>, _) = ("w-1".into(), Duration::ZERO);
        scene.journal.begin(&run, started(plan.workflow())).unwrap();
        let child_run = Some("w-1/n".into());
        let step_started = JournalEntry::StepStarted {
            step: 0,
            child_run,
            at,
        };
        for entry in [step_started, JournalEntry::CancellationRequested { at }] {
            scene.journal.append(&run, &entry).unwrap();
        }
        let recovered = scene.orchestrator().recover().await.unwrap().remove(0).1;
        assert_eq!(recovered.unwrap().status, WorkflowStatus::Cancelled);
        let called = |event: &Event| matches!(event.kind, EventKind::CallStarted { .. });
        assert!(!scene.timeline.take().iter().any(called));
    });
}

/// Loses the orchestrator's process while it is called.
struct Deadly(Arc<std::sync::OnceLock<Orchestrator>>);

#[async_trait::async_trait]
impl crate::services::Service for Deadly {
    fn name(&self) -> &str {
        "A"
    }

    async fn call(&self, _: &crate::domain::Call) -> crate::services::CallResult {
        self.0.get().unwrap().kill();
        Ok(crate::domain::Reply::new(json!({})))
    }
}

#[test]
fn a_process_that_is_lost_elsewhere_writes_nothing_more() {
    virtually(async {
        let scene = Scene::new();
        let orchestrator = Arc::new(std::sync::OnceLock::new());
        scene.registry.add(Deadly(Arc::clone(&orchestrator)));
        let plan = scene.one_step();
        let orchestrator = orchestrator.get_or_init(|| scene.orchestrator());
        let lost = orchestrator.run(&plan, Arc::new(json!({})), None).await;
        assert!(matches!(lost, Err(RunError::Crashed)));
        assert_eq!(scene.journal.read("w-1").unwrap().unwrap().len(), 2);
    });
}

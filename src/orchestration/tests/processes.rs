use super::*;

#[test]
fn a_new_process_knows_the_runs_of_the_last_and_goes_on_with_them() {
    virtually(async {
        let scene = Scene::new();
        let fault = scene.faults.declare("fails", "here");
        let scripted = scene.registry.script("A", |script, _| {
            script.times("b", 1, Response::Error("PERMANENT_ERROR".into()), fault);
        });
        scripted.unwrap();
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
        let plan = scene
            .plan(json!({"id": "w", "steps": [step("a", &[])]}))
            .unwrap();
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
        let plan = scene
            .plan(json!({"id": "w", "steps": [step("a", &[])]}))
            .unwrap();
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
        assert_eq!(scene.journal.read("w-1").unwrap().unwrap().len(), 1);
        assert!(scene.journal.read("w-2").unwrap().is_none());
    });
}

#[test]
fn what_this_process_runs_already_is_not_recovered() {
    virtually(async {
        let scene = Scene::new();
        let scripted = scene.registry.script("A", |script, _| {
            script.takes("a", Duration::from_millis(10));
        });
        scripted.unwrap();
        let plan = scene
            .plan(json!({"id": "w", "steps": [step("a", &[])]}))
            .unwrap();
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
        let fault = scene.faults.declare("fails", "here");
        let scripted = scene.registry.script("A", |script, _| {
            script.times("b", 1, Response::Error("PERMANENT_ERROR".into()), fault);
        });
        scripted.unwrap();
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
        let refused = orchestrator.resume("w-1/n").err().unwrap().to_string();
        assert!(refused.contains("with the one around it"), "{refused}");
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
        let plan = scene
            .plan(json!({"id": "w", "steps": [step("a", &[])]}))
            .unwrap();
        let orchestrator = scene.orchestrator();
        let run = orchestrator.run(&plan, Arc::new(json!({})), None).await;
        assert_eq!(run.unwrap().status, WorkflowStatus::Completed);
        scene.registry.remove("A").unwrap();
        let state = orchestrator.state("w-1").unwrap().unwrap();
        assert_eq!(state.status, WorkflowStatus::Completed);

        let at = Duration::ZERO;
        let entry = Entry::Resumed { at };
        scene.journal.append(&"w-1".into(), &entry).unwrap();
        scene.journal.append(&"w-1".into(), &entry).unwrap();
        let told = orchestrator.state("w-1").unwrap_err().to_string();
        assert!(told.contains("is corrupt: a run cannot go"), "{told}");
    });
}

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
        assert_eq!(second.state("w-1"), first.state("w-1"));
        assert_eq!(second.state("w-2"), None);
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
        let state = orchestrator.state("w-1").unwrap();
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

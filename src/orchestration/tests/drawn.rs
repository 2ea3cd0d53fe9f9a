use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
struct Drawn {
    /// Per step: which earlier steps it waits for (as bits), latency, and whether it fails.
    steps: Vec<(u8, u64, bool)>,
    max_parallel: usize,
    crashes: Vec<(usize, usize)>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let steps = prop::collection::vec((any::<u8>(), 0..50_u64, prop::bool::weighted(0.15)), 1..7);
    let crashes = prop::collection::vec((0..4_usize, 0..7_usize), 0..4);
    (steps, 1..4_usize, crashes).prop_map(|(steps, max_parallel, crashes)| Drawn {
        steps,
        max_parallel,
        crashes,
    })
}

/// Runs what was drawn, restarting after every crash; gives the last status and all events.
fn rehearse(drawn: &Drawn, durable: bool) -> (WorkflowStatus, Vec<Event>) {
    const POINTS: [CrashPoint; 4] = [
        CrashPoint::Before,
        CrashPoint::During,
        CrashPoint::After,
        CrashPoint::DuringCompensation,
    ];
    virtually(async {
        let mut scene = if durable {
            Scene::durable()
        } else {
            Scene::new()
        };
        let mut steps = Vec::new();
        for (index, (waits_for, latency, fails)) in drawn.steps.iter().enumerate() {
            let id = format!("s{index}");
            let before: Vec<String> = (0..index)
                .filter(|before| waits_for >> before & 1 == 1)
                .map(|before| format!("s{before}"))
                .collect();
            let before: Vec<&str> = before.iter().map(String::as_str).collect();
            steps.push(step(&id, &before));
            let scripted = scene.registry.script("A", |script, _| {
                script.takes(&id, Duration::from_millis(*latency));
                if *fails {
                    let fault = scene.faults.declare("fails", "here");
                    script.always(&id, Response::Error("PERMANENT_ERROR".into()), fault);
                }
            });
            scripted.unwrap();
        }
        for (point, index) in &drawn.crashes {
            scene
                .crashes
                .declare(POINTS[*point], &format!("s{index}"), "here");
        }
        let workflow = json!({"id": "w", "maxParallel": drawn.max_parallel, "steps": steps});
        let plan = scene.plan(workflow).unwrap();
        let mut result = scene
            .orchestrator()
            .run(&plan, Arc::new(json!({})), None)
            .await;
        while matches!(result, Err(RunError::Crashed)) {
            scene.reopen();
            let mut recovered = scene.orchestrator().recover().await.unwrap();
            assert_eq!(recovered.len(), 1);
            result = recovered.remove(0).1;
        }
        (result.unwrap().status, scene.timeline.take())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_crashes_every_effect_happens_once_or_is_undone(drawn in drawn()) {
        let (status, events) = rehearse(&drawn, false);
        let mut keys: Vec<&Key> = Vec::new();
        for event in &events {
            if let EventKind::Effect { key, .. } = &event.kind {
                prop_assert!(!keys.contains(&key), "{key} happens twice");
                keys.push(key);
            }
        }
        let done = keys.iter().filter(|key| matches!(key, Key::Do(_))).count();
        let any_fails = drawn.steps.iter().any(|(_, _, fails)| *fails);
        if any_fails {
            prop_assert_eq!(status, WorkflowStatus::RolledBack);
            prop_assert_eq!(keys.len(), 2 * done, "all that was done is undone");
        } else {
            prop_assert_eq!(status, WorkflowStatus::Completed);
            prop_assert_eq!(done, drawn.steps.len());
            prop_assert_eq!(keys.len(), done);
        }
    }

    #[test]
    fn the_same_run_gives_the_same_timeline_in_memory_and_on_disk(drawn in drawn()) {
        prop_assert_eq!(rehearse(&drawn, false), rehearse(&drawn, true));
    }
}

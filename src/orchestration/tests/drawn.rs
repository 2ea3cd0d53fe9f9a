use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
struct Drawn {
    /// Per step: which earlier steps it waits for (as bits), latency, whether it fails, and whether
    /// it runs a workflow of two steps, of which the second fails.
    steps: Vec<(u8, u64, bool, bool)>,
    max_parallel: usize,
    /// Point, step, and whether it is one within the step's workflow.
    crashes: Vec<(usize, usize, bool)>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let fails = prop::bool::weighted(0.15);
    let step = (any::<u8>(), 0..50_u64, fails, prop::bool::weighted(0.3));
    let steps = prop::collection::vec(step, 1..7);
    let crash = (0..CrashPoint::ALL.len(), 0..7_usize, any::<bool>());
    let crashes = prop::collection::vec(crash, 0..4);
    (steps, 1..4_usize, crashes).prop_map(|(steps, max_parallel, crashes)| Drawn {
        steps,
        max_parallel,
        crashes,
    })
}

/// Runs what was drawn, restarting after every crash; gives the last status and all events.
fn rehearse(drawn: &Drawn, durable: bool) -> (WorkflowStatus, Vec<Event>) {
    virtually(async {
        let mut scene = if durable {
            Scene::durable()
        } else {
            Scene::new()
        };
        let mut steps = Vec::new();
        for (index, (waits_for, latency, fails, nests)) in drawn.steps.iter().enumerate() {
            let id = format!("s{index}");
            let before: Vec<String> = (0..index)
                .filter(|before| waits_for >> before & 1 == 1)
                .map(|before| format!("s{before}"))
                .collect();
            let before: Vec<&str> = before.iter().map(String::as_str).collect();
            let (inner, failing) = (format!("t{index}"), if *nests { "t" } else { "s" });
            steps.push(match nests {
                true => json!({"id": id, "dependencies": before, "workflow": {
                    "id": format!("n{index}"), "steps": [step(&id, &[]), step(&inner, &[&id])],
                }}),
                false => step(&id, &before),
            });
            let scripted = scene.registry.script("A", |script, _| {
                script.takes(&id, Duration::from_millis(*latency));
                if *fails {
                    let fault = scene.faults.declare("fails", "here");
                    let failing = format!("{failing}{index}");
                    script.always(&failing, Response::Error("PERMANENT_ERROR".into()), fault);
                }
            });
            scripted.unwrap();
        }
        for (point, index, within) in &drawn.crashes {
            let step = match within {
                true => format!("s{index}/t{index}"),
                false => format!("s{index}"),
            };
            scene
                .crashes
                .declare(CrashPoint::ALL[*point], &step, "here");
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
        let any_fails = drawn.steps.iter().any(|(_, _, fails, _)| *fails);
        let within = drawn.steps.iter().filter(|(_, _, _, nests)| *nests).count();
        if any_fails {
            prop_assert_eq!(status, WorkflowStatus::RolledBack);
            prop_assert_eq!(keys.len(), 2 * done, "all that was done is undone");
        } else {
            prop_assert_eq!(status, WorkflowStatus::Completed);
            prop_assert_eq!(done, drawn.steps.len() + within);
            prop_assert_eq!(keys.len(), done);
        }
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn the_same_run_gives_the_same_timeline_in_memory_and_on_disk(drawn in drawn()) {
        prop_assert_eq!(rehearse(&drawn, false), rehearse(&drawn, true));
    }
}

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
struct CrashCase {
    /// Per step: the earlier steps it waits for (as bits), latency, whether it fails, and whether
    /// it runs a workflow of two steps, of which the second fails instead.
    steps: Vec<(u8, u64, bool, bool)>,
    max_parallel: usize,
    /// Point, step, and whether it is in the step's child run.
    crashes: Vec<(usize, usize, bool)>,
}

fn crash_case() -> impl Strategy<Value = CrashCase> {
    let fails = prop::bool::weighted(0.15);
    let step = (any::<u8>(), 0..50_u64, fails, prop::bool::weighted(0.3));
    let steps = prop::collection::vec(step, 1..7);
    let crash = (0..CrashPoint::ALL.len(), 0..7_usize, any::<bool>());
    let crashes = prop::collection::vec(crash, 0..4);
    (steps, 1..4_usize, crashes).prop_map(|(steps, max_parallel, crashes)| CrashCase {
        steps,
        max_parallel,
        crashes,
    })
}

/// Runs a case, restarting after every crash; returns the last status and all events.
fn rehearse(case: &CrashCase, durable: bool) -> (WorkflowStatus, Vec<Event>) {
    virtually(async {
        let mut setup = if durable {
            Setup::durable()
        } else {
            Setup::new()
        };
        let mut steps = Vec::new();
        for (index, (waits_for, latency, fails, nests)) in case.steps.iter().enumerate() {
            let id = format!("s{index}");
            let before: Vec<String> = (0..index)
                .filter(|before| waits_for >> before & 1 == 1)
                .map(|before| format!("s{before}"))
                .collect();
            let before: Vec<&str> = before.iter().map(String::as_str).collect();
            let (second, failing) = (format!("t{index}"), if *nests { "t" } else { "s" });
            steps.push(match nests {
                true => json!({"id": id, "dependencies": before, "workflow": {
                    "id": format!("n{index}"), "steps": [step(&id, &[]), step(&second, &[&id])],
                }}),
                false => step(&id, &before),
            });
            let scripted = setup.registry.script("A", |script, _| {
                script.takes(&id, Duration::from_millis(*latency));
                if *fails {
                    let fault = setup.faults.declare("fails", "here");
                    let failing = format!("{failing}{index}");
                    script.always(&failing, Response::Error("PERMANENT_ERROR".into()), fault);
                }
            });
            scripted.unwrap();
        }
        for (point, index, in_child) in &case.crashes {
            let step = match in_child {
                true => format!("s{index}/t{index}"),
                false => format!("s{index}"),
            };
            setup
                .crashes
                .declare(CrashPoint::ALL[*point], &step, None, "here");
        }
        let workflow = json!({"id": "w", "maxParallel": case.max_parallel, "steps": steps});
        let plan = setup.plan(workflow).unwrap();
        let mut result = setup
            .orchestrator()
            .run(&plan, Arc::new(json!({})), None)
            .await;
        while matches!(result, Err(RunError::Crashed)) {
            setup.reopen();
            let mut recovered = setup.orchestrator().recover().await.unwrap();
            assert_eq!(recovered.len(), 1);
            result = recovered.remove(0).1;
        }
        (result.unwrap().status, setup.timeline.take())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn with_random_crashes_every_effect_happens_once_or_is_undone(case in crash_case()) {
        let (status, events) = rehearse(&case, false);
        let mut keys: Vec<&Key> = Vec::new();
        for event in &events {
            if let EventKind::Effect { key, .. } = &event.kind {
                prop_assert!(!keys.contains(&key), "{key} happens twice");
                keys.push(key);
            }
        }
        let done = keys.iter().filter(|key| matches!(key, Key::Do(_))).count();
        let any_fails = case.steps.iter().any(|(_, _, fails, _)| *fails);
        let nested = case.steps.iter().filter(|(_, _, _, nests)| *nests).count();
        if any_fails {
            prop_assert_eq!(status, WorkflowStatus::RolledBack);
            prop_assert_eq!(keys.len(), 2 * done, "every effect is undone");
        } else {
            prop_assert_eq!(status, WorkflowStatus::Completed);
            prop_assert_eq!(done, case.steps.len() + nested);
            prop_assert_eq!(keys.len(), done);
        }
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn random_run_has_the_same_timeline_with_memory_and_sqlite_journal(case in crash_case()) {
        prop_assert_eq!(rehearse(&case, false), rehearse(&case, true));
    }
}

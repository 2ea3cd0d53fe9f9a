//! Drawn graphs whose steps fail some times, with losses of the process at drawn times.

use proptest::prelude::*;

use super::*;
use crate::domain::StepStatus;

const RUN: &str = "w-1";
const SCHEDULE: [u64; 3] = [60, 300, 900];

#[derive(Clone, Debug)]
struct DegradeCase {
    /// Per step: the earlier steps it depends on (as bits), how often it fails, whether for good, and whether
    /// it is in a workflow of its own.
    steps: Vec<(u8, u32, bool, bool)>,
    max_parallel: usize,
    /// Point and step.
    crashes: Vec<(usize, usize)>,
    /// In seconds, when the process is lost, and for how long.
    losses: Vec<(u64, u64)>,
    cancelled_at: Option<u64>,
    /// In seconds, when the service goes down, and for how long.
    down: Option<(u64, u64)>,
}

fn degrade_case() -> impl Strategy<Value = DegradeCase> {
    let fails = prop_oneof![3 => Just(0), 3 => 1..4_u32, 1 => Just(4_u32)];
    let step = (
        any::<u8>(),
        fails,
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.2),
    );
    let crash = (0..CrashPoint::ALL.len(), 0..6_usize);
    (
        prop::collection::vec(step, 1..6),
        1..4_usize,
        prop::collection::vec(crash, 0..3),
        prop::collection::vec((1..1000_u64, 0..400_u64), 0..3),
        prop::option::weighted(0.2, 1..1000_u64),
        prop::option::weighted(0.4, (0..400_u64, 1..400_u64)),
    )
        .prop_map(
            |(steps, max_parallel, crashes, losses, cancelled_at, down)| DegradeCase {
                steps,
                max_parallel,
                crashes,
                losses,
                cancelled_at,
                down,
            },
        )
}

#[derive(Debug, PartialEq)]
struct Ended {
    outcome: Outcome,
    events: Vec<Event>,
    journal: Vec<JournalEntry>,
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn definition(case: &DegradeCase) -> Value {
    let steps = case.steps.iter().enumerate();
    let steps = steps.map(|(index, (depends_on, _, _, nests))| {
        let id = format!("s{index}");
        let before = (0..index).filter(|before| depends_on >> before & 1 == 1);
        let before: Vec<String> = before.map(|before| format!("s{before}")).collect();
        let mut step = step(&id, &[]);
        if *nests {
            step = json!({"id": id, "workflow": {"id": format!("n{index}"), "steps": [step]}});
        }
        step["dependencies"] = json!(before);
        step
    });
    json!({"id": "w", "onFailure": "degrade", "maxParallel": case.max_parallel, "steps": steps.collect::<Vec<_>>()})
}

fn rehearse(case: &DegradeCase, durable: bool) -> Ended {
    virtually(async {
        let mut setup = if durable {
            Setup::durable()
        } else {
            Setup::new()
        };
        for (index, (_, fails, for_good, _)) in case.steps.iter().enumerate() {
            let fault = setup.faults.declare("fails", "here");
            let code = if *for_good {
                "PERMANENT_ERROR"
            } else {
                "SERVICE_UNAVAILABLE"
            };
            let failure = Response::Error(code.into());
            let scripted = setup
                .registry
                .script("A", |script, _| match (for_good, fails) {
                    (false, 0) => {}
                    (false, fails) => script.times(&format!("s{index}"), *fails, failure, fault),
                    (true, _) => drop(script.always(&format!("s{index}"), failure, fault)),
                });
            scripted.unwrap();
        }
        for (point, index) in &case.crashes {
            let nests = case.steps.get(*index).is_some_and(|(.., nests)| *nests);
            let step = if nests {
                format!("s{index}/s{index}")
            } else {
                format!("s{index}")
            };
            setup
                .crashes
                .declare(CrashPoint::ALL[*point], &step, None, "here");
        }
        let clock = setup.timeline.clock();
        if let Some((at, time)) = case.down {
            let (registry, clock, faults) = (setup.registry.clone(), clock, setup.faults.clone());
            tokio::spawn(async move {
                clock.sleep_until(s(at)).await;
                let fault = faults.declare("down", "here");
                registry
                    .script("A", |script, _| script.take_down(None, fault))
                    .unwrap();
                clock.sleep(s(time)).await;
                registry
                    .script("A", |script, _| script.bring_back())
                    .unwrap();
            });
        }
        let plan = setup.plan(definition(case)).unwrap();
        let mut losses = case.losses.clone();
        losses.sort_unstable();
        let mut cancelled_at = case.cancelled_at;
        let mut begun = false;
        let outcome = loop {
            let orchestrator = setup.orchestrator();
            let mut running: std::pin::Pin<Box<dyn Future<Output = Result<Outcome, RunError>>>> =
                match std::mem::replace(&mut begun, true) {
                    false => Box::pin(orchestrator.run(&plan, Arc::new(json!({})), None)),
                    true => Box::pin(async { orchestrator.recover().await.unwrap().remove(0).1 }),
                };
            losses.retain(|(at, _)| s(*at) > clock.now());
            let mut lost_at = losses.first().map(|(at, _)| s(*at));
            let ended = loop {
                tokio::select! {
                    biased;
                    ended = &mut running => break ended,
                    () = clock.sleep_until(lost_at.unwrap_or_default()), if lost_at.is_some() => {
                        lost_at = None;
                        orchestrator.kill();
                    }
                    () = clock.sleep_until(s(cancelled_at.unwrap_or_default())), if cancelled_at.is_some() => {
                        cancelled_at = None;
                        let result = orchestrator.cancel(RUN);
                        assert!(matches!(result, Ok(_) | Err(RunError::Crashed)));
                    }
                }
            };
            drop(running);
            drop(orchestrator);
            match ended {
                Ok(outcome) => break outcome,
                Err(RunError::Crashed) => {}
                Err(other) => panic!("{other}"),
            }
            if let Some((_, time)) = losses.first().filter(|(at, _)| s(*at) == clock.now()) {
                clock.sleep(s(*time)).await;
            }
            setup.reopen();
        };
        let journal = setup.journal.read(RUN).unwrap().unwrap();
        let events = setup.timeline.take();
        Ended {
            outcome,
            events,
            journal,
        }
    })
}

/// When each step failed, when it was to be resumed, and when it started again.
fn check(case: &DegradeCase, ended: &Ended) -> Result<(), TestCaseError> {
    let mut keys: Vec<&Key> = Vec::new();
    for event in &ended.events {
        if let EventKind::Effect { key, .. } = &event.kind {
            prop_assert!(!keys.contains(&key), "{key} happens twice");
            keys.push(key);
        }
    }
    let done = keys.iter().filter(|key| matches!(key, Key::Do(_))).count();
    let status = |index: usize| ended.outcome.steps[index].status;
    for (index, (depends_on, ..)) in case.steps.iter().enumerate() {
        let mut before = (0..index).filter(|before| depends_on >> before & 1 == 1);
        match (ended.outcome.status, status(index)) {
            (WorkflowStatus::Completed, own) => prop_assert_eq!(own, StepStatus::Completed),
            (WorkflowStatus::PartiallySuccessful, StepStatus::Completed) => {
                prop_assert!(before.all(|before| status(before) == StepStatus::Completed));
            }
            (WorkflowStatus::PartiallySuccessful, StepStatus::Failed) => {
                prop_assert_eq!(ended.outcome.steps[index].resumes_at, None);
            }
            (WorkflowStatus::PartiallySuccessful, StepStatus::Deferred) => {
                prop_assert!(before.any(|before| status(before) != StepStatus::Completed));
            }
            (WorkflowStatus::Cancelled, _) => prop_assert_eq!(keys.len(), 2 * done),
            other => prop_assert!(false, "{other:?}"),
        }
    }
    let mut failed: Vec<Option<(Duration, Option<Duration>)>> = vec![None; case.steps.len()];
    for entry in &ended.journal {
        match entry {
            JournalEntry::StepFailed {
                step,
                resumes_at,
                at,
                ..
            } => {
                let first = failed[*step].map_or(*at, |(first, _)| first);
                let times = SCHEDULE.map(|after| first + s(after));
                if let Some(next) = resumes_at {
                    prop_assert!(times.contains(next), "s{step} is resumed at {next:?}");
                    prop_assert!(
                        times.iter().all(|time| time <= at || time >= next),
                        "one is left out"
                    );
                }
                failed[*step] = Some((first, *resumes_at));
            }
            JournalEntry::StepStarted { step, at, .. } => {
                if let Some((_, next)) = failed[*step] {
                    let is_down_then = case.down.is_some();
                    prop_assert!(
                        is_down_then || next.is_some_and(|next| next <= *at),
                        "s{step} is resumed too early"
                    );
                }
            }
            JournalEntry::StepCompleted { step, .. } => failed[*step] = None,
            _ => {}
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn with_random_failures_and_losses_the_schedule_is_neither_renewed_nor_repeated(case in degrade_case()) {
        check(&case, &rehearse(&case, false))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn resumptions_are_the_same_in_a_file_as_in_memory(case in degrade_case()) {
        prop_assert_eq!(rehearse(&case, false), rehearse(&case, true));
    }
}

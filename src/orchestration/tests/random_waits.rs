//! Drawn graphs of calls and waits, with events, crashes, losses of the process and cancellations at
//! drawn times.

use std::pin::Pin;

use proptest::prelude::*;

use self::checks::check;
use super::*;
use crate::{observability::EventHead, orchestration::inbox::Inbox};

mod checks;

const RUN: &str = "w-1";

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[derive(Clone, Debug)]
enum Does {
    Call { latency: u64, fails: bool },
    WaitFor(u64),
    WaitForEvent { timeout: u64 },
}

#[derive(Clone, Debug)]
struct WaitCase {
    /// Per step: the earlier steps it depends on (as bits), what it does, and whether it is in a workflow
    /// of its own.
    steps: Vec<(u8, Does, bool)>,
    pivot: Option<usize>,
    max_parallel: usize,
    /// When events come, and their ids; one that comes again is the same.
    events: Vec<(u64, u8)>,
    /// Point and step.
    crashes: Vec<(usize, usize)>,
    /// When the process is lost, and for how long.
    losses: Vec<(u64, u64)>,
    cancelled_at: Option<u64>,
}

/// All times are multiples of ten, so that many things happen at once.
fn tens(range: std::ops::Range<u64>) -> impl Strategy<Value = u64> {
    range.prop_map(|time| time * 10)
}

/// Between two tens, where nothing else happens.
fn between(range: std::ops::Range<u64>) -> impl Strategy<Value = u64> {
    tens(range).prop_map(|time| time + 5)
}

fn wait_case() -> impl Strategy<Value = WaitCase> {
    let call = (tens(0..4), prop::bool::weighted(0.1));
    let does = prop_oneof![
        call.prop_map(|(latency, fails)| Does::Call { latency, fails }),
        tens(1..12).prop_map(Does::WaitFor),
        tens(1..12).prop_map(|timeout| Does::WaitForEvent { timeout }),
    ];
    let step = (any::<u8>(), does, prop::bool::weighted(0.2));
    let crash = (0..CrashPoint::ALL.len(), 0..6_usize);
    (
        prop::collection::vec(step, 1..6),
        prop::option::weighted(0.3, 0..6_usize),
        1..4_usize,
        prop::collection::vec((tens(0..20), 0..6_u8), 0..8),
        prop::collection::vec(crash, 0..3),
        prop::collection::vec((between(0..25), tens(0..10)), 0..3),
        prop::option::weighted(0.2, between(0..25)),
    )
        .prop_map(
            |(steps, pivot, max_parallel, events, crashes, losses, cancelled_at)| WaitCase {
                pivot: pivot.filter(|pivot| *pivot < steps.len()),
                steps,
                max_parallel,
                events,
                crashes,
                losses,
                cancelled_at,
            },
        )
}

/// What is known of a run at its end.
#[derive(Debug, PartialEq)]
struct Ended {
    status: WorkflowStatus,
    events: Vec<Event>,
    /// What each journal of the run and its child runs holds.
    journals: Vec<Vec<JournalEntry>>,
    /// When no process was there.
    away: Vec<(Duration, Duration)>,
}

fn definition(case: &WaitCase) -> Value {
    let mut steps = Vec::new();
    for (index, (depends_on, does, nests)) in case.steps.iter().enumerate() {
        let id = format!("s{index}");
        let before: Vec<String> = (0..index)
            .filter(|before| depends_on >> before & 1 == 1)
            .map(|before| format!("s{before}"))
            .collect();
        let mut step = match does {
            Does::Call { .. } => step(&id, &[]),
            Does::WaitFor(time) => json!({"id": id, "wait": format!("{time}ms")}),
            Does::WaitForEvent { timeout } => {
                json!({"id": id, "wait": {"event": "E", "timeout": format!("{timeout}ms")}})
            }
        };
        if case.pivot == Some(index) {
            step["pivot"] = true.into();
        }
        if *nests {
            step = json!({"id": id, "workflow": {"id": format!("n{index}"), "steps": [step]}});
        }
        step["dependencies"] = json!(before);
        steps.push(step);
    }
    json!({"id": "w", "maxParallel": case.max_parallel, "steps": steps})
}

fn rehearse(case: &WaitCase, durable: bool) -> Ended {
    virtually(async {
        let mut setup = match durable {
            true => Setup::durable(),
            false => Setup::new(),
        };
        for (index, (_, does, _)) in case.steps.iter().enumerate() {
            if let Does::Call { latency, fails } = does {
                let id = format!("s{index}");
                setup.takes(&id, ms(*latency));
                if *fails {
                    let fault = setup.faults.declare("fails", "here");
                    let failure = Response::Error("PERMANENT_ERROR".into());
                    let scripted = setup.registry.script("A", |script, _| {
                        script.always(&id, failure, fault);
                    });
                    scripted.unwrap();
                }
            }
        }
        for (point, index) in &case.crashes {
            let nests = case.steps.get(*index).is_some_and(|(_, _, nests)| *nests);
            let step = match nests {
                true => format!("s{index}/s{index}"),
                false => format!("s{index}"),
            };
            let point = CrashPoint::ALL[*point];
            setup.crashes.declare(point, &step, None, "here");
        }
        let inbox = Inbox::default();
        let mut published = case.events.clone();
        published.sort_by_key(|(at, _)| *at);
        let publisher = {
            let (inbox, clock) = (inbox.clone(), setup.timeline.clock());
            async move {
                for (at, id) in published {
                    clock.sleep_until(ms(at)).await;
                    let head = EventHead {
                        kind: "E".into(),
                        source: "/test".into(),
                        id: id.to_string().into(),
                        subject: None,
                    };
                    inbox.receive(&Arc::new(head), || json!({"id": id}), clock.now());
                }
            }
        };
        tokio::spawn(publisher);
        let plan = setup.plan(definition(case)).unwrap();
        let mut losses = case.losses.clone();
        losses.sort_unstable();
        let mut cancelled_at = case.cancelled_at;
        let mut away = Vec::new();
        let mut begun = false;
        let clock = setup.timeline.clock();
        let status = loop {
            let orchestrator = setup.orchestrator().with_inbox(inbox.clone());
            let mut running: Pin<Box<dyn Future<Output = Result<Outcome, RunError>>>> =
                match std::mem::replace(&mut begun, true) {
                    false => Box::pin(orchestrator.run(&plan, Arc::new(json!({})), None)),
                    true => Box::pin(async { orchestrator.recover().await.unwrap().remove(0).1 }),
                };
            losses.retain(|(at, _)| ms(*at) > clock.now());
            let mut lost_at = losses.first().map(|(at, _)| ms(*at));
            let ended = loop {
                tokio::select! {
                    biased;
                    ended = &mut running => break ended,
                    () = clock.sleep_until(lost_at.unwrap_or_default()), if lost_at.is_some() => {
                        lost_at = None;
                        orchestrator.kill();
                    }
                    () = clock.sleep_until(ms(cancelled_at.unwrap_or_default())), if cancelled_at.is_some() => {
                        cancelled_at = None;
                        if let Err(refused) = orchestrator.cancel(RUN) {
                            assert!(refused.to_string().contains("past its pivot"), "{refused}");
                        }
                    }
                }
            };
            drop(running);
            drop(orchestrator);
            match ended {
                Ok(outcome) => break outcome.status,
                Err(RunError::Crashed) => {}
                Err(other) => panic!("{other}"),
            }
            if let Some((_, time)) = losses.first().filter(|(at, _)| ms(*at) == clock.now()) {
                let from = clock.now();
                clock.sleep(ms(*time)).await;
                away.push((from, clock.now()));
            }
            setup.reopen();
        };
        let runs = (0..case.steps.len()).map(|step| format!("{RUN}/s{step}"));
        let runs = [RUN.to_owned()].into_iter().chain(runs);
        let journals = runs.map(|run| setup.journal.read(&run).unwrap().unwrap_or_default());
        Ended {
            status,
            journals: journals.collect(),
            events: setup.timeline.take(),
            away,
        }
    })
}

#[test]
fn event_at_the_instant_of_the_time_out_and_of_a_restart_is_in_time() {
    let during = CrashPoint::ALL
        .iter()
        .position(|point| *point == CrashPoint::During);
    let call = Does::Call {
        latency: 10,
        fails: false,
    };
    let case = WaitCase {
        steps: vec![
            (0, Does::WaitForEvent { timeout: 10 }, false),
            (0, call, false),
        ],
        pivot: None,
        max_parallel: 1,
        events: vec![(10, 0)],
        crashes: vec![(during.unwrap(), 1)],
        losses: Vec::new(),
        cancelled_at: None,
    };
    let ended = rehearse(&case, false);
    check(&case, &ended).unwrap();
    assert_eq!(ended.status, WorkflowStatus::Completed);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn with_random_waits_events_and_losses_nothing_is_doubled_lost_or_late(case in wait_case()) {
        check(&case, &rehearse(&case, false))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn waits_are_the_same_in_a_file_as_in_memory(case in wait_case()) {
        prop_assert_eq!(rehearse(&case, false), rehearse(&case, true));
    }
}

//! Drawn graphs of calls and waits, with events, crashes, losses of the process and cancellations at
//! drawn times.

use std::{collections::BTreeSet, pin::Pin};

use proptest::prelude::*;

use super::*;
use crate::orchestration::inbox::{Inbox, ReceivedEvent};

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
                    inbox.receive(
                        "E",
                        ReceivedEvent {
                            number: 0,
                            source: "/test".into(),
                            id: id.to_string().into(),
                            subject: None,
                            data: Arc::new(json!({"id": id})),
                            at: clock.now(),
                        },
                    );
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

/// When each wait began first, when it was to end, when it ended, and how; by its run and step.
fn waits(events: &[Event]) -> Vec<(String, Duration, Duration, String)> {
    let mut until = std::collections::HashMap::new();
    let mut found = Vec::new();
    for event in events {
        match &event.kind {
            EventKind::WaitStarted { head } => {
                let step = format!("{}/{}", head.run, head.step);
                let end = *until.entry(step).or_insert(head.until.unwrap());
                assert_eq!(
                    Some(end),
                    head.until,
                    "neither a crash nor a restart renews it"
                );
            }
            EventKind::WaitEnded { head, result, .. } => {
                let step = format!("{}/{}", head.run, head.step);
                let end = until[&step];
                found.push((step, end, event.at, result.to_string()));
            }
            _ => {}
        }
    }
    found
}

fn check(case: &WaitCase, ended: &Ended) -> Result<(), TestCaseError> {
    // No effect happens twice.
    let mut keys: Vec<&Key> = Vec::new();
    for event in &ended.events {
        if let EventKind::Effect { key, .. } = &event.kind {
            prop_assert!(!keys.contains(&key), "{key} happens twice");
            keys.push(key);
        }
    }
    let done = keys.iter().filter(|key| matches!(key, Key::Do(_))).count();
    let undone = keys.len() - done;
    let calls = |(_, does, _): &&(u8, Does, bool)| matches!(does, Does::Call { .. });
    let past_pivot = case.pivot.is_some_and(|pivot| {
        let is_done = |entry: &JournalEntry| matches!(entry, JournalEntry::StepCompleted { step, .. } if *step == pivot);
        let (_, _, nests) = case.steps[pivot];
        match nests {
            true => ended.journals[1 + pivot].iter().any(|entry| matches!(entry, JournalEntry::StepCompleted { .. })),
            false => ended.journals[0].iter().any(is_done),
        }
    });
    match ended.status {
        WorkflowStatus::Completed => {
            prop_assert_eq!(done, case.steps.iter().filter(calls).count());
            prop_assert_eq!(undone, 0);
        }
        WorkflowStatus::Interrupted => {
            prop_assert!(past_pivot);
            prop_assert_eq!(undone, 0);
        }
        WorkflowStatus::RolledBack | WorkflowStatus::Cancelled => {
            prop_assert!(!past_pivot);
            prop_assert_eq!(done, undone);
        }
        other => prop_assert!(false, "it is {:?}", other),
    }
    // Every event is taken once in each run, and a wait that fails could have taken none.
    let mut taken = Vec::new();
    for journal in &ended.journals {
        let mut of_run = BTreeSet::new();
        for entry in journal {
            if let JournalEntry::StepCompleted {
                event: Some(event),
                at,
                ..
            } = entry
            {
                prop_assert!(of_run.insert(*event), "event {event} is taken twice");
                taken.push((*event, *at));
            }
        }
    }
    let mut first_came: Vec<(u8, Duration)> = Vec::new();
    let mut published = case.events.clone();
    published.sort_by_key(|(at, _)| *at);
    for (at, id) in published {
        if !first_came.iter().any(|(known, _)| *known == id) {
            first_came.push((id, ms(at)));
        }
    }
    for (step, until, at, result) in waits(&ended.events) {
        let overdue = ended
            .away
            .iter()
            .any(|(from, to)| *from <= until && *to == at);
        match &*result {
            "ok" if !case.is_event(&step) => {
                prop_assert!(
                    at == until || overdue,
                    "{step} ends at {at:?}, not at {until:?}"
                );
            }
            "ok" => prop_assert!(
                at <= until || overdue,
                "{step} ends at {at:?}, after {until:?}"
            ),
            "WAIT_TIMEOUT" => {
                prop_assert!(
                    at == until || overdue,
                    "{step} ends at {at:?}, not at {until:?}"
                );
                let nested = step.matches('/').count() == 2;
                for (number, (_, came)) in first_came.iter().enumerate() {
                    let number = number as u64;
                    let is_taken = taken
                        .iter()
                        .any(|(event, taken_at)| *event == number && *taken_at <= at);
                    // Only those that came since the child run began count there.
                    prop_assert!(
                        nested || *came > until || is_taken,
                        "{step} missed event {number}"
                    );
                }
            }
            _ => {}
        }
    }
    check_undo_order(case, &ended.events)
}

/// A step is undone after all that depend on it.
fn check_undo_order(case: &WaitCase, events: &[Event]) -> Result<(), TestCaseError> {
    let position = |started: bool, index: usize| {
        events.iter().rposition(|event| match &event.kind {
            EventKind::CompensationStarted { head } => {
                started && *head.run == *RUN && *head.step == *format!("s{index}")
            }
            EventKind::CompensationEnded { head, .. } => {
                !started && *head.run == *RUN && *head.step == *format!("s{index}")
            }
            _ => false,
        })
    };
    for (later, (depends_on, ..)) in case.steps.iter().enumerate() {
        for earlier in (0..later).filter(|earlier| depends_on >> earlier & 1 == 1) {
            if let (Some(ended), Some(started)) = (position(false, later), position(true, earlier))
            {
                prop_assert!(ended < started, "s{earlier} is undone before s{later}");
            }
        }
    }
    Ok(())
}

impl WaitCase {
    fn is_event(&self, path: &str) -> bool {
        let step = path.rsplit('/').next().unwrap_or_default();
        let index: usize = step[1..].parse().unwrap();
        matches!(self.steps[index].1, Does::WaitForEvent { .. })
    }
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

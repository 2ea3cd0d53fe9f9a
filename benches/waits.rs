//! Ten thousand runs that wait: what each costs in memory, in time, and after a restart.
//!
//! `cargo bench --bench waits`. It fails outside its limits.

#[path = "scene/runtime.rs"]
mod runtime;
#[expect(dead_code, reason = "its workflow is for other benches")]
mod scene;

use std::{
    path::Path,
    process::{Command, ExitCode},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use rehearsal::{
    domain::{Call, Reply},
    observability::EventKind,
    orchestration::{
        Journal as _, JournalEntry, MemoryJournal, Orchestrator, Plan, SqliteJournal, Workflow,
    },
    services::{CallResult, Service},
};
use serde_json::{Value, json};

const WAITS: usize = 10_000;

fn main() -> ExitCode {
    let case = std::env::args().nth(1).unwrap_or_default();
    let is_kept = match &*case {
        "waits" => memory_of_waits(),
        "runs" => memory_of_runs(),
        "events" => memory_of_event_waits(),
        "time" => time(),
        "restart" => restart(),
        // Each in a process of its own: memory that one gives back would be used again by the next.
        _ => ["waits", "runs", "events", "time", "restart"]
            .iter()
            .all(|case| {
                let program = std::env::current_exe().expect("this program has a path");
                let ended = Command::new(program).arg(case).status();
                ended.expect("it can be started").success()
            }),
    };
    ExitCode::from(u8::from(!is_kept))
}

fn read(workflow: Value) -> Arc<Workflow> {
    Arc::new(serde_json::from_value(workflow).expect("the workflow is well-formed"))
}

fn workflow() -> Arc<Workflow> {
    read(json!({"id": "w", "steps": [
        {"id": "cool-off", "wait": "72h"},
        {"id": "agent", "service": "AgentService", "operation": "create"},
    ]}))
}

/// All waits open in one run, each due a millisecond after the one before; each ends in its turn.
fn memory_of_waits() -> bool {
    const AT_MOST: usize = 2_048;
    let wait = |number: usize| {
        let due = format!("{}ms", 72 * 60 * 60 * 1_000 + number);
        json!({"id": format!("w{number}"), "dependencies": [], "wait": due})
    };
    let steps: Vec<_> = (0..WAITS).map(wait).collect();
    let workflow = read(json!({"id": "w", "steps": steps}));
    let each = runtime::runtime().block_on(async {
        let (registry, timeline) = scene::cast("0ms");
        let journal = Arc::new(MemoryJournal::default());
        let cast = (registry, timeline.clone());
        let (orchestrator, plan) = scene::orchestrator(&workflow, cast, journal);
        let before = resident();
        let run = orchestrator.begin(&plan, Arc::new(json!({})), None);
        let run = tokio::spawn(run.expect("it begins").outcome());
        tokio::time::sleep(Duration::from_millis(1)).await;
        let each = resident().saturating_sub(before) / WAITS;
        run.await.expect("no panic").expect("it ends");
        let ended = timeline.read(|events| {
            let ended = events.iter().filter_map(|event| match &event.kind {
                EventKind::WaitEnded { head, .. } => Some(head.step.to_string()),
                _ => None,
            });
            ended.collect::<Vec<_>>()
        });
        assert!(
            ended
                .into_iter()
                .eq((0..WAITS).map(|wait| format!("w{wait}"))),
            "they end in order"
        );
        each
    });
    println!(
        "waits: {WAITS} open in one run, {each} bytes each, timeline and journal included (at most {AT_MOST})"
    );
    each <= AT_MOST
}

/// Opens a run for each wait, each due a millisecond after the one before; returns what an open one takes
/// in memory, and how long opening and ending them took.
fn open_and_end() -> (usize, Duration) {
    runtime::runtime().block_on(async {
        let (registry, timeline) = scene::cast("0ms");
        let journal = Arc::new(MemoryJournal::default());
        let cast = (registry, timeline.clone());
        let (orchestrator, plan) = scene::orchestrator(&workflow(), cast, journal);
        warm_up(&orchestrator, &plan, &Arc::new(json!({}))).await;
        let before = resident();
        let began = Instant::now();
        let mut runs = Vec::with_capacity(WAITS);
        for _ in 0..WAITS {
            let run = orchestrator.begin(&plan, Arc::new(json!({})), None);
            runs.push(tokio::spawn(run.expect("it begins").outcome()));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let each = resident().saturating_sub(before) / WAITS;
        for run in runs {
            run.await.expect("no panic").expect("it ends");
        }
        let took = began.elapsed();
        let ended = timeline.read(|events| {
            let ended = events.iter().filter_map(|event| match &event.kind {
                EventKind::WaitEnded { head, .. } => Some(head.run.to_string()),
                _ => None,
            });
            ended.collect::<Vec<_>>()
        });
        let expected = (1..=WAITS + 1).map(|run| format!("w-{run}"));
        assert!(ended.into_iter().eq(expected), "they end in order");
        (each, took)
    })
}

/// Runs once, so that code is in memory which is not what a wait takes.
async fn warm_up(orchestrator: &Orchestrator, plan: &Arc<Plan>, input: &Arc<Value>) {
    let ended = orchestrator.run(plan, Arc::clone(input), None).await;
    ended.expect("it ends");
}

fn memory_of_runs() -> bool {
    const AT_MOST: usize = 2_048;
    let (each, _) = open_and_end();
    println!(
        "runs: {WAITS} that wait, {each} bytes each, timeline and journal included (at most {AT_MOST})"
    );
    each <= AT_MOST
}

/// Runs that each wait for an event about their input, which is there before they begin.
fn memory_of_event_waits() -> bool {
    const AT_MOST: usize = 2_048;
    let workflow = read(json!({"id": "w", "steps": [
        {"id": "paid", "wait": { "event": "paid", "subject": "${/input/order}", "timeout": "72h" }},
    ]}));
    let each = runtime::runtime().block_on(async {
        let (registry, timeline) = scene::cast("0ms");
        let journal = Arc::new(MemoryJournal::default());
        let (orchestrator, plan) = scene::orchestrator(&workflow, (registry, timeline), journal);
        let inputs: Vec<_> = (0..WAITS)
            .map(|order| Arc::new(json!({ "order": order.to_string() })))
            .collect();
        warm_up(&orchestrator, &plan, &inputs[0]).await;
        let before = resident();
        let mut runs = Vec::with_capacity(WAITS);
        for input in inputs {
            let run = orchestrator.begin(&plan, input, None);
            runs.push(tokio::spawn(run.expect("it begins").outcome()));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        resident().saturating_sub(before) / WAITS
    });
    println!(
        "events: {WAITS} runs that wait for one, {each} bytes each beside its input, timeline and journal included (at most {AT_MOST})"
    );
    each <= AT_MOST
}

/// Beside tasks that only sleep.
fn time() -> bool {
    const AT_MOST: f64 = 25.0;
    let (_, took) = open_and_end();
    let bare = runtime::runtime().block_on(async {
        let began = Instant::now();
        let mut tasks = Vec::with_capacity(WAITS);
        for _ in 0..WAITS {
            tasks.push(tokio::spawn(tokio::time::sleep(Duration::from_secs(
                72 * 60 * 60,
            ))));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        for task in tasks {
            task.await.expect("no panic");
        }
        began.elapsed()
    });
    let ratio = took.as_secs_f64() / bare.as_secs_f64();
    println!(
        "time: {WAITS} runs that wait 72 h and then call, {took:.1?}; as many tasks that only sleep, {bare:.1?}: {ratio:.1} × (at most {AT_MOST})"
    );
    ratio <= AT_MOST
}

/// Notes when it is called first.
#[derive(Default)]
struct FirstCall(Arc<OnceLock<Instant>>);

#[async_trait]
impl Service for FirstCall {
    fn name(&self) -> &str {
        "AgentService"
    }

    async fn call(&self, _: &Call) -> CallResult {
        self.0.get_or_init(Instant::now);
        Ok(Reply::new(json!({})))
    }
}

/// From the opening of a journal of open waits, which are overdue, to the first call.
fn restart() -> bool {
    const AT_MOST: Duration = Duration::from_secs(1);
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let file = &folder.path().join("waits.db");
    leave_waiting(file);
    let called = FirstCall::default();
    let first = runtime::runtime().block_on(async {
        let (registry, timeline) = scene::cast("0ms");
        registry.add(FirstCall(Arc::clone(&called.0)));
        tokio::time::sleep(Duration::from_secs(96 * 60 * 60)).await;
        let began = Instant::now();
        let journal = Arc::new(SqliteJournal::open(file).expect("the journal opens"));
        let cast = (registry, timeline.clone());
        let (orchestrator, _) = scene::orchestrator(&workflow(), cast, journal);
        let recovered = orchestrator.recover().await;
        assert_eq!(recovered.expect("the journal is read").len(), WAITS);
        let first = called.0.get().expect("it is called");
        first.duration_since(began)
    });
    println!(
        "restart: with {WAITS} open waits, the first call after {first:.1?} (at most {AT_MOST:?})"
    );
    first <= AT_MOST
}

fn leave_waiting(file: &Path) {
    let journal = SqliteJournal::open(file).expect("a journal opens");
    let workflow = workflow();
    for run in 1..=WAITS {
        let run = format!("w-{run}").into();
        let started = JournalEntry::Started {
            caller: None,
            security: None,
            workflow: Arc::clone(&workflow),
            input: Arc::new(json!({})),
            events_from: 0,
            at: Duration::ZERO,
        };
        let waits = JournalEntry::StepStarted {
            step: 0,
            child_run: None,
            due: Some(Duration::from_secs(72 * 60 * 60)),
            at: Duration::ZERO,
        };
        journal.begin(&run, started).expect("it can be written");
        journal.append(&run, &waits).expect("it can be written");
    }
}

/// The memory of this process, in bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let resident = pages.split_whitespace().nth(1);
    resident
        .and_then(|pages| pages.parse::<usize>().ok())
        .unwrap_or_default()
        * 4_096
}

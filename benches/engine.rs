//! Workflows per second on one core: four steps, full timeline, journal in memory and on disk.

use std::{
    hint::black_box,
    sync::{Arc, RwLock},
};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rehearsal::{
    clock::{Clock, Seed},
    observability::Timeline,
    orchestration::{Crashes, Journal, MemoryJournal, Orchestrator, Plan, SqliteJournal, Workflow},
    services::{Client, Effects, Faults, MockService, Policies, Registry, ServiceDefinition},
};
use serde_json::json;

fn workflow() -> Workflow {
    serde_json::from_value(json!({
        "id": "createAgent",
        "steps": [
            {"id": "personality", "service": "PersonalityService", "operation": "validate",
             "input": {"personalityId": "${/input/personalityId}"}, "compensation": "rollback"},
            {"id": "role", "service": "RoleService", "operation": "validate",
             "input": {"capabilities": ["analysis"]}, "compensation": "rollback"},
            {"id": "agent", "service": "AgentService", "operation": "create",
             "input": {"name": "a", "personality": "${/personality}"}, "compensation": "rollback"},
            {"id": "file", "service": "FileService", "operation": "create",
             "input": {"path": "agents/a.json"}, "compensation": "delete"},
        ],
    }))
    .expect("the workflow is well-formed")
}

/// An orchestrator on a new timeline, its services as slow as said.
fn orchestrator(
    workflow: &Arc<Workflow>,
    latency: &str,
    journal: Arc<dyn Journal>,
) -> (Orchestrator, Arc<Plan>) {
    let timeline = Timeline::new(Clock::start());
    let registry = Registry::default();
    let effects = Effects::new(timeline.clone());
    for service in [
        "PersonalityService",
        "RoleService",
        "AgentService",
        "FileService",
    ] {
        let definition: ServiceDefinition = serde_json::from_value(json!({
            "name": service,
            "operations": {
                "validate": {"latency": latency, "reply": {"valid": true, "id": "p-1"}},
                "create": {"latency": latency, "reply": {"id": "a-1"}},
                "rollback": {}, "delete": {},
            },
        }))
        .expect("the definition is well-formed");
        registry.add(MockService::new(definition, effects.clone()));
    }
    let client = Arc::new(Client::new(
        registry,
        Arc::new(RwLock::new(Policies::default())),
        Faults::default(),
        timeline,
        Seed(0),
    ));
    let plan = Plan::new(Arc::clone(workflow), client.registry());
    let plan = Arc::new(plan.expect("the workflow is sound"));
    let orchestrator = Orchestrator::new(client, journal, Crashes::new(Faults::default()));
    (orchestrator, plan)
}

async fn run_all(orchestrator: &Orchestrator, plan: &Arc<Plan>) {
    let input = Arc::new(json!({"personalityId": "p-1"}));
    for _ in 0..RUNS {
        let outcome = orchestrator.run(plan, Arc::clone(&input), None).await;
        black_box(outcome.expect("the workflow runs"));
    }
}

/// Runs of one iteration.
const RUNS: u64 = 100;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built")
}

fn engine(c: &mut Criterion) {
    let runtime = runtime();
    let workflow = Arc::new(workflow());
    let mut group = c.benchmark_group("engine");
    group.throughput(Throughput::Elements(RUNS));
    for latency in ["0ms", "10ms"] {
        group.bench_function(format!("four steps of {latency}"), |b| {
            b.iter(|| {
                runtime.block_on(async {
                    let journal = Arc::new(MemoryJournal::default());
                    let (orchestrator, plan) = orchestrator(&workflow, latency, journal);
                    run_all(&orchestrator, &plan).await;
                });
            });
        });
    }
    group.finish();
}

/// Four-step workflows on one SQLite journal beside what the disk gives: one-row commits.
///
/// A run of four steps has ten transitions: it starts, each step starts and completes, it ends.
fn durable(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a directory can be made");
    let raw = rusqlite::Connection::open(folder.path().join("raw.db")).expect("a database opens");
    raw.execute_batch(
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
         CREATE TABLE entries (id INTEGER PRIMARY KEY, run INTEGER NOT NULL, entry TEXT NOT NULL) STRICT;",
    )
    .expect("a table can be made");
    let entry = "x".repeat(120);
    let mut group = c.benchmark_group("durable");
    group.throughput(Throughput::Elements(10 * RUNS));
    group.bench_function("raw one-row commits", |b| {
        b.iter(|| {
            for run in 0..10 * RUNS {
                raw.prepare_cached("INSERT INTO entries (run, entry) VALUES (?, ?)")
                    .and_then(|mut insert| insert.execute(rusqlite::params![run as i64, entry]))
                    .expect("a row is inserted");
            }
        });
    });
    let runtime = runtime();
    let workflow = Arc::new(workflow());
    let journal = SqliteJournal::open(folder.path().join("journal.db")).expect("a journal opens");
    let journal: Arc<dyn Journal> = Arc::new(journal);
    let mut orchestrators = 0;
    group.bench_function("transitions of four-step workflows", |b| {
        b.iter(|| {
            orchestrators += 1;
            // A workflow of its own name, so that run ids need not be tried one after the other.
            let mut own = Workflow::clone(&workflow);
            own.id = format!("createAgent{orchestrators}");
            runtime.block_on(async {
                let (orchestrator, plan) =
                    orchestrator(&Arc::new(own), "0ms", Arc::clone(&journal));
                run_all(&orchestrator, &plan).await;
            });
        });
    });
    group.finish();
}

criterion_group!(benches, engine, durable);
criterion_main!(benches);

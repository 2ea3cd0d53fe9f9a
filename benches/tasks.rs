//! The server of tasks: what orchestrating adds to work, how much of it gets done, and how long a tool takes
//! on a store that is full.
//!
//! `cargo bench --bench tasks`. It fails outside its limits.

#[path = "scene/runtime.rs"]
mod runtime;

use std::{
    hint::{black_box, spin_loop},
    path::Path,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use rand::RngExt as _;
use rehearsal::{
    clock::{Clock, Seed},
    domain::{Call, CallName, Failure, Reply},
    observability::Timeline,
    orchestration::{Crashes, Journal, MemoryJournal, Orchestrator, Plan, SqliteJournal, Workflow},
    resilience::Retry,
    services::{CallPolicy, CallResult, Client, Faults, Registry, Service},
    tasks::Tools,
};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let checks = [overhead(), completion(), tools(), query()];
    ExitCode::from(u8::from(checks.contains(&false)))
}

/// Keeps a core busy, and adds up for how long.
struct Work {
    each: Duration,
    nanos: Arc<AtomicU64>,
}

#[async_trait]
impl Service for Work {
    fn name(&self) -> &str {
        "Work"
    }

    async fn call(&self, _: &Call) -> CallResult {
        let began = Instant::now();
        while began.elapsed() < self.each {
            spin_loop();
        }
        let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(took, Ordering::Relaxed);
        Ok(Reply::new(json!({})))
    }
}

/// Workflows of four steps that work: in memory for 1 ms each, with a journal in a file for 10 ms.
fn overhead() -> bool {
    const AT_MOST: f64 = 0.02;
    let folder = tempfile::tempdir().expect("a directory can be made");
    let file = SqliteJournal::open(folder.path().join("runs.db")).expect("a journal opens");
    let in_memory = share_of_overhead(1, 100, Arc::new(MemoryJournal::default()));
    let in_file = share_of_overhead(10, 20, Arc::new(file));
    println!(
        "overhead: {:.2} % of steps of 1 ms in memory, {:.2} % of steps of 10 ms with SQLite (at most {:.0} %)",
        in_memory * 100.0,
        in_file * 100.0,
        AT_MOST * 100.0
    );
    in_memory.max(in_file) <= AT_MOST
}

/// What running workflows takes beside their work, as a share of it.
fn share_of_overhead(millis: u64, runs: u32, journal: Arc<dyn Journal>) -> f64 {
    let step =
        |number: usize| json!({"id": format!("s{number}"), "service": "Work", "operation": "do"});
    let steps: Vec<Value> = (0..4).map(step).collect();
    let workflow: Arc<Workflow> = serde_json::from_value(json!({"id": "w", "steps": steps}))
        .map(Arc::new)
        .expect("the workflow is well-formed");
    let nanos = Arc::new(AtomicU64::default());
    runtime::runtime().block_on(async {
        let registry = Registry::default();
        let each = Duration::from_millis(millis);
        registry.add(Work {
            each,
            nanos: Arc::clone(&nanos),
        });
        let client = Client::new(registry, Faults::default(), Timeline::new(Clock::start()));
        let plan = Plan::new(&workflow, client.registry(), &|id| Err(id.to_owned()));
        let plan = Arc::new(plan.expect("the workflow is sound"));
        let crashes = Crashes::new(Faults::default());
        let orchestrator = Orchestrator::new(Arc::new(client), journal, crashes);
        let began = Instant::now();
        for _ in 0..runs {
            let outcome = orchestrator.run(&plan, Arc::new(json!({})), None).await;
            black_box(outcome.expect("the workflow runs"));
        }
        let worked = Duration::from_nanos(nanos.load(Ordering::Relaxed));
        (began.elapsed() - worked).as_secs_f64() / worked.as_secs_f64()
    })
}

/// Fails one execution in twenty, by a seed.
struct Flaky(AtomicU64);

#[async_trait]
impl Service for Flaky {
    fn name(&self) -> &str {
        "Worker"
    }

    async fn call(&self, _: &Call) -> CallResult {
        let number = self.0.fetch_add(1, Ordering::Relaxed).to_string();
        match Seed(7).part([&*number]).rng().random_ratio(1, 20) {
            true => Err(Box::new(Failure::new("NETWORK_TIMEOUT", "it is lost"))),
            false => Ok(Reply::new(json!({}))),
        }
    }
}

/// Tasks whose work fails now and then: planned, begun, worked on with retries and completed.
fn completion() -> bool {
    const TASKS: u32 = 10_000;
    const AT_LEAST: f64 = 0.999;
    let folder = tempfile::tempdir().expect("a directory can be made");
    let tools = Tools::in_folder(folder.path());
    let completed = runtime::runtime().block_on(async {
        let registry = Registry::default();
        registry.add(Flaky(AtomicU64::default()));
        let client = Client::new(registry, Faults::default(), Timeline::new(Clock::start()));
        let retry = Retry::preset("coordination").expect("the preset is known");
        let policy = CallPolicy {
            retry: Some(retry.into()),
            ..CallPolicy::default()
        };
        for _ in 0..TASKS {
            let task = plan(&tools).await;
            call(&tools, "execute_task", json!({ "task_id": task })).await;
            let work = Call::new(Call::SCENARIO, CallName::new("Worker", "do"), json!({}));
            if client.call(&work, &policy, None).await.is_ok() {
                call(&tools, "complete_task", completion_of(&task)).await;
            }
        }
        let found = call(
            &tools,
            "query_tasks",
            json!({"status": "completed", "limit": 1}),
        )
        .await;
        found["total_count"].as_u64().unwrap_or_default()
    });
    let share = completed as f64 / f64::from(TASKS);
    println!(
        "completion: {completed} of {TASKS} tasks whose executions fail one in twenty times, {:.2} % (at least {:.1} %)",
        share * 100.0,
        AT_LEAST * 100.0
    );
    share >= AT_LEAST
}

/// Tools on a store of 10,000 tasks.
fn tools() -> bool {
    const AT_MOST: Duration = Duration::from_millis(5);
    const ROUNDS: usize = 200;
    let folder = tempfile::tempdir().expect("a directory can be made");
    let tools = full(folder.path(), 10_000);
    let mut took = Vec::new();
    runtime::runtime().block_on(async {
        for _ in 0..ROUNDS {
            let mut timed = async |tool: &str, input: Value| {
                let began = Instant::now();
                let reply = call(&tools, tool, input).await;
                took.push(began.elapsed());
                reply
            };
            let planned = timed("plan_task", planning()).await;
            let task = &planned["task_id"];
            timed("update_task", json!({"task_id": task, "title": "U"})).await;
            timed("execute_task", json!({ "task_id": task })).await;
            timed("complete_task", completion_of(task)).await;
            timed("get_status", json!({})).await;
            timed("query_tasks", json!({"status": "pending"})).await;
            timed("delete_task", json!({ "task_id": task })).await;
        }
    });
    let p95 = percentile_95(took);
    println!("tools: p95 of a call on a store of 10,000 tasks {p95:.1?} (at most {AT_MOST:?})");
    p95 <= AT_MOST
}

/// Pages of 100 tasks of 100,000, from all over them.
fn query() -> bool {
    const AT_MOST: Duration = Duration::from_millis(20);
    const TASKS: u32 = 100_000;
    let folder = tempfile::tempdir().expect("a directory can be made");
    let tools = full(folder.path(), TASKS);
    let mut took = Vec::new();
    runtime::runtime().block_on(async {
        for offset in (0..TASKS).step_by(1_000) {
            let input = json!({"status": "pending", "limit": 100, "offset": offset});
            let began = Instant::now();
            let found = call(&tools, "query_tasks", input).await;
            took.push(began.elapsed());
            assert_eq!(found["tasks"].as_array().map(Vec::len), Some(100));
        }
    });
    let p95 = percentile_95(took);
    println!("query: p95 of a page of 100 of {TASKS} tasks {p95:.1?} (at most {AT_MOST:?})");
    p95 <= AT_MOST
}

fn full(folder: &Path, tasks: u32) -> Tools {
    let tools = Tools::in_folder(folder);
    runtime::runtime().block_on(async {
        for _ in 0..tasks {
            plan(&tools).await;
        }
    });
    tools
}

fn planning() -> Value {
    json!({"title": "Make a part", "description": "What is to be made, in a line or two."})
}

async fn plan(tools: &Tools) -> Value {
    call(tools, "plan_task", planning()).await["task_id"].take()
}

fn completion_of(task: &Value) -> Value {
    json!({"task_id": task, "summary": "Made", "detailed_work": "All of it.", "next_action": "complete"})
}

async fn call(tools: &Tools, tool: &str, input: Value) -> Value {
    let called = tools.call(&"bench".into(), tool, &input).await;
    called.unwrap_or_else(|failure| panic!("{tool}: {failure:?}"))
}

fn percentile_95(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[took.len() * 95 / 100]
}

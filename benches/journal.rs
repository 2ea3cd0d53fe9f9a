//! The journal in a file: transitions per second compared with raw commits, and how soon a restart
//! with many unfinished workflows makes its first call.
//!
//! `cargo bench --bench journal`; `-- durable` and `-- restart` run one of them. It fails outside
//! its limits.

#[path = "scene/disk.rs"]
mod disk;
#[path = "scene/median.rs"]
mod median;
#[path = "scene/runtime.rs"]
mod runtime;
mod scene;

use std::{
    path::Path,
    process::ExitCode,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use rehearsal::{
    domain::{Call, Reply},
    orchestration::{Journal, JournalEntry, JournalError, SqliteJournal, Workflow},
    services::{CallResult, Service},
};
use serde_json::json;

use self::disk::Beside;

fn main() -> ExitCode {
    disk::run(&[("durable", durable), ("restart", restart)])
}

/// A run of four steps has ten transitions: it starts, each step starts and completes, it ends.
const TRANSITIONS: u64 = 10;

/// Four-step workflows on one SQLite journal.
fn durable(folder: &Path) -> bool {
    const RUNS: u64 = 500;
    let journal = SqliteJournal::open(folder.join("journal.db")).expect("a journal opens");
    let journal: Arc<dyn Journal> = Arc::new(journal);
    let beside = Beside {
        name: "durable",
        things: "transitions",
        count: TRANSITIONS * RUNS,
        row: &"x".repeat(120),
    };
    beside.measure(folder, |round| run_workflows(&journal, round, RUNS))
}

fn run_workflows(journal: &Arc<dyn Journal>, round: u64, runs: u64) -> Duration {
    // A different workflow id per round, so that no taken run ids are tried.
    let mut workflow = scene::workflow();
    workflow.id = format!("createAgent{round}");
    let (workflow, journal) = (Arc::new(workflow), Arc::clone(journal));
    runtime::runtime().block_on(async {
        let (orchestrator, plan) = scene::orchestrator(&workflow, scene::cast("0ms"), journal);
        let began = Instant::now();
        scene::run_all(&orchestrator, &plan, runs).await;
        began.elapsed()
    })
}

/// From the opening of a journal of unfinished four-step workflows to the first call, and to the end.
///
/// One step of each has completed, a second was running.
fn restart(folder: &Path) -> bool {
    const RUNS: usize = 10_000;
    const AT_MOST: f64 = 0.1;
    let file = folder.join("unfinished.db");
    let workflow = Arc::new(scene::workflow());
    leave_unfinished(&file, &workflow, RUNS).expect("the journal can be written");
    let first_call = Arc::new(OnceLock::new());
    let (first, all) = runtime::runtime().block_on(async {
        let (registry, timeline) = scene::cast("10ms");
        registry.add(FirstCall(Arc::clone(&first_call)));
        let began = Instant::now();
        let journal = Arc::new(SqliteJournal::open(&file).expect("the journal opens"));
        let (orchestrator, _) = scene::orchestrator(&workflow, (registry, timeline), journal);
        let recovered = orchestrator.recover().await.expect("the journal is read");
        let all = began.elapsed();
        assert_eq!(recovered.len(), RUNS);
        assert!(recovered.iter().all(|(_, outcome)| outcome.is_ok()));
        let first_call = first_call.get().expect("a service was called");
        (first_call.duration_since(began), all)
    });
    let share = first.as_secs_f64() / all.as_secs_f64();
    println!(
        "restart: with {RUNS} unfinished workflows the first call after {first:.1?}, all ended after {all:.1?}: {share:.3} of the time (at most {AT_MOST})"
    );
    share <= AT_MOST
}

fn leave_unfinished(
    file: &Path,
    workflow: &Arc<Workflow>,
    runs: usize,
) -> Result<(), JournalError> {
    let journal = SqliteJournal::open(file)?;
    let at = Duration::ZERO;
    for run in 1..=runs {
        let run = format!("createAgent-{run}").into();
        let started = JournalEntry::Started {
            caller: None,
            security: None,
            events_from: 0,
            workflow: Arc::clone(workflow),
            input: Arc::new(json!({"personalityId": "p-1"})),
            at,
        };
        journal.begin(&run, started)?;
        journal.append(
            &run,
            &JournalEntry::StepStarted {
                due: None,
                step: 0,
                child_run: None,
                at,
            },
        )?;
        let completed = JournalEntry::StepCompleted {
            event: None,
            step: 0,
            reply: Arc::new(json!({"valid": true, "id": "p-1"})),
            degraded: false,
            in_doubt: false,
            at,
        };
        journal.append(&run, &completed)?;
        journal.append(
            &run,
            &JournalEntry::StepStarted {
                due: None,
                step: 1,
                child_run: None,
                at,
            },
        )?;
    }
    Ok(())
}

/// The service of the running step: records when it is first called.
struct FirstCall(Arc<OnceLock<Instant>>);

#[async_trait::async_trait]
impl Service for FirstCall {
    fn name(&self) -> &str {
        "RoleService"
    }

    async fn call(&self, _: &Call) -> CallResult {
        self.0.get_or_init(Instant::now);
        Ok(Reply::new(json!({"valid": true})))
    }
}

//! The journal in a file: transitions per second beside what the disk gives, and how fast a restart
//! over many unfinished workflows begins to work.
//!
//! `cargo bench --bench journal`; `-- durable` and `-- restart` run one of them. It fails outside
//! its limits.

mod scene;

use std::{
    path::Path,
    process::ExitCode,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use rehearsal::{
    domain::{Call, Reply},
    orchestration::{Entry, Journal, JournalError, SqliteJournal, Workflow},
    services::{CallResult, Service},
};
use rusqlite::Connection;
use serde_json::json;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let folder = tempfile::tempdir().expect("a directory can be made");
    let mut all_within = true;
    for (name, case) in [
        ("durable", durable as fn(&Path) -> bool),
        ("restart", restart),
    ] {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            all_within &= case(folder.path());
        }
    }
    if all_within {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A run of four steps has ten transitions: it starts, each step starts and completes, it ends.
const TRANSITIONS: u64 = 10;

/// Four-step workflows on one SQLite journal beside what the disk gives: one-row commits.
///
/// Both in turn, so that what else the machine does touches both.
fn durable(folder: &Path) -> bool {
    const ROUNDS: usize = 25;
    const RUNS: u64 = 500;
    const AT_LEAST: f64 = 0.5;
    let raw = raw_database(&folder.join("raw.db"));
    let journal = SqliteJournal::open(folder.join("journal.db")).expect("a journal opens");
    let journal: Arc<dyn Journal> = Arc::new(journal);
    let mut rates = (Vec::new(), Vec::new());
    let mut ratios = Vec::new();
    let rate = |took: Duration| (TRANSITIONS * RUNS) as f64 / took.as_secs_f64();
    for round in 0..ROUNDS {
        let (disk, transitions) = if round % 2 == 0 {
            let disk = commit_rows(&raw, TRANSITIONS * RUNS);
            (disk, run_workflows(&journal, round, RUNS))
        } else {
            let transitions = run_workflows(&journal, round, RUNS);
            (commit_rows(&raw, TRANSITIONS * RUNS), transitions)
        };
        rates.0.push(rate(disk));
        rates.1.push(rate(transitions));
        ratios.push(disk.as_secs_f64() / transitions.as_secs_f64());
    }
    let ratio = median(&mut ratios);
    println!(
        "durable: {:.0} transitions/s, {:.0} raw one-row commits/s, ratio {ratio:.3} (at least {AT_LEAST})",
        median(&mut rates.1),
        median(&mut rates.0),
    );
    ratio >= AT_LEAST
}

fn raw_database(file: &Path) -> Connection {
    let raw = Connection::open(file).expect("a database opens");
    raw.execute_batch(
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
         CREATE TABLE entries (id INTEGER PRIMARY KEY, run INTEGER NOT NULL, entry TEXT NOT NULL) STRICT;",
    )
    .expect("a table can be made");
    raw
}

fn commit_rows(raw: &Connection, rows: u64) -> Duration {
    let entry = "x".repeat(120);
    let began = Instant::now();
    for run in 0..rows {
        raw.prepare_cached("INSERT INTO entries (run, entry) VALUES (?, ?)")
            .and_then(|mut insert| insert.execute(rusqlite::params![run as i64, entry]))
            .expect("a row is inserted");
    }
    began.elapsed()
}

fn run_workflows(journal: &Arc<dyn Journal>, round: usize, runs: u64) -> Duration {
    // A workflow of its own name, so that run ids need not be tried one after the other.
    let mut workflow = scene::workflow();
    workflow.id = format!("createAgent{round}");
    let (workflow, journal) = (Arc::new(workflow), Arc::clone(journal));
    scene::runtime().block_on(async {
        let (orchestrator, plan) = scene::orchestrator(&workflow, scene::cast("0ms"), journal);
        let began = Instant::now();
        scene::run_all(&orchestrator, &plan, runs).await;
        began.elapsed()
    })
}

/// From the opening of a journal of unfinished four-step workflows to the first call, and to the end.
///
/// One step of each is done, a second was under way.
fn restart(folder: &Path) -> bool {
    const RUNS: usize = 10_000;
    const AT_MOST: Duration = Duration::from_secs(1);
    let file = folder.join("unfinished.db");
    let workflow = Arc::new(scene::workflow());
    leave_unfinished(&file, &workflow, RUNS).expect("the journal can be written");
    let first_call = Arc::new(OnceLock::new());
    let (first, all) = scene::runtime().block_on(async {
        let (registry, timeline) = scene::cast("10ms");
        registry.add(Watch(Arc::clone(&first_call)));
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
    println!(
        "restart: over {RUNS} unfinished workflows the first call after {first:.1?} (at most {AT_MOST:?}), all ended after {all:.1?}"
    );
    first <= AT_MOST
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
        let started = Entry::Started {
            workflow: Arc::clone(workflow),
            input: Arc::new(json!({"personalityId": "p-1"})),
            at,
        };
        journal.begin(&run, started)?;
        journal.append(
            &run,
            &Entry::StepStarted {
                step: 0,
                inner: None,
                at,
            },
        )?;
        let completed = Entry::StepCompleted {
            step: 0,
            reply: Arc::new(json!({"valid": true, "id": "p-1"})),
            degraded: false,
            at,
        };
        journal.append(&run, &completed)?;
        journal.append(
            &run,
            &Entry::StepStarted {
                step: 1,
                inner: None,
                at,
            },
        )?;
    }
    Ok(())
}

/// The service of the step under way: notes when it is first called.
struct Watch(Arc<OnceLock<Instant>>);

#[async_trait::async_trait]
impl Service for Watch {
    fn name(&self) -> &str {
        "RoleService"
    }

    async fn call(&self, _: &Call) -> CallResult {
        self.0.get_or_init(Instant::now);
        Ok(Reply::new(json!({"valid": true})))
    }
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

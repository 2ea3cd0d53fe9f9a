//! The audit trail in a SQLite file: how long the history of a trace takes to read.
//!
//! `cargo bench --bench audit`. It fails outside its limit.

#[path = "scene/median.rs"]
mod median;

use std::{
    hint::black_box,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use rehearsal::{
    clock::Clock,
    observability::{AuditEntry, AuditStore as _, AuditTrail, AuditType, SqliteAudit},
};
use serde_json::json;

const ENTRIES: u64 = 100_000;
/// Their entries are interleaved, as those of runs at the same time are.
const TRACES: u64 = 5_000;
const AT_MOST: Duration = Duration::from_millis(1);

fn main() -> ExitCode {
    let folder = tempfile::tempdir().expect("a directory can be made");
    let path = folder.path().join("audit.db");
    let mut store = SqliteAudit::open(&path).expect("an audit trail opens");
    let began = Instant::now();
    for id in 1..=ENTRIES {
        store.append(&entry(id)).expect("an entry is written");
    }
    let written = began.elapsed();
    drop(store);

    let trail = AuditTrail::open(&path).expect("an audit trail opens again");
    let mut took = Vec::new();
    // All over the file, and an odd number of them.
    for number in (0..TRACES).step_by(TRACES as usize / 500).chain([1]) {
        let trace = trace(number);
        let began = Instant::now();
        let entries = trail.of_trace(&trace).expect("it is read");
        took.push(began.elapsed());
        assert_eq!(black_box(entries).len() as u64, ENTRIES / TRACES);
    }
    let median = median::median(took, Duration::cmp);
    println!(
        "audit: the {} entries of a trace among {ENTRIES} in {median:.1?} (at most {AT_MOST:?}); {:.0} appends/s",
        ENTRIES / TRACES,
        ENTRIES as f64 / written.as_secs_f64(),
    );
    ExitCode::from(u8::from(median > AT_MOST))
}

fn trace(number: u64) -> Arc<str> {
    format!("order-{number}").into()
}

/// A call of a workflow's step.
fn entry(id: u64) -> AuditEntry {
    let run = trace(id % TRACES);
    AuditEntry {
        id,
        at: Clock::instant(Duration::from_millis(id)),
        kind: AuditType::Interaction,
        target: "Payments.charge".into(),
        reason: format!("step pay of {run}").into(),
        alternatives: Vec::new(),
        confidence: None,
        metadata: Arc::new(json!({
            "caller": "orchestrator", "run": &*run, "step": "pay", "execution": id, "took": "20 ms",
            "result": "ok", "input": { "order": &*run, "amount": 20 }, "reply": { "receipt": id },
        })),
        trace: run,
    }
}

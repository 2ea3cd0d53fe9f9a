//! Both stores, and what is recorded in them.

mod recording;
mod stores;

use std::{path::Path, sync::Arc, time::Duration};

use serde_json::json;

use super::*;
use crate::{clock::Clock, observability::Timeline};

/// The endings of files that hold audit trails, one for each store.
#[cfg(feature = "sqlite")]
const ENDINGS: [&str; 3] = ["db", "sqlite", "jsonl"];
#[cfg(not(feature = "sqlite"))]
const ENDINGS: [&str; 1] = ["jsonl"];

/// Runs a check with a file for each store.
fn with_each(check: impl Fn(&Path)) {
    for ending in ENDINGS {
        let folder = tempfile::tempdir().unwrap();
        check(&folder.path().join(format!("audit.{ending}")));
    }
}

fn entry(id: u64, at: u64, trace: &str, kind: AuditType) -> AuditEntry {
    AuditEntry {
        id,
        at: Clock::instant(Duration::from_millis(at)),
        trace: trace.into(),
        kind,
        target: format!("target \"{id}\"\n").into(),
        reason: "weil es müde war".into(),
        alternatives: vec!["a".into(), "b".into()],
        confidence: Some(0.1 + 0.2),
        metadata: Arc::new(
            json!({"n": id, "exact": 31.245270191439438, "list": [null, {"b": 1, "a": 2}]}),
        ),
    }
}

fn ids(entries: &[AuditEntry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.id).collect()
}

fn trail_of(path: &Path) -> (Timeline, AuditTrail) {
    let timeline = Timeline::new(Clock::start());
    let trail = AuditTrail::open(path).unwrap();
    timeline.set_audit_trail(Some(trail.clone()));
    (timeline, trail)
}

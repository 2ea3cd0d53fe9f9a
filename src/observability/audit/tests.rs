use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use super::*;
use crate::{
    clock::{Clock, virtually},
    domain::{ApprovalStatus, Call, CallHead, CallName, Context, LifecycleStage, Severity},
    observability::{ControlEvent, Decision, Event, EventKind, RefusedBy, Timeline},
};

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

/// Opens the store of a file, whatever it is.
fn store(path: &Path) -> Box<dyn AuditStore> {
    match path.extension().unwrap().to_str() {
        Some("jsonl") => Box::new(JsonLinesAudit::open(path).unwrap().0),
        _ => Box::new(SqliteAudit::open(path).unwrap()),
    }
}

/// What every store must do; run over all of them.
fn check_store(open: impl Fn() -> Box<dyn AuditStore>) {
    use AuditType::{Interaction, Planning};
    let mut empty = open();
    assert_eq!(empty.last_id().unwrap(), 0);
    assert_eq!(empty.of_trace("t-1").unwrap(), []);
    assert_eq!(empty.recent(9).unwrap(), []);
    let plain = AuditEntry {
        alternatives: Vec::new(),
        confidence: None,
        metadata: Arc::new(Value::Null),
        ..entry(5, 7, "t-1", Interaction)
    };
    let entries = [
        entry(1, 0, "t-1", Planning),
        entry(2, 7, "t-2", Planning),
        // Of another process, whose clock was behind.
        entry(4, 5, "t-1", Interaction),
        plain,
        entry(9, 7, "t-1", Planning),
    ];
    for entry in &entries {
        empty.append(entry).unwrap();
    }
    let check = |store: &dyn AuditStore| {
        assert_eq!(store.last_id().unwrap(), 9);
        let of_trace = store.of_trace("t-1").unwrap();
        assert_eq!(ids(&of_trace), [1, 4, 5, 9], "oldest first");
        for own in &of_trace {
            assert!(entries.contains(own), "{own:?}");
        }
        assert_eq!(store.of_trace("t-").unwrap(), []);
        assert_eq!(ids(&store.of_type(Planning, 9).unwrap()), [9, 2, 1]);
        assert_eq!(ids(&store.of_type(Planning, 2).unwrap()), [9, 2]);
        assert_eq!(store.of_type(AuditType::Budget, 9).unwrap(), []);
        assert_eq!(ids(&store.recent(usize::MAX).unwrap()), [9, 5, 2, 4, 1]);
        assert_eq!(ids(&store.recent(2).unwrap()), [9, 5], "newest first");
        assert_eq!(store.recent(0).unwrap(), []);
    };
    check(&*empty);
    drop(empty);
    let mut reopened = open();
    check(&*reopened);
    reopened.append(&entry(10, 8, "t-3", Interaction)).unwrap();
    assert_eq!(ids(&reopened.of_trace("t-3").unwrap()), [10]);
}

#[test]
fn every_store_conforms() {
    with_each(|path| check_store(|| store(path)));
}

#[test]
fn file_of_another_ending_is_refused_with_those_that_there_are() {
    for name in ["audit.txt", "audit", "audit.db.bak"] {
        let refused = AuditTrail::open(name).unwrap_err().to_string();
        assert!(refused.contains(name), "{refused}");
        assert!(
            refused.contains("ends in `.db` or `.sqlite` (SQLite) or in `.jsonl`"),
            "{refused}"
        );
        assert!(!Path::new(name).exists());
    }
}

#[test]
fn file_that_another_uses_or_that_cannot_be_made_is_refused() {
    with_each(|path| {
        let refusal = |path: &Path| AuditTrail::open(path).unwrap_err().to_string();
        let first = AuditTrail::open(path).unwrap();
        let refused = refusal(path);
        assert!(refused.ends_with("another process uses it"), "{refused}");
        drop(first);
        drop(AuditTrail::open(path).unwrap());

        let missing = path
            .parent()
            .unwrap()
            .join("no/such")
            .join(path.file_name().unwrap());
        let refused = refusal(&missing);
        assert!(refused.contains("cannot be used: "), "{refused}");
    });
}

#[cfg(unix)]
#[test]
fn file_in_a_read_only_folder_is_refused_and_nothing_is_left() {
    use std::{fs, os::unix::fs::PermissionsExt as _};
    with_each(|path| {
        let folder = path.parent().unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
        // Nothing is forbidden to root.
        if fs::write(folder.join("probe"), "").is_err() {
            let refused = AuditTrail::open(path).unwrap_err().to_string();
            assert!(refused.contains("cannot be used: "), "{refused}");
            assert!(!path.exists());
        }
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    });
}

#[cfg(feature = "sqlite")]
#[test]
fn sqlite_file_that_is_no_audit_trail_is_refused_and_left_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |path: &Path| AuditTrail::open(path).unwrap_err().to_string();
    let text = folder.path().join("notes.db");
    let notes = "not a database, but long enough to look like a file of some kind";
    std::fs::write(&text, notes).unwrap();
    assert!(refusal(&text).ends_with("it is not a valid audit trail"));
    assert_eq!(std::fs::read_to_string(&text).unwrap(), notes);

    let change = |name: &str, pragma: &str, value: i32| {
        let path = folder.path().join(name);
        drop(AuditTrail::open(&path).unwrap());
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.pragma_update(None, pragma, value).unwrap();
        path
    };
    let other = change("journal.db", "application_id", 0x7265_6865);
    assert!(refusal(&other).ends_with("it is another program's database"));
    let newer = change("newer.db", "user_version", 2);
    let refused = refusal(&newer);
    assert!(
        refused.ends_with("it is of version 2, this program uses version 1"),
        "{refused}"
    );

    let changed = folder.path().join("changed.db");
    SqliteAudit::open(&changed)
        .unwrap()
        .append(&entry(1, 0, "t", AuditType::Planning))
        .unwrap();
    let connection = rusqlite::Connection::open(&changed).unwrap();
    for (set, expected) in [
        (
            "at = 'noon'",
            "entry 1: \"noon\" is not a timestamp, expected one such as",
        ),
        (
            "at = '2025-01-01T00:00:00Z', type = 'plannning'",
            "entry 1: no entry of the audit trail is of type \"plannning\": did you mean \"planning\"?",
        ),
        (
            "type = 'planning', metadata = '{'",
            "entry 1: EOF while parsing",
        ),
    ] {
        connection
            .execute(&format!("UPDATE entries SET {set}"), [])
            .unwrap();
        // Like one that another process has opened.
        let copy = folder.path().join("copy.db");
        std::fs::remove_file(&copy).ok();
        connection
            .execute("VACUUM INTO ?", [copy.to_str().unwrap()])
            .unwrap();
        connection
            .query_row("PRAGMA application_id", [], |row| row.get::<_, i32>(0))
            .unwrap();
        let store = SqliteAudit::open(&copy).unwrap();
        let corrupt = store.recent(9).unwrap_err().to_string();
        assert!(corrupt.contains(expected), "{corrupt}");
    }
}

#[test]
fn half_written_last_line_is_dropped_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let mut store = JsonLinesAudit::open(&path).unwrap().0;
    for id in [1, 2] {
        store
            .append(&entry(id, id, "t", AuditType::Planning))
            .unwrap();
    }
    drop(store);
    let whole = std::fs::read(&path).unwrap();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    // Wherever the process was lost, in the middle of a character too.
    for length in first + 1..whole.len() - 1 {
        std::fs::write(&path, &whole[..length]).unwrap();
        let (mut store, warning) = JsonLinesAudit::open(&path).unwrap();
        let expected = "audit.jsonl:2: the last line was written in part and is dropped";
        assert_eq!(warning.as_deref(), Some(expected), "{length}");
        assert_eq!(std::fs::read(&path).unwrap(), whole[..first]);
        store
            .append(&entry(2, 2, "t", AuditType::Planning))
            .unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
    // One that lacks its end only is an entry.
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let (store, warning) = JsonLinesAudit::open(&path).unwrap();
    assert_eq!((warning, store.last_id().unwrap()), (None, 2));
    assert_eq!(std::fs::read(&path).unwrap(), whole);
}

#[test]
fn line_that_is_no_entry_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let good = serde_json::to_value(entry(7, 0, "t", AuditType::Planning)).unwrap();
    let with = |field: &str, value: Value| {
        let mut line = good.clone();
        line[field] = value;
        line.to_string()
    };
    for (line, expected) in [
        ("hello".to_owned(), "audit.jsonl:2:1: expected value"),
        (String::new(), "audit.jsonl:2:"),
        ("{}".to_owned(), "missing field `id`"),
        (
            with("type", "plannning".into()),
            "at /type: unknown variant `plannning`",
        ),
        (
            with("id", 7.into()),
            "audit.jsonl:2: expected an id above 7, found 7",
        ),
        (
            with("confidence", 1.5.into()),
            "audit.jsonl:2: expected a confidence of 0 to 1, found 1.5",
        ),
        (
            with("at", "noon".into()),
            "\"noon\" is not a timestamp, expected one such as \"2025-01-01T00:00:00Z\"",
        ),
        (with("reasons", "x".into()), "unknown field `reasons`"),
    ] {
        let text = format!("{good}\n{line}\n");
        std::fs::write(&path, &text).unwrap();
        let refused = AuditTrail::open(&path).unwrap_err().to_string();
        assert!(refused.contains(expected), "{line}: {refused}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    std::fs::write(&path, b"\xff\n").unwrap();
    let refused = AuditTrail::open(&path).unwrap_err().to_string();
    assert!(
        refused.contains("audit.jsonl:1: invalid utf-8"),
        "{refused}"
    );
}

fn trail_of(path: &Path) -> (Timeline, AuditTrail) {
    let timeline = Timeline::new(Clock::start());
    let trail = AuditTrail::open(path).unwrap();
    timeline.set_audit_trail(Some(trail.clone()));
    (timeline, trail)
}

fn head(run: Option<&str>, traceparent: Option<&str>) -> Arc<CallHead> {
    Arc::new(CallHead {
        context: Context {
            run: run.map(Into::into),
            step: run.map(|_| "pay".into()),
            traceparent: traceparent.map(Into::into),
        },
        ..CallHead::new(Call::ORCHESTRATOR, CallName::new("Payments", "charge"))
    })
}

fn started(head: &Arc<CallHead>, number: u64) -> EventKind {
    EventKind::CallStarted {
        head: Arc::clone(head),
        execution: 1,
        input: Arc::new(json!({"n": number, "cards": [{"apiKey": "k-1"}]})),
        number,
    }
}

fn ended(head: &Arc<CallHead>, number: u64, result: &str) -> EventKind {
    EventKind::CallEnded {
        head: Arc::clone(head),
        execution: 1,
        took: Duration::from_millis(20),
        result: result.into(),
        reply: (result == "ok").then(|| Arc::new(json!({"token": "t-9"}))),
        number,
    }
}

fn control(event: ControlEvent) -> EventKind {
    EventKind::Control(Box::new(event))
}

fn plan(trace: &str, run: &str) -> EventKind {
    control(ControlEvent::PlanCreated(Decision {
        trace: trace.into(),
        target: run.into(),
        reason: "4 steps for: log in with password=hunter2".into(),
        alternatives: vec!["a".into()],
        confidence: 0.75,
        metadata: Arc::new(
            json!({"goal": "password=hunter2", "steps": [{"input": {"clientSecret": "s-1"}}]}),
        ),
    }))
}

#[test]
fn each_decision_and_each_interaction_is_an_entry_of_its_goal() {
    with_each(|path| {
        virtually(async {
            let (timeline, trail) = trail_of(path);
            timeline.record(plan("goal-1", "plan-1"));
            timeline.record(control(ControlEvent::StageEntered {
                trace: "goal-1".into(),
                stage: LifecycleStage::Route,
                data: Arc::new(json!({})),
            }));
            timeline.record(control(ControlEvent::RouteDecided(Decision {
                trace: "goal-1".into(),
                target: "worker-2".into(),
                reason: "round robin".into(),
                alternatives: Vec::new(),
                confidence: 1.0,
                metadata: Arc::new(json!({"counter": 2})),
            })));
            timeline.record(control(ControlEvent::ApprovalRequested {
                request: "plan-1/pay".into(),
                operation: "paying 5".into(),
                risk: Severity::High,
                until: Duration::from_secs(300),
            }));
            for reason in ["it is cheap", ""] {
                timeline.record(control(ControlEvent::ApprovalEnded {
                    request: "plan-1/pay".into(),
                    status: ApprovalStatus::Approved,
                    approver: "ada".into(),
                    reason: reason.into(),
                }));
            }
            timeline.record(control(ControlEvent::ApprovalRefused {
                request: "plan-1/pay".into(),
                approver: "bob".into(),
                reason: "it is approved already".into(),
            }));
            let of_plan = head(Some("plan-1/pay~2"), Some("00-aa-bb-01"));
            timeline.record(started(&of_plan, 1));
            timeline.clock().sleep(Duration::from_millis(20)).await;
            timeline.record(ended(&of_plan, 1, "ok"));
            timeline.record(EventKind::CallRefused {
                head: of_plan,
                by: RefusedBy::Breaker,
                code: "SERVICE_UNAVAILABLE".into(),
                number: 2,
            });
            let rows: Vec<_> = trail.of_trace("goal-1").unwrap();
            let shown: Vec<_> = rows
                .iter()
                .map(|row| (row.kind.as_str(), &*row.target, &*row.reason))
                .collect();
            assert_eq!(
                shown,
                [
                    (
                        "planning",
                        "plan-1",
                        "4 steps for: log in with password=[redacted]"
                    ),
                    ("routing", "worker-2", "round robin"),
                    ("approval", "plan-1/pay", "approval is needed for: paying 5"),
                    ("approval", "plan-1/pay", "it is cheap"),
                    ("approval", "plan-1/pay", "approved by ada"),
                    ("approval", "plan-1/pay", "it is approved already"),
                    ("interaction", "Payments.charge", "step pay of plan-1/pay~2"),
                    ("refusal", "Payments.charge", "refused by the breaker"),
                ]
            );
            assert_eq!(ids(&rows), [1, 2, 3, 4, 5, 6, 7, 8]);
            let metadata: Vec<&Value> = rows.iter().map(|row| &*row.metadata).collect();
            assert_eq!(
                metadata[0],
                &json!({"goal": "password=[redacted]", "steps": [{"input": {"clientSecret": "[redacted]"}}]})
            );
            assert_eq!(
                (rows[0].confidence, &rows[0].alternatives),
                (Some(0.75), &vec!["a".into()])
            );
            assert_eq!(
                metadata[2],
                &json!({"event": "approval_requested", "operation": "paying 5", "risk": "high", "until": "300 s"})
            );
            assert_eq!(
                metadata[6],
                &json!({
                    "caller": "orchestrator", "run": "plan-1/pay~2", "step": "pay", "execution": 1,
                    "took": "20 ms", "result": "ok", "input": {"n": 1, "cards": [{"apiKey": "[redacted]"}]},
                    "reply": {"token": "[redacted]"},
                })
            );
            assert_eq!(metadata[7]["by"], "breaker");
            assert_eq!(
                crate::clock::rfc_3339(&rows[6].at),
                "2025-01-01T00:00:00.02Z"
            );
            let file = std::fs::read(path).unwrap();
            assert!(!String::from_utf8_lossy(&file).contains("hunter2"));
        });
    });
}

#[test]
fn trace_of_a_call_is_that_of_its_goal_then_of_its_caller_then_its_run() {
    with_each(|path| {
        virtually(async {
            let (timeline, trail) = trail_of(path);
            timeline.record(plan("goal-1", "plan-1"));
            let calls = [
                (Some("plan-1"), None, "goal-1"),
                (Some("plan-10"), None, "plan-10"),
                (Some("order-1/pay~2/card"), None, "order-1"),
                (Some("order-1"), Some("00-4bf9-00f0-01"), "4bf9"),
                (None, Some("00-4bf9-00f0-01"), "4bf9"),
                (None, None, "scenario"),
            ];
            for (number, (run, traceparent, _)) in (1..).zip(calls) {
                timeline.record(ended(&head(run, traceparent), number, "TIMEOUT"));
            }
            let expected: Vec<_> = calls.iter().map(|(.., trace)| *trace).collect();
            let mut entries = trail.of_type(AuditType::Interaction, 9).unwrap();
            entries.reverse();
            let found: Vec<_> = entries.iter().map(|entry| &*entry.trace).collect();
            assert_eq!(found, expected);
            // A new process knows the goals from the file.
            timeline.set_audit_trail(None);
            drop(trail);
            let (timeline, trail) = trail_of(path);
            timeline.record(ended(&head(Some("plan-1/x"), None), 9, "ok"));
            assert_eq!(ids(&trail.of_trace("goal-1").unwrap()), [1, 2, 8]);
        });
    });
}

#[test]
fn abandoned_executions_are_in_the_order_of_their_calls() {
    with_each(|path| {
        virtually(async {
            let (timeline, trail) = trail_of(path);
            let head = head(None, None);
            let numbers = || {
                let mut entries = trail.recent(99).unwrap();
                entries.reverse();
                let inputs = entries
                    .iter()
                    .map(|entry| entry.metadata["input"]["n"].as_u64().unwrap());
                inputs.collect::<Vec<_>>()
            };
            for number in 1..=7 {
                timeline.record(started(&head, number));
            }
            timeline.record(ended(&head, 7, "ok"));
            for number in [3, 1, 2] {
                timeline.record_abandoned(timeline.now(), ended(&head, number, "CANCELLED"));
            }
            timeline.clock().sleep(Duration::from_millis(1)).await;
            for number in [6, 4] {
                timeline.record_abandoned(timeline.now(), ended(&head, number, "CANCELLED"));
            }
            timeline.record(ended(&head, 5, "ok"));
            assert_eq!(numbers(), [7, 1, 2, 3, 4, 6, 5]);
            timeline.record(started(&head, 8));
            timeline.record_abandoned(timeline.now(), ended(&head, 8, "CANCELLED"));
            assert_eq!(
                numbers(),
                [7, 1, 2, 3, 4, 6, 5, 8],
                "read before more happens"
            );
            timeline.record(started(&head, 9));
            timeline.record_abandoned(timeline.now(), ended(&head, 9, "CANCELLED"));
            timeline.set_audit_trail(None);
            drop(trail);
            assert_eq!(AuditTrail::open(path).unwrap().recent(99).unwrap().len(), 9);
        });
    });
}

/// A store that fails as it is told.
struct Failing {
    why: Vec<Option<&'static str>>,
    appended: Vec<AuditEntry>,
}

impl AuditStore for Failing {
    fn append(&mut self, entry: &AuditEntry) -> Result<(), AuditError> {
        match self.why.remove(0) {
            Some(why) => Err(AuditError::Unwritable(Some(why.into()))),
            None => {
                self.appended.push(entry.clone());
                Ok(())
            }
        }
    }

    fn last_id(&self) -> Result<u64, AuditError> {
        Ok(0)
    }

    fn of_trace(&self, _: &str) -> Result<Vec<AuditEntry>, AuditError> {
        Ok(self.appended.clone())
    }

    fn of_type(&self, _: AuditType, _: usize) -> Result<Vec<AuditEntry>, AuditError> {
        Ok(Vec::new())
    }

    fn recent(&self, _: usize) -> Result<Vec<AuditEntry>, AuditError> {
        Ok(self.appended.clone())
    }
}

fn warnings(timeline: &Timeline) -> Vec<String> {
    timeline.read(|events| {
        let warning = |event: &Event| match &event.kind {
            EventKind::Warning { about, message } => Some(format!("{about}: {message}")),
            _ => None,
        };
        events.iter().filter_map(warning).collect()
    })
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_failure_is_one_warning() {
    let full = Some("disk full, password=x");
    let timeline = Timeline::new(Clock::start());
    let store = Failing {
        why: vec![full, None, full, Some("read-only"), full, None],
        appended: Vec::new(),
    };
    let trail = AuditTrail::new(store).unwrap();
    timeline.set_audit_trail(Some(trail.clone()));
    for number in 1..=6 {
        timeline.record(ended(&head(None, None), number, "ok"));
    }
    assert_eq!(
        warnings(&timeline),
        [
            "audit trail: the audit trail cannot be written\n  caused by: disk full, password=[redacted]",
            "audit trail: the audit trail cannot be written\n  caused by: read-only",
        ]
    );
    assert_eq!(ids(&trail.recent(9).unwrap()), [1, 2], "no id is skipped");
    timeline.read(|events| assert_eq!(events.len(), 8));
}

#[tokio::test(start_paused = true)]
async fn fault_is_hit_by_each_entry_and_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let (timeline, trail) = trail_of(&folder.path().join("audit.jsonl"));
    let hits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&hits);
    trail.fail(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let head = head(None, None);
    timeline.record(started(&head, 1));
    timeline.record_abandoned(timeline.now(), ended(&head, 1, "CANCELLED"));
    assert_eq!(trail.recent(9).unwrap(), []);
    timeline.record(ended(&head, 2, "ok"));
    assert_eq!(hits.load(Ordering::Relaxed), 2);
    assert_eq!(
        warnings(&timeline),
        ["audit trail: the audit trail cannot be written"]
    );
}

#[tokio::test(start_paused = true)]
async fn warning_of_a_mended_file_is_on_the_timeline_that_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    std::fs::write(&path, "{\"id\"").unwrap();
    let (timeline, _) = trail_of(&path);
    let expected = "audit trail: audit.jsonl:1: the last line was written in part and is dropped";
    assert_eq!(warnings(&timeline), [expected]);
}

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use super::{ids, trail_of, with_each};
use crate::{
    clock::{Clock, virtually},
    domain::{ApprovalStatus, Call, CallHead, CallName, Context, LifecycleStage, Severity},
    observability::{
        AuditEntry, AuditError, AuditStore, AuditTrail, AuditType, ControlEvent, Decision, Event,
        EventKind, RefusedBy, Timeline,
    },
};

fn head(run: Option<&str>, traceparent: Option<&str>) -> Arc<CallHead> {
    Arc::new(CallHead {
        context: Context {
            run: run.map(Into::into),
            step: run.map(|_| "pay".into()),
            traceparent: traceparent.map(Into::into),
            security: None,
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
        goal: 1,
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
                goal: 1,
                trace: "goal-1".into(),
                stage: LifecycleStage::Route,
                data: Arc::new(json!({})),
            }));
            timeline.record(control(ControlEvent::RouteDecided(Decision {
                goal: 1,
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
                permission: None,
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
                &json!({"event": "approval_requested", "operation": "paying 5", "risk": "high", "until": "5 min"})
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
fn each_plan_of_a_trace_is_an_entry() {
    with_each(|path| {
        virtually(async {
            let (timeline, trail) = trail_of(path);
            for number in 1..=4 {
                timeline.record(plan("goal-1", &format!("plan-{number}")));
                timeline.record(plan("goal-2", &format!("other-{number}")));
            }
            let plans = trail.of_trace("goal-1").unwrap();
            let targets: Vec<_> = plans.iter().map(|plan| &*plan.target).collect();
            assert_eq!(targets, ["plan-1", "plan-2", "plan-3", "plan-4"]);
            let all = trail.of_type(AuditType::Planning, 100).unwrap();
            assert_eq!(ids(&all), [8, 7, 6, 5, 4, 3, 2, 1]);
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

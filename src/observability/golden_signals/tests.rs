use serde_json::{Value, json};

use super::*;
use crate::{
    domain::{ApprovalStatus, CallHead, Severity, StepStatus, WorkflowStatus},
    observability::{Decision, RefusedBy},
};

const MS: fn(u64) -> Duration = Duration::from_millis;

fn event(at: u64, kind: EventKind) -> Event {
    Event { at: MS(at), kind }
}

fn ended(operation: &str, number: u64, took: u64, result: &str) -> Event {
    let head = CallHead::new("scenario", CallName::new("Payments", operation));
    event(
        took,
        EventKind::CallEnded {
            head: Arc::new(head),
            execution: 1,
            took: MS(took),
            result: result.into(),
            reply: None,
            number,
        },
    )
}

fn refused(number: u64) -> Event {
    let head = CallHead::new("scenario", CallName::new("Payments", "charge"));
    event(
        0,
        EventKind::CallRefused {
            head: Arc::new(head),
            by: RefusedBy::Bulkhead,
            permission: None,
            code: "BULKHEAD_FULL".into(),
            number,
        },
    )
}

fn signals(events: &[Event]) -> Value {
    serde_json::to_value(GoldenSignals::of(events)).unwrap()
}

#[test]
fn percentiles_are_of_the_nearest_rank() {
    let of = |durations: Vec<u64>| {
        let found = Percentiles::of(durations.into_iter().map(MS).collect());
        found.map(|found| [found.p50, found.p95, found.p99].map(|took| took.as_millis()))
    };
    assert_eq!(of(Vec::new()), None);
    assert_eq!(of(vec![7]), Some([7, 7, 7]));
    assert_eq!(of(vec![20, 10]), Some([10, 20, 20]));
    assert_eq!(of(vec![30, 10, 20]), Some([20, 30, 30]));
    assert_eq!(of((1..=100).rev().collect()), Some([50, 95, 99]));
    assert_eq!(of((1..=101).collect()), Some([51, 96, 100]));
    assert_eq!(of((1..=20).collect()), Some([10, 19, 20]));
}

#[test]
fn calls_count_by_their_last_result_and_executions_each() {
    let events = [
        // Retried, with success in the end.
        ended("charge", 1, 10, "TIMEOUT"),
        ended("charge", 1, 20, "ok"),
        ended("refund", 2, 30, "NO_CARD"),
        // Refused at first, or in the end.
        refused(3),
        ended("charge", 3, 40, "ok"),
        ended("charge", 4, 50, "TIMEOUT"),
        refused(4),
        refused(5),
        ended("charge", 6, 60, "ok"),
    ];
    assert_eq!(
        signals(&events),
        json!({
            "calls": 6, "successRate": 0.5, "executions": 6, "errorRate": 0.5, "refusals": 3,
            "latency": {"p50": "30 ms", "p95": "60 ms", "p99": "60 ms"},
            "operations": {
                "Payments.charge": {
                    "calls": 5, "successRate": 0.6, "executions": 5, "errorRate": 0.4, "refusals": 3,
                    "latency": {"p50": "40 ms", "p95": "60 ms", "p99": "60 ms"},
                },
                "Payments.refund": {
                    "calls": 1, "successRate": 0.0, "executions": 1, "errorRate": 1.0, "refusals": 0,
                    "latency": {"p50": "30 ms", "p95": "30 ms", "p99": "30 ms"},
                },
            },
        })
    );
    assert_eq!(
        signals(&[]),
        json!({"calls": 0, "executions": 0, "refusals": 0, "operations": {}})
    );
    let thirds = [
        ended("a", 1, 1, "ok"),
        ended("a", 2, 1, "ok"),
        ended("a", 3, 1, "NO"),
    ];
    assert_eq!(signals(&thirds)["successRate"], json!(0.6667));
}

#[test]
fn steps_count_for_the_run_and_the_goal_that_they_are_for() {
    let started = |run: &str| {
        event(
            0,
            EventKind::WorkflowStarted {
                workflow: "w".into(),
                run: run.into(),
                status: WorkflowStatus::Running,
            },
        )
    };
    let step = |run: &str, step: &str| {
        event(
            0,
            EventKind::StepEnded {
                run: run.into(),
                step: step.into(),
                status: StepStatus::Completed,
                took: MS(1),
            },
        )
    };
    let plan = |trace: &str, run: &str| {
        let decision = Decision {
            goal: 1,
            trace: trace.into(),
            target: run.into(),
            reason: "r".into(),
            alternatives: Vec::new(),
            confidence: 1.0,
            metadata: Arc::new(Value::Null),
        };
        event(
            0,
            EventKind::Control(Box::new(ControlEvent::PlanCreated(decision))),
        )
    };
    let mut events = vec![
        started("a"),
        step("a", "1"),
        started("a/2"),
        step("a/2", "x"),
        step("a", "2"),
        started("b"),
    ];
    assert_eq!(signals(&events)["stepsPerRun"], 1.5);
    assert_eq!(signals(&events).get("stepsPerGoal"), None);
    // Two plans of one goal, one of another whose plan never ran, and a run that is for none.
    events.extend([
        plan("g-1", "a"),
        plan("g-1", "b"),
        plan("g-2", "c"),
        step("b", "1"),
        started("d"),
        step("d", "1"),
    ]);
    assert_eq!(signals(&events)["stepsPerGoal"], 2.0);
    assert_eq!(signals(&events)["stepsPerRun"], json!(1.6667));
}

#[test]
fn approvals_wait_from_their_request_to_their_end() {
    let control = |at, control| event(at, EventKind::Control(Box::new(control)));
    let requested = |at, request: &str| {
        control(
            at,
            ControlEvent::ApprovalRequested {
                request: request.into(),
                operation: "paying".into(),
                risk: Severity::Low,
                until: MS(300_000),
            },
        )
    };
    let approved = |at, request: &str| {
        control(
            at,
            ControlEvent::ApprovalEnded {
                request: request.into(),
                status: ApprovalStatus::Approved,
                approver: "ada".into(),
                reason: "".into(),
            },
        )
    };
    let events = [
        // Answered before anyone asked.
        approved(5, "early"),
        requested(10, "a"),
        requested(20, "b"),
        approved(50, "b"),
        requested(60, "open"),
        approved(1_010, "a"),
    ];
    assert_eq!(
        signals(&events)["approvalWait"],
        json!({"p50": "30 ms", "p95": "1 s", "p99": "1 s"})
    );
}

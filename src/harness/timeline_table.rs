//! A timeline as a table for people and snapshots.

use serde_json::{Map, Value};

use super::table::{aligned, shortened};
use crate::observability::Event;

/// Maximum number of characters of a JSON value shown.
const JSON_SHOWN: usize = 80;

/// Fields whose values are clear without a name.
const BARE: [&str; 7] = [
    "status", "result", "input", "reply", "code", "fault", "message",
];

/// Events as a table: when, what, and the rest in one column, without a header.
///
/// The rest begins with the subject of the event, and ends with the run and step that a call belongs
/// to, or with its caller. The line that declared a fault is left out: it changes with every edit of
/// the feature.
pub fn timeline_table(events: &[Event]) -> String {
    table(events, JSON_SHOWN, true)
}

/// Like `timeline_table`, with every value in full, for snapshots. Of a scenario in real time, which never
/// takes the same time twice, times are left out.
pub fn timeline_snapshot(events: &[Event], with_times: bool) -> String {
    table(events, usize::MAX, with_times)
}

fn table(events: &[Event], json_shown: usize, with_times: bool) -> String {
    let rows: Vec<Vec<String>> = events
        .iter()
        .map(|event| {
            let mut fields = event.fields();
            if !with_times {
                fields.retain(|name, _| !matches!(name.as_str(), "at" | "took" | "delay" | "lag"));
            }
            vec![
                text(fields.shift_remove("at")),
                text(fields.shift_remove("event")),
                details(fields, json_shown),
            ]
        })
        .collect();
    aligned(&rows)
}

fn details(mut fields: Map<String, Value>, json_shown: usize) -> String {
    fields.shift_remove("declared at");
    let place = match (fields.contains_key("call"), fields.contains_key("step")) {
        (_, true) => {
            let run = text(fields.shift_remove("run"));
            let step = text(fields.shift_remove("step"));
            Some(format!("{run}/{step}"))
        }
        (true, false) => fields.shift_remove("run").map(|run| text(Some(run))),
        (false, false) => None,
    };
    let caller = fields.shift_remove("caller");

    let mut parts = Vec::new();
    if let Some(call) = fields.shift_remove("call") {
        parts.push(text(Some(call)));
        parts.extend(
            fields
                .iter()
                .map(|(name, value)| labelled(name, value, json_shown)),
        );
        match (place, caller) {
            (Some(place), _) => parts.push(format!("in {place}")),
            (None, Some(caller)) => parts.push(format!("from {}", text(Some(caller)))),
            (None, None) => {}
        }
        return parts.join("  ");
    }

    parts.extend(place);
    if let Some(service) = fields.shift_remove("service") {
        let operation = fields
            .shift_remove("operation")
            .map(|name| text(Some(name)));
        parts.push(match operation {
            Some(operation) => format!("{}.{operation}", text(Some(service))),
            None => text(Some(service)),
        });
    }
    for subject in ["workflow", "about", "subscription", "outbox", "type"] {
        parts.extend(fields.shift_remove(subject).map(|name| text(Some(name))));
    }
    parts.extend(caller.map(|caller| format!("from {}", text(Some(caller)))));
    parts.extend(
        fields
            .iter()
            .map(|(name, value)| labelled(name, value, json_shown)),
    );
    parts.join("  ")
}

fn labelled(name: &str, value: &Value, json_shown: usize) -> String {
    let shown = match value {
        Value::String(text) => text.replace('\n', "\\n"),
        json => shortened(&json.to_string(), json_shown),
    };
    if BARE.contains(&name) {
        shown
    } else if shown.is_empty() {
        format!("no {name}")
    } else {
        format!("{name} {shown}")
    }
}

fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use serde_json::json;

    use super::*;
    use crate::{
        domain::{CallHead, CallName, Context, Key, KeyOrigin, StepStatus, WorkflowStatus},
        observability::{CompensationHead, EventHead, EventKind, RefusedBy, Retried},
    };

    fn shown(events: impl IntoIterator<Item = (u64, EventKind)>) -> String {
        let events: Vec<Event> = events
            .into_iter()
            .map(|(at, kind)| Event {
                at: Duration::from_millis(at),
                kind,
            })
            .collect();
        timeline_table(&events)
    }

    fn by_scenario() -> Arc<CallHead> {
        Arc::new(CallHead::new("scenario", CallName::new("Stock", "hold")))
    }

    #[test]
    fn workflow_reads_from_top_to_bottom() {
        let hold = CallName::new("Stock", "hold");
        let (run, step): (Arc<str>, Arc<str>) = ("order-1".into(), "hold".into());
        let head = Arc::new(CallHead {
            caller: "orchestrator".into(),
            name: hold.clone(),
            context: Context {
                run: Some(run.clone()),
                step: Some(step.clone()),
                ..Context::default()
            },
        });
        let shown = shown([
            (
                0,
                EventKind::WorkflowStarted {
                    workflow: "order".into(),
                    run: run.clone(),
                    status: WorkflowStatus::Running,
                },
            ),
            (
                0,
                EventKind::StepStarted {
                    run: run.clone(),
                    step: step.clone(),
                    status: StepStatus::Running,
                },
            ),
            (
                0,
                EventKind::CallStarted {
                    head: head.clone(),
                    execution: 1,
                    input: Arc::new(json!({"sku": "a"})),
                    number: 1,
                },
            ),
            (
                0,
                EventKind::FaultInjected {
                    call: hold.clone(),
                    execution: Some(1),
                    fault: "error TIMEOUT".into(),
                    declared_at: "features/a.feature:3".into(),
                },
            ),
            (
                1_250,
                EventKind::CallEnded {
                    head,
                    execution: 1,
                    took: Duration::from_millis(1_250),
                    result: "TIMEOUT".into(),
                    reply: None,
                    number: 1,
                },
            ),
            (
                1_250,
                EventKind::RetryScheduled {
                    of: Retried::Call { call: hold.clone() },
                    execution: 1,
                    delay: Duration::from_millis(100),
                },
            ),
            (
                1_350,
                EventKind::CompensationEnded {
                    head: Arc::new(CompensationHead {
                        run,
                        step,
                        call: Some(CallName::new("Stock", "release")),
                    }),
                    result: "ok".into(),
                },
            ),
        ]);
        assert_eq!(
            shown,
            "\
0 ms        workflow_started    order  run order-1  running
0 ms        step_started        order-1/hold  running
0 ms        call_started        Stock.hold  execution 1  {\"sku\":\"a\"}  in order-1/hold
0 ms        fault_injected      Stock.hold  execution 1  error TIMEOUT
1 s 250 ms  call_ended          Stock.hold  execution 1  took 1 s 250 ms  TIMEOUT  in order-1/hold
1 s 250 ms  retry_scheduled     Stock.hold  execution 1  delay 100 ms
1 s 350 ms  compensation_ended  Stock.release  ok  in order-1/hold
"
        );
    }

    #[test]
    fn events_outside_workflows_name_their_service_or_caller() {
        let shown = shown([
            (
                5,
                EventKind::CallRefused {
                    head: by_scenario(),
                    by: RefusedBy::Breaker,
                    permission: None,
                    code: "SERVICE_UNAVAILABLE".into(),
                    number: 1,
                },
            ),
            (
                5,
                EventKind::BreakerOpened {
                    service: "Stock".into(),
                },
            ),
            (
                6,
                EventKind::Effect {
                    call: CallName::new("Stock", "hold"),
                    key: Key::of_step("order-1", "hold"),
                },
            ),
            (
                7,
                EventKind::Warning {
                    about: "hold".into(),
                    message: "slow\nvery".into(),
                },
            ),
            (8, EventKind::OrchestratorCrashed {}),
            (
                9,
                EventKind::Effect {
                    call: CallName::new("Stock", "hold"),
                    key: KeyOrigin::Http.key("Stock.hold\n"),
                },
            ),
        ]);
        assert_eq!(
            shown,
            "\
5 ms  call_refused          Stock.hold  by breaker  SERVICE_UNAVAILABLE  from scenario
5 ms  breaker_opened        Stock
6 ms  effect                Stock.hold  key order-1/hold
7 ms  warning               hold  slow\\nvery
8 ms  orchestrator_crashed
9 ms  effect                Stock.hold  no key
"
        );
    }

    #[test]
    fn subject_of_an_event_comes_first() {
        let head = Arc::new(EventHead {
            kind: "OrderPlaced".into(),
            source: "shop".into(),
            id: "event-1".into(),
            subject: None,
        });
        let shown = shown([
            (
                1,
                EventKind::PublisherCrashed {
                    outbox: "Outbox".into(),
                },
            ),
            (
                2,
                EventKind::EventHandled {
                    subscription: "Mail.send".into(),
                    head,
                },
            ),
        ]);
        assert_eq!(
            shown,
            "\
1 ms  publisher_crashed  Outbox
2 ms  event_handled      Mail.send  OrderPlaced  source shop  id event-1
"
        );
    }

    #[test]
    fn long_json_is_cut() {
        let shown = shown([(
            0,
            EventKind::CallStarted {
                head: by_scenario(),
                execution: 1,
                input: Arc::new(json!({"text": "x".repeat(200)})),
                number: 1,
            },
        )]);
        assert!(shown.contains("xxx…  from scenario"), "{shown}");
        assert!(shown.len() < 160, "{shown}");
    }
}

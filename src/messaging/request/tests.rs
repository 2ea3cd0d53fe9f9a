use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Requests, ServiceRequest};
use crate::{
    clock::{Clock, virtually},
    domain::{CallName, RequestStatus, from_json},
    observability::{EventKind, Timeline},
    resilience::Retry,
    services::{Answer, Client, Effects, Executions, Faults, MockService, Registry, Script},
};

const ALWAYS: Executions = Executions {
    first: 1,
    last: None,
};

#[derive(Clone, Debug)]
struct DrawnRequest {
    submitted_at: u64,
    takes: u64,
    succeeds: bool,
}

fn drawn_request() -> impl Strategy<Value = DrawnRequest> {
    (0..50_u64, 0..50_u64, any::<bool>()).prop_map(|(submitted_at, takes, succeeds)| DrawnRequest {
        submitted_at,
        takes,
        succeeds,
    })
}

fn requests(drawn: &[DrawnRequest], callbacks_fail: u32) -> Requests {
    let timeline = Timeline::new(Clock::start());
    let registry = Registry::default();
    let effects = Effects::new(timeline.clone());
    for number in 0..drawn.len() {
        registry.add(MockService::bare(&format!("Work{number}"), effects.clone()));
    }
    registry.add(MockService::bare("Inbox", effects));
    let faults = Faults::default();
    let script = |service: &str, rows: Vec<(Executions, Answer)>| {
        let rows = rows.into_iter().map(|(executions, answer)| {
            let fault = answer.response.is_fault();
            let fault = fault.then(|| faults.declare("drawn", "here"));
            (executions, answer, fault)
        });
        let set = |script: &Script| script.answers("op", rows.collect::<Vec<_>>());
        registry.script(service, |script, _| set(script)).unwrap();
    };
    for (number, request) in drawn.iter().enumerate() {
        let takes = request.takes;
        let word = if request.succeeds {
            "ok"
        } else {
            "error PERMANENT_ERROR"
        };
        let answer = format!("after {takes} ms {word}").parse().unwrap();
        script(&format!("Work{number}"), vec![(ALWAYS, answer)]);
    }
    let failing = Executions {
        first: 1,
        last: Some(callbacks_fail.max(1)),
    };
    if callbacks_fail > 0 {
        let answer = "after 3 ms error CONNECTION_RESET".parse().unwrap();
        script("Inbox", vec![(failing, answer)]);
    }
    let client = Client::new(registry, faults, timeline);
    client.policies().every.retry = Some(
        from_json::<Retry>(r#"{"maxRetries": 1, "base": "7ms"}"#, "retry", 1)
            .unwrap()
            .into(),
    );
    Requests::new(Arc::new(client))
}

/// The changes and callbacks of one request on the timeline.
fn recorded(requests: &Requests, id: &str) -> (Vec<RequestStatus>, Vec<Value>) {
    let (mut changes, mut callbacks) = (Vec::new(), Vec::new());
    requests.client().timeline().read(|events| {
        for event in events {
            match &event.kind {
                EventKind::RequestAccepted {
                    request, status, ..
                }
                | EventKind::RequestStatusChanged { request, status }
                    if **request == *id =>
                {
                    changes.push(*status);
                }
                EventKind::CallStarted { head, input, .. }
                    if head.name.service() == "Inbox" && input["requestId"] == *id =>
                {
                    callbacks.push(input["status"].clone());
                }
                _ => {}
            }
        }
    });
    (changes, callbacks)
}

async fn check(drawn: Vec<DrawnRequest>, at_a_time: Option<u32>, callbacks_fail: u32) {
    let requests = requests(&drawn, callbacks_fail);
    if let Some(count) = at_a_time.and_then(std::num::NonZeroU32::new) {
        requests.process_at_a_time(count);
    }
    let clock = requests.client().timeline().clock();
    let mut numbered: Vec<_> = drawn.iter().enumerate().collect();
    numbered.sort_by_key(|(_, request)| request.submitted_at);
    let mut ids = Vec::new();
    for (number, request) in numbered {
        clock
            .sleep_until(Duration::from_millis(request.submitted_at))
            .await;
        let call = CallName::new(&format!("Work{number}"), "op");
        let sent = ServiceRequest::new("test", call, json!({}));
        let callback = CallName::new("Inbox", "op");
        let receipt = requests.submit(sent, Some(callback)).unwrap();
        ids.push((receipt.request_id, request.succeeds));
    }
    for (id, succeeds) in &ids {
        requests.ended(id).await.unwrap();
        let end = match succeeds {
            true => RequestStatus::Completed,
            false => RequestStatus::Failed,
        };
        assert_eq!(requests.get(id).unwrap().status, end);
    }
    clock.sleep(Duration::from_secs(60)).await;
    for (id, succeeds) in &ids {
        let end = match succeeds {
            true => RequestStatus::Completed,
            false => RequestStatus::Failed,
        };
        let (changes, mut callbacks) = recorded(&requests, id);
        let expected = [RequestStatus::Pending, RequestStatus::Processing, end];
        assert_eq!(changes, expected, "{id}");
        callbacks.dedup();
        assert_eq!(callbacks, ["processing", end.as_str()], "{id}");
    }
    clock.sleep(Duration::from_secs(300)).await;
    assert!(ids.iter().all(|(id, _)| requests.get(id).is_err()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_request_ends_and_its_callbacks_follow_in_order(
        drawn in prop::collection::vec(drawn_request(), 1..6),
        at_a_time in prop::option::of(1..4_u32),
        callbacks_fail in 0..8_u32,
    ) {
        virtually(check(drawn, at_a_time, callbacks_fail));
    }
}

#[tokio::test(start_paused = true)]
async fn request_overrides_timeout_and_retries() {
    let drawn = DrawnRequest {
        submitted_at: 0,
        takes: 10,
        succeeds: true,
    };
    let requests = requests(&[drawn], 0);
    let mut request = ServiceRequest::new("test", CallName::new("Work0", "op"), json!({}));
    for (timeout, retries, executions, took) in
        [(0, 0, 1, 0), (0, 2, 3, 300), (9, 1, 2, 118), (10, 0, 1, 10)]
    {
        request.timeout = Some(Duration::from_millis(timeout));
        request.retry = Some(Retry::up_to(retries).into());
        let metadata = requests.send(&request).await.metadata;
        assert_eq!(metadata.executions, executions, "timeout {timeout}");
        assert_eq!(metadata.response_time, Duration::from_millis(took));
    }
}

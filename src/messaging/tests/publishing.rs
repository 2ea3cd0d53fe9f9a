//! Publishers and relays.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::rig::Rig;
use crate::{
    domain::{Call, Failure, Reply, code},
    messaging::{EventBus, EventDraft, reconnect_delay},
    services::{CallResult, Service},
};

/// Refuses events of the subject `bad` while it is set.
struct RefusingBus(Arc<AtomicBool>);

#[async_trait]
impl Service for RefusingBus {
    fn name(&self) -> &str {
        EventBus::NAME
    }

    async fn call(&self, call: &Call) -> CallResult {
        let bad = |event: &Value| event["subject"] == "bad";
        if bad(&call.input) && self.0.load(Ordering::Relaxed) {
            return Err(Box::new(Failure::new(code::VALIDATION_FAILED, "bad")));
        }
        Ok(Reply::new(json!({})))
    }
}

fn rig() -> (Rig, Arc<AtomicBool>) {
    let rig = Rig::new();
    let refusing = Arc::new(AtomicBool::new(true));
    rig.registry.add(RefusingBus(Arc::clone(&refusing)));
    (rig, refusing)
}

fn subjects(rig: &Rig) -> Vec<String> {
    let published = rig.published();
    let subjects = published.iter().map(|head| head.subject.as_deref());
    subjects.flatten().map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn many_events_of_a_refused_subject_do_not_block_others() {
    let (rig, refusing) = rig();
    for _ in 0..350 {
        rig.publish(Some("bad")).await.unwrap();
    }
    rig.publish(Some("good")).await.unwrap();
    rig.bus.activity().idle().await;
    assert_eq!(subjects(&rig), ["good"]);

    tokio::time::sleep(Duration::from_secs(10)).await;
    rig.publish(Some("better")).await.unwrap();
    rig.bus.activity().idle().await;
    assert_eq!(subjects(&rig), ["good", "better"]);

    refusing.store(false, Ordering::Relaxed);
    rig.bus.activity().drained().await;
    let published = rig.published();
    let ids: Vec<&str> = published[2..].iter().map(|head| &*head.id).collect();
    let expected: Vec<String> = (1..=350).map(|n| format!("event-{n}")).collect();
    assert_eq!(ids, expected, "in the order they were stored");
}

#[tokio::test(start_paused = true)]
async fn refused_event_published_by_another_service_is_not_retried() {
    let (rig, _) = rig();
    rig.publish(Some("bad")).await.unwrap();
    rig.bus.activity().idle().await;
    let mark = Call::new(
        Call::SCENARIO,
        "Outbox.markPublished".parse().unwrap(),
        json!({ "events": { "test": ["event-1"] } }),
    );
    let policy = Default::default();
    rig.client.call(&mark, &policy, None).await.unwrap();
    let drained = rig.bus.activity().drained();
    let drained = tokio::time::timeout(Duration::from_secs(60), drained).await;
    assert!(drained.is_ok(), "nothing is left to publish");
    assert!(rig.published().is_empty());
}

#[tokio::test(start_paused = true)]
async fn invalid_event_is_refused_before_storing_and_uses_no_sequence_number() {
    let rig = Rig::new();
    let mut draft = EventDraft {
        subject: Some("order-1".into()),
        ..EventDraft::new("Happened")
    };
    draft.extensions.insert("userId".to_owned(), json!("u-1"));
    let refused = rig.publisher.publish(draft.clone()).await.unwrap_err();
    assert_eq!(&*refused.code, code::VALIDATION_FAILED);
    assert_eq!(refused.field.as_deref(), Some("userId"));
    assert!(rig.timeline.take().is_empty(), "no call is made");

    draft.extensions.clear();
    let event = rig.publisher.publish(draft).await.unwrap();
    assert_eq!(event.sequence, Some(1));
}

#[test]
fn reconnect_delays_grow_to_a_minute_and_never_end() {
    let delays =
        [0, 1, 2, 3, 4, 5, 6, 7, u32::MAX].map(|failures| reconnect_delay(failures).as_secs());
    assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
}

//! A bus that refuses some events and takes others.

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
    messaging::EventBus,
    services::{CallResult, Service},
};

/// Refuses whatever holds an event of the subject `bad`, as long as it is stubborn.
struct StubbornBus(Arc<AtomicBool>);

#[async_trait]
impl Service for StubbornBus {
    fn name(&self) -> &str {
        EventBus::NAME
    }

    async fn call(&self, call: &Call) -> CallResult {
        let bad = |event: &Value| event["subject"] == "bad";
        let refuses = match &*call.input {
            Value::Array(batch) => batch.iter().any(bad),
            event => bad(event),
        };
        if refuses && self.0.load(Ordering::Relaxed) {
            return Err(Box::new(Failure::new(code::VALIDATION_FAILED, "bad")));
        }
        Ok(Reply::new(json!({})))
    }
}

fn rig() -> (Rig, Arc<AtomicBool>) {
    let rig = Rig::new();
    let stubborn = Arc::new(AtomicBool::new(true));
    rig.registry.add(StubbornBus(Arc::clone(&stubborn)));
    (rig, stubborn)
}

fn subjects(rig: &Rig) -> Vec<String> {
    let published = rig.published();
    let subjects = published.iter().map(|head| head.subject.as_deref());
    subjects.flatten().map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn many_events_behind_a_refused_one_do_not_keep_others_from_the_bus() {
    let (rig, stubborn) = rig();
    for _ in 0..350 {
        rig.publish(Some("bad")).await.unwrap();
    }
    rig.publish(Some("good")).await.unwrap();
    rig.bus.activity().quiet().await;
    assert_eq!(subjects(&rig), ["good"]);

    tokio::time::sleep(Duration::from_secs(600)).await;
    rig.publish(Some("better")).await.unwrap();
    rig.bus.activity().quiet().await;
    assert_eq!(subjects(&rig), ["good", "better"]);

    stubborn.store(false, Ordering::Relaxed);
    rig.bus.activity().settled().await;
    let published = rig.published();
    let ids: Vec<&str> = published[2..].iter().map(|head| &*head.id).collect();
    let expected: Vec<String> = (1..=350).map(|n| format!("event-{n}")).collect();
    assert_eq!(ids, expected, "in the order they were stored");
}

#[tokio::test(start_paused = true)]
async fn a_refused_event_that_somebody_else_publishes_is_forgotten() {
    let (rig, _) = rig();
    rig.publish(Some("bad")).await.unwrap();
    rig.bus.activity().quiet().await;
    let mark = Call::new(
        Call::SCENARIO,
        "Outbox.markPublished".parse().unwrap(),
        json!({ "events": { "test": ["event-1"] } }),
    );
    let policy = Default::default();
    rig.client.call(&mark, &policy, None).await.unwrap();
    let settled = rig.bus.activity().settled();
    let settled = tokio::time::timeout(Duration::from_secs(60), settled).await;
    assert!(settled.is_ok(), "nothing is left to publish");
    assert!(rig.published().is_empty());
}

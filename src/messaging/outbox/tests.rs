//! What every outbox must do, and the table of publications.

use std::sync::Arc;

use serde_json::json;

use super::{MemoryOutbox, Outbox, OutboxError, Publication};
use crate::{
    clock::{EPOCH, Seed},
    domain::{Failure, code},
    messaging::{CloudEvent, EventDocument, TraceContext},
};

/// Checks that outboxes conform; `empty` makes an empty one.
pub(crate) fn check_outbox<O: Outbox>(empty: impl Fn() -> O) {
    keeps_the_order(&empty());
    stores_all_or_none(&empty());
    marks_all_or_none(&empty());
    keeps_published_events(&empty());
    keeps_the_last_failure(&empty());
    sets_dead_letters_aside(&empty());
    returns_the_stored_document(&empty());
}

/// An event with an id.
pub(crate) fn event(id: &str) -> EventDocument {
    EventDocument::from(&CloudEvent {
        id: id.into(),
        source: "shop".into(),
        kind: "OrderPlaced".into(),
        subject: Some("order-1".into()),
        time: EPOCH,
        trace: TraceContext::new(Seed(1)),
        correlation_id: None,
        causation_id: Some("command-1".into()),
        sequence: Some(1),
        extensions: serde_json::Map::from_iter([("region".to_owned(), json!("eu"))]),
        data: Arc::new(json!({ "total": 12.5 })),
    })
}

fn ids(outbox: &impl Outbox, limit: usize) -> Vec<String> {
    let events = outbox.unpublished(limit).unwrap();
    events
        .iter()
        .map(|event| event.head().id.to_string())
        .collect()
}

fn status(outbox: &impl Outbox, id: &str) -> (Publication, Option<Failure>) {
    let found = outbox.publication(&event(id).event_id()).unwrap();
    let found = found.expect("it is stored");
    (found.status, found.failure)
}

fn down() -> Failure {
    Failure::new(code::SERVICE_UNAVAILABLE, "the bus is down")
}

fn keeps_the_order(outbox: &impl Outbox) {
    outbox.store(&[event("b"), event("a")]).unwrap();
    outbox.store(&[event("c")]).unwrap();
    assert_eq!(ids(outbox, 10), ["b", "a", "c"]);
    assert_eq!(ids(outbox, 2), ["b", "a"]);
    outbox
        .mark_failed(&[event("b").event_id()], &down())
        .unwrap();
    assert_eq!(ids(outbox, 10), ["b", "a", "c"], "a failed one stays ahead");
    outbox.mark_published(&[event("a").event_id()]).unwrap();
    assert_eq!(ids(outbox, 10), ["b", "c"]);
}

fn stores_all_or_none(outbox: &impl Outbox) {
    outbox.store(&[event("a")]).unwrap();
    let stored = outbox.store(&[event("b"), event("a"), event("c")]);
    assert!(matches!(stored, Err(OutboxError::AlreadyStored(id)) if id == event("a").event_id()));
    let stored = outbox.store(&[event("b"), event("b")]);
    assert!(matches!(stored, Err(OutboxError::AlreadyStored(id)) if id == event("b").event_id()));
    assert_eq!(ids(outbox, 10), ["a"]);
    outbox.store(&[event("b"), event("c")]).unwrap();
    assert_eq!(ids(outbox, 10), ["a", "b", "c"]);
}

fn marks_all_or_none(outbox: &impl Outbox) {
    outbox.store(&[event("a")]).unwrap();
    let both = [event("a").event_id(), event("b").event_id()];
    let unknown = |result| matches!(result, Err(OutboxError::Unknown(id)) if id == both[1]);
    assert!(unknown(outbox.mark_published(&both)));
    assert!(unknown(outbox.mark_failed(&both, &down())));
    assert!(unknown(outbox.mark_dead_lettered(&both, &down())));
    assert!(unknown(outbox.redrive(&both[1]).map(drop)));
    assert_eq!(status(outbox, "a"), (Publication::Pending, None));
    assert_eq!(outbox.publication(&both[1]).unwrap(), None);
}

fn keeps_published_events(outbox: &impl Outbox) {
    outbox.store(&[event("a")]).unwrap();
    let id = [event("a").event_id()];
    outbox.mark_published(&id).unwrap();
    outbox.mark_published(&id).unwrap();
    outbox.mark_failed(&id, &down()).unwrap();
    outbox.mark_dead_lettered(&id, &down()).unwrap();
    assert_eq!(status(outbox, "a"), (Publication::Published, None));
    let redriven = outbox.redrive(&id[0]).unwrap();
    assert_eq!(redriven.status, Publication::Published);
    assert_eq!(status(outbox, "a"), (Publication::Published, None));
    assert!(ids(outbox, 10).is_empty());
    assert!(outbox.store(&[event("a")]).is_err(), "still known");
}

fn keeps_the_last_failure(outbox: &impl Outbox) {
    outbox.store(&[event("a")]).unwrap();
    let id = [event("a").event_id()];
    let second = Failure::new(code::TIMEOUT, "no answer");
    outbox.mark_failed(&id, &down()).unwrap();
    outbox.mark_failed(&id, &second).unwrap();
    assert_eq!(status(outbox, "a"), (Publication::Failed, Some(second)));
    outbox.mark_published(&id).unwrap();
    assert_eq!(status(outbox, "a"), (Publication::Published, None));
}

fn sets_dead_letters_aside(outbox: &impl Outbox) {
    let id = |id: &str| [event(id).event_id()];
    outbox.store(&[event("a"), event("b"), event("c")]).unwrap();
    outbox.mark_failed(&id("a"), &down()).unwrap();
    outbox.mark_dead_lettered(&id("a"), &down()).unwrap();
    assert_eq!(ids(outbox, 10), ["b", "c"]);
    let dead = (Publication::DeadLettered, Some(down()));
    assert_eq!(status(outbox, "a"), dead);
    let other = Failure::new(code::TIMEOUT, "no answer");
    outbox.mark_failed(&id("a"), &other).unwrap();
    assert_eq!(status(outbox, "a"), dead, "it is not tried again");
    assert!(outbox.store(&[event("a")]).is_err(), "still known");

    let redriven = outbox.redrive(&id("a")[0]).unwrap();
    assert_eq!(redriven.status, Publication::Pending);
    assert!(!redriven.behind_newer);
    assert_eq!(ids(outbox, 10), ["a", "b", "c"], "in its old place");
    assert_eq!(status(outbox, "a"), (Publication::Pending, None));

    outbox.mark_dead_lettered(&id("b"), &down()).unwrap();
    outbox.mark_published(&id("a")).unwrap();
    let redriven = outbox.redrive(&id("b")[0]).unwrap();
    assert!(!redriven.behind_newer, "an older one is no newer one");
    outbox.mark_dead_lettered(&id("b"), &down()).unwrap();
    outbox.mark_published(&id("c")).unwrap();
    let redriven = outbox.redrive(&id("b")[0]).unwrap();
    assert!(redriven.behind_newer);
    outbox.mark_dead_lettered(&id("b"), &down()).unwrap();
    outbox.mark_published(&id("b")).unwrap();
    assert_eq!(status(outbox, "b"), (Publication::Published, None));
}

fn returns_the_stored_document(outbox: &impl Outbox) {
    outbox.store(&[event("a")]).unwrap();
    assert_eq!(outbox.unpublished(1).unwrap(), [event("a")]);
}

#[test]
fn memory_outbox_conforms() {
    check_outbox(MemoryOutbox::default);
}

#[test]
fn published_is_final() {
    for (from, to) in [
        (Publication::Pending, Publication::Published),
        (Publication::Pending, Publication::Failed),
        (Publication::Failed, Publication::Published),
        (Publication::Failed, Publication::Failed),
        (Publication::Failed, Publication::DeadLettered),
        (Publication::DeadLettered, Publication::Pending),
        (Publication::DeadLettered, Publication::Published),
    ] {
        assert!(from.can_become(to), "{from:?} → {to:?}");
    }
    for from in Publication::ALL {
        assert_eq!(
            from.can_become(Publication::Pending),
            from == Publication::DeadLettered,
            "{from:?} → Pending"
        );
        assert!(
            !Publication::Published.can_become(from),
            "Published → {from:?}"
        );
    }
}

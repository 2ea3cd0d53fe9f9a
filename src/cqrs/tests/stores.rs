use std::sync::Arc;

use serde_json::json;

use crate::{
    clock::{EPOCH, Seed},
    cqrs::{EventStore, Snapshot, StreamId, store::EventStoreError},
    domain::{Failure, code},
    messaging::{CloudEvent, EventId, Outbox as _, Publication, TraceContext, outbox_tests},
};

pub(super) fn event(stream: &StreamId, version: u64, command: &str) -> Arc<CloudEvent> {
    Arc::new(CloudEvent {
        id: stream.event_id(version).into(),
        source: stream.source().into(),
        kind: format!("E{version}").into(),
        subject: Some(Arc::clone(&stream.id)),
        time: EPOCH,
        trace: TraceContext::new(Seed(1)),
        correlation_id: Some(Arc::clone(&stream.id)),
        causation_id: Some(command.into()),
        sequence: Some(version),
        extensions: serde_json::Map::new(),
        data: Arc::new(json!({"n": version, "exact": 31.245270191439438})),
    })
}

/// The events of a command, after a version.
pub(super) fn events(
    stream: &StreamId,
    expected: u64,
    count: u64,
    command: &str,
) -> Vec<Arc<CloudEvent>> {
    let versions = expected + 1..=expected + count;
    versions
        .map(|version| event(stream, version, command))
        .collect()
}

pub(super) fn account(id: &str) -> StreamId {
    StreamId::new("Account", id)
}

/// Checks an empty event store.
pub(super) fn check_store(store: &EventStore) {
    let (one, two) = (account("a"), account("b"));
    assert_eq!(store.last_position(), 0);
    assert_eq!(store.load(&one, 0), []);
    assert_eq!(
        store
            .append(&one, 0, &events(&one, 0, 2, "c-1"), None)
            .unwrap(),
        2
    );
    assert_eq!(
        store
            .append(&two, 0, &events(&two, 0, 1, "c-1"), None)
            .unwrap(),
        1
    );
    assert_eq!(
        store
            .append(&one, 2, &events(&one, 2, 1, "c-2"), Some(&digest(2)))
            .unwrap(),
        3
    );

    // Events are in order within an aggregate and over all of them.
    assert_eq!(store.load(&one, 0)[..2], events(&one, 0, 2, "c-1"));
    assert_eq!(store.load(&one, 2), events(&one, 2, 1, "c-2"));
    assert_eq!(store.load(&one, 3), []);
    assert_eq!(store.load(&one, u64::MAX), []);
    let read = |after, limit| -> Vec<(u64, String)> {
        let events = store.read(after, limit).into_iter();
        events
            .map(|stored| (stored.position, stored.event.event_id().to_string()))
            .collect()
    };
    let all = [
        (1, "/Account#a/1".to_owned()),
        (2, "/Account#a/2".to_owned()),
        (3, "/Account#b/1".to_owned()),
        (4, "/Account#a/3".to_owned()),
    ];
    assert_eq!(read(0, 10), all);
    assert_eq!(read(1, 2), all[1..3]);
    assert_eq!(read(4, 10), []);
    assert_eq!(read(u64::MAX, 10), []);
    assert_eq!(store.last_position(), 4);

    // A conflict, below or above the version, names both versions and changes nothing.
    for expected in [0, 2, 4, u64::from(u32::MAX)] {
        let error = store
            .append(&one, expected, &events(&one, expected, 1, "c-3"), None)
            .unwrap_err();
        assert!(
            matches!(&error, EventStoreError::Conflict { stream, expected: found, actual: 3 }
                if *stream == one && *found == expected),
            "{error}"
        );
    }
    assert!(matches!(
        store.append(&account("new"), 1, &[], None),
        Err(EventStoreError::Conflict { actual: 0, .. })
    ));
    assert!(store.append(&one, u64::MAX, &[], None).is_err());
    let far = [event(&one, u64::MAX, "c-3")];
    assert!(store.append(&one, u64::MAX, &far, None).is_err());
    assert_eq!(store.append(&one, 3, &[], None).unwrap(), 3);

    // A repeated command has the same result, whichever version it expects.
    for expected in [0, 3] {
        let again = events(&one, expected, 2, "c-1");
        assert_eq!(store.append(&one, expected, &again, None).unwrap(), 2);
    }
    let handled = store.handled(&one, "c-1").unwrap();
    assert_eq!(handled.version, 2);
    assert_eq!(handled.events, ["E1".into(), "E2".into()]);
    assert_eq!(store.handled(&one, "c-3"), None);
    check_digests(store, &one);
    assert_eq!(store.handled(&account("new"), "c-1"), None);

    // Events that do not follow are refused, and none of them is stored.
    let mut twice = events(&one, 3, 2, "c-4");
    twice[1] = event(&one, 4, "c-4");
    let mut other = events(&one, 3, 2, "c-4");
    other[1] = event(&one, 5, "c-5");
    for misfits in [
        twice,
        other,
        events(&two, 3, 1, "c-4"),
        events(&one, 4, 1, "c-4"),
        events(&StreamId::new("Order", "a"), 3, 1, "c-4"),
    ] {
        assert!(matches!(
            store.append(&one, 3, &misfits, None),
            Err(EventStoreError::Misfit { .. })
        ));
    }
    assert_eq!(store.last_position(), 4);

    // The latest snapshot stays; one of an aggregate without events is dropped.
    let snapshot = |version| Snapshot {
        version,
        revision: Some("r".into()),
        state: Arc::new(json!({"at": version})),
    };
    assert_eq!(store.load_snapshot(&one), None);
    for version in [1, 3, 2] {
        store.save_snapshot(&one, &snapshot(version)).unwrap();
    }
    assert_eq!(store.load_snapshot(&one), Some(snapshot(3)));
    // One of another revision is of no use, however late its version.
    let other = Snapshot {
        revision: None,
        ..snapshot(4)
    };
    store.save_snapshot(&one, &other).unwrap();
    assert_eq!(store.load_snapshot(&one), Some(other));
    store.save_snapshot(&one, &snapshot(3)).unwrap();
    assert_eq!(store.load_snapshot(&one), Some(snapshot(3)));
    assert_eq!(store.load_snapshot(&two), None);
    store.save_snapshot(&account("new"), &snapshot(1)).unwrap();
    assert_eq!(store.load_snapshot(&account("new")), None);

    check_publication(store, &one);
}

/// The digest of a command.
pub(super) fn digest(number: u8) -> Arc<str> {
    number.to_string().into()
}

/// Checks that `c-2`, of one event at version 3, is known by its digest, and `c-1` without one.
pub(super) fn check_digests(store: &EventStore, one: &StreamId) {
    let again = |command, digest: Option<&Arc<str>>| {
        let version = store.load(one, 0).len() as u64;
        store.append(one, version, &events(one, version, 1, command), digest)
    };
    for same in [None, Some(&digest(2))] {
        assert_eq!(again("c-2", same).unwrap(), 3);
        assert_eq!(again("c-1", same).unwrap(), 2);
    }
    let error = again("c-2", Some(&digest(3))).unwrap_err();
    assert_eq!(&*error.failure().code, code::IDEMPOTENCY_KEY_REUSED);
    assert_eq!(store.handled(one, "c-2").unwrap().digest, Some(digest(2)));
    assert_eq!(store.handled(one, "c-1").unwrap().digest, None);
}

/// Checks that appended events wait to be published.
fn check_publication(store: &EventStore, one: &StreamId) {
    let ids = || -> Vec<String> {
        let events = store.unpublished(10).unwrap();
        events
            .iter()
            .map(|event| event.head().id.to_string())
            .collect()
    };
    let id = |version| event(one, version, "c").event_id();
    assert_eq!(ids(), ["a/1", "a/2", "b/1", "a/3"]);
    store.mark_published(&[id(2)]).unwrap();
    assert_eq!(ids(), ["a/1", "b/1", "a/3"]);
    let down = Failure::new("SERVICE_UNAVAILABLE", "down");
    store.mark_failed(&[id(1), id(2)], &down).unwrap();
    let publication = |event: &EventId| {
        let found = store.publication(event).unwrap()?;
        Some((found.status, found.failure))
    };
    assert_eq!(publication(&id(1)), Some((Publication::Failed, Some(down))));
    assert_eq!(publication(&id(2)), Some((Publication::Published, None)));
    assert_eq!(publication(&id(3)), Some((Publication::Pending, None)));
    assert_eq!(publication(&id(4)), None);
    store.mark_published(&[id(1)]).unwrap();
    assert_eq!(ids(), ["b/1", "a/3"]);

    // An event without an aggregate has a position, but is in no stream.
    let stored_alone = outbox_tests::event("alone");
    store.store(std::slice::from_ref(&stored_alone)).unwrap();
    assert_eq!(ids(), ["b/1", "a/3", "alone"]);
    let stored = &store.read(4, 1)[0].event;
    assert_eq!(**stored, CloudEvent::try_from(&stored_alone).unwrap());
    assert!(store.store(&[(&*event(one, 3, "c-2")).into()]).is_err());
    assert_eq!(store.load(one, 0).len(), 3);
}

/// Checks that an aggregate cannot have an event that is stored without one.
pub(super) fn check_taken_id(store: &EventStore) {
    let one = account("a");
    let first = event(&one, 1, "c-1");
    store.store(&[(&*first).into()]).unwrap();
    assert!(matches!(
        store.append(&one, 0, &[first], None),
        Err(EventStoreError::Misfit { .. })
    ));
    assert_eq!(store.last_position(), 1);
}

#[test]
fn memory_event_store_conforms() {
    check_store(&EventStore::default());
    check_taken_id(&EventStore::default());
    outbox_tests::check_outbox(EventStore::default);
}

use std::{path::Path, sync::Arc};

use proptest::prelude::*;
use serde_json::json;

use crate::{
    clock::{EPOCH, Seed},
    cqrs::{EventStore, EventStoreError, MemoryEventStore, Snapshot, SqliteEventStore, StreamId},
    domain::Failure,
    messaging::{CloudEvent, EventId, Outbox, Publication, TraceContext, outbox_conformance},
};

fn event(stream: &StreamId, version: u64, command: &str) -> Arc<CloudEvent> {
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

/// The events that a command comes to at a version.
fn events(stream: &StreamId, expected: u64, count: u64, command: &str) -> Vec<Arc<CloudEvent>> {
    let versions = expected + 1..=expected + count;
    versions
        .map(|version| event(stream, version, command))
        .collect()
}

fn account(id: &str) -> StreamId {
    StreamId::new("Account", id)
}

/// What every event store must do.
fn conforms(store: &dyn EventStore) {
    let (one, two) = (account("a"), account("b"));
    assert_eq!(store.last_position().unwrap(), 0);
    assert_eq!(store.load(&one, 0).unwrap(), []);
    assert_eq!(
        store.append(&one, 0, &events(&one, 0, 2, "c-1")).unwrap(),
        2
    );
    assert_eq!(
        store.append(&two, 0, &events(&two, 0, 1, "c-1")).unwrap(),
        1
    );
    assert_eq!(
        store.append(&one, 2, &events(&one, 2, 1, "c-2")).unwrap(),
        3
    );

    // In the order of an aggregate, and of all.
    assert_eq!(store.load(&one, 0).unwrap()[..2], events(&one, 0, 2, "c-1"));
    assert_eq!(store.load(&one, 2).unwrap(), events(&one, 2, 1, "c-2"));
    assert_eq!(store.load(&one, 3).unwrap(), []);
    assert_eq!(store.load(&one, u64::MAX).unwrap(), []);
    let read = |after, limit| -> Vec<(u64, String)> {
        let events = store.read(after, limit).unwrap().into_iter();
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
    assert_eq!(store.last_position().unwrap(), 4);

    // A conflict names both versions and changes nothing, in front and behind.
    for expected in [0, 2, 4, u64::from(u32::MAX)] {
        let error = store
            .append(&one, expected, &events(&one, expected, 1, "c-3"))
            .unwrap_err();
        assert!(
            matches!(&error, EventStoreError::Conflict { stream, expected: found, actual: 3 }
                if *stream == one && *found == expected),
            "{error}"
        );
    }
    assert!(matches!(
        store.append(&account("new"), 1, &[]),
        Err(EventStoreError::Conflict { actual: 0, .. })
    ));
    assert!(store.append(&one, u64::MAX, &[]).is_err());
    let far = [event(&one, u64::MAX, "c-3")];
    assert!(store.append(&one, u64::MAX, &far).is_err());
    assert_eq!(store.append(&one, 3, &[]).unwrap(), 3);

    // The same command again comes to what it came to, whatever version it expects.
    for expected in [0, 3] {
        let again = events(&one, expected, 2, "c-1");
        assert_eq!(store.append(&one, expected, &again).unwrap(), 2);
    }
    let handled = store.handled(&one, "c-1").unwrap().unwrap();
    assert_eq!(handled.version, 2);
    assert_eq!(handled.events, ["E1".into(), "E2".into()]);
    assert_eq!(store.handled(&one, "c-3").unwrap(), None);
    assert_eq!(store.handled(&account("new"), "c-1").unwrap(), None);

    // What does not follow is told, and nothing of it is stored.
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
            store.append(&one, 3, &misfits),
            Err(EventStoreError::Misfit { .. })
        ));
    }
    assert_eq!(store.last_position().unwrap(), 4);

    // The latest snapshot stays; one of nothing is not kept.
    let snapshot = |version| Snapshot {
        version,
        state: Arc::new(json!({"at": version})),
    };
    assert_eq!(store.load_snapshot(&one).unwrap(), None);
    for version in [1, 3, 2] {
        store.save_snapshot(&one, &snapshot(version)).unwrap();
    }
    assert_eq!(store.load_snapshot(&one).unwrap(), Some(snapshot(3)));
    assert_eq!(store.load_snapshot(&two).unwrap(), None);
    store.save_snapshot(&account("new"), &snapshot(1)).unwrap();
    assert_eq!(store.load_snapshot(&account("new")).unwrap(), None);

    publishes(store, &one);
}

/// What was appended is what waits to be published.
fn publishes(store: &dyn EventStore, one: &StreamId) {
    let ids = || -> Vec<String> {
        let events = store.unpublished(10).unwrap();
        events.iter().map(|event| event.id.to_string()).collect()
    };
    let id = |version| event(one, version, "c").event_id();
    assert_eq!(ids(), ["a/1", "a/2", "b/1", "a/3"]);
    store.mark_published(&[id(2)]).unwrap();
    assert_eq!(ids(), ["a/1", "b/1", "a/3"]);
    let down = Failure::new("SERVICE_UNAVAILABLE", "down");
    store.mark_failed(&[id(1), id(2)], &down).unwrap();
    let publication = |event: &EventId| store.publication(event).unwrap();
    assert_eq!(publication(&id(1)), Some((Publication::Failed, Some(down))));
    assert_eq!(publication(&id(2)), Some((Publication::Published, None)));
    assert_eq!(publication(&id(3)), Some((Publication::Pending, None)));
    assert_eq!(publication(&id(4)), None);
    store.mark_published(&[id(1)]).unwrap();
    assert_eq!(ids(), ["b/1", "a/3"]);

    // What is stored by itself takes its place among all, and belongs to no aggregate.
    let alone = outbox_conformance::event("alone");
    store.store(&[Arc::clone(&alone)]).unwrap();
    assert_eq!(ids(), ["b/1", "a/3", "alone"]);
    assert_eq!(store.read(4, 1).unwrap()[0].event, alone);
    assert!(store.store(&[event(one, 3, "c-2")]).is_err());
    assert_eq!(store.load(one, 0).unwrap().len(), 3);
}

fn opened(folder: &Path) -> SqliteEventStore {
    SqliteEventStore::open(folder.join("events.db")).unwrap()
}

#[test]
fn the_memory_event_store_conforms() {
    conforms(&MemoryEventStore::default());
    outbox_conformance::check(MemoryEventStore::default);
}

#[test]
fn the_sqlite_event_store_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conforms(&opened(folder.path()));
    let empty = || {
        let folder = tempfile::tempdir().unwrap();
        // The file stays open; its folder may go.
        opened(folder.path())
    };
    outbox_conformance::check(empty);
}

#[test]
fn what_is_in_the_file_is_there_again_when_it_is_reopened() {
    let folder = tempfile::tempdir().unwrap();
    conforms(&opened(folder.path()));
    let reopened = opened(folder.path());
    let one = account("a");
    assert_eq!(reopened.last_position().unwrap(), 5);
    assert_eq!(reopened.load(&one, 2).unwrap(), events(&one, 2, 1, "c-2"));
    assert_eq!(reopened.handled(&one, "c-2").unwrap().unwrap().version, 3);
    assert_eq!(reopened.load_snapshot(&one).unwrap().unwrap().version, 3);
    let unpublished = reopened.unpublished(1).unwrap();
    assert_eq!(&*unpublished[0].id, "b/1");
    let again = events(&one, 0, 2, "c-1");
    assert_eq!(reopened.append(&one, 0, &again).unwrap(), 2);
    assert_eq!(
        reopened
            .append(&one, 3, &events(&one, 3, 1, "c-9"))
            .unwrap(),
        4
    );
    assert_eq!(reopened.read(5, 9).unwrap()[0].position, 6);
}

#[test]
fn what_is_published_out_of_order_is_not_published_again_after_a_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let one = account("a");
    let id = |version| event(&one, version, "c").event_id();
    let store = opened(folder.path());
    store.append(&one, 0, &events(&one, 0, 4, "c")).unwrap();
    store.mark_published(&[id(3), id(1)]).unwrap();
    drop(store);
    let store = opened(folder.path());
    let left = |store: &SqliteEventStore| store.unpublished(9).unwrap().len();
    assert_eq!(left(&store), 2);
    store.mark_published(&[id(2)]).unwrap();
    assert_eq!(left(&store), 1);
    drop(store);
    let store = opened(folder.path());
    assert_eq!(&*store.unpublished(9).unwrap()[0].id, "a/4");
    drop(store);
    let notes = rusqlite::Connection::open(folder.path().join("events.db"))
        .unwrap()
        .query_row("SELECT count(*) FROM publications", [], |row| row.get(0));
    assert_eq!(notes, Ok(0), "one number says it all");
}

#[test]
fn files_that_are_no_usable_event_store_are_told_apart_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |path: &Path| SqliteEventStore::open(path).unwrap_err().to_string();

    let text = folder.path().join("notes.txt");
    let notes = "not a database, but long enough to look like a file of some kind";
    std::fs::write(&text, notes).unwrap();
    assert!(refusal(&text).ends_with("it is no event store"));
    assert_eq!(std::fs::read_to_string(&text).unwrap(), notes);

    let journal = folder.path().join("journal.db");
    rusqlite::Connection::open(&journal)
        .unwrap()
        .pragma_update(None, "application_id", 0x7265_6865)
        .unwrap();
    assert!(refusal(&journal).ends_with("it is another program's database"));

    let newer = folder.path().join("newer.db");
    drop(SqliteEventStore::open(&newer).unwrap());
    rusqlite::Connection::open(&newer)
        .unwrap()
        .pragma_update(None, "user_version", 2)
        .unwrap();
    assert!(refusal(&newer).contains("it is of version 2"));

    let used = folder.path().join("used.db");
    let store = SqliteEventStore::open(&used).unwrap();
    assert!(refusal(&used).ends_with("another process uses it"));
    drop(store);
    SqliteEventStore::open(&used).unwrap();

    assert!(refusal(&folder.path().join("no/such/folder.db")).contains("folder.db"));
}

#[test]
fn a_file_that_is_torn_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let one = account("a");
    let store = opened(folder.path());
    store.append(&one, 0, &events(&one, 0, 50, "c")).unwrap();
    drop(store);
    let bytes = std::fs::read(&path).unwrap();
    for kept in [bytes.len() / 2, 4096 + 7, 50] {
        std::fs::write(&path, &bytes[..kept]).unwrap();
        let told = SqliteEventStore::open(&path).and_then(|store| store.load(&one, 0));
        assert!(told.is_err(), "{kept} bytes of {}", bytes.len());
    }
}

#[test]
fn an_event_that_is_no_event_is_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    let one = account("a");
    let store = opened(folder.path());
    store.append(&one, 0, &events(&one, 0, 1, "c")).unwrap();
    drop(store);
    rusqlite::Connection::open(folder.path().join("events.db"))
        .unwrap()
        .execute_batch("UPDATE events SET event = '{}'")
        .unwrap();
    let error = opened(folder.path()).load(&one, 0).unwrap_err();
    assert_eq!(&*error.failure().code, "CORRUPTION_DETECTED");
}

#[derive(Clone, Debug)]
enum Move {
    Append {
        stream: usize,
        count: u64,
        command: u8,
        behind: u64,
    },
    Publish(usize),
    Fail(usize),
    Reopen,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let append =
        (0..3_usize, 0..4_u64, 0..12_u8, 0..2_u64).prop_map(|(stream, count, command, behind)| {
            Move::Append {
                stream,
                count,
                command,
                behind,
            }
        });
    proptest::collection::vec(
        prop_oneof![
            4 => append,
            2 => (0..6_usize).prop_map(Move::Publish),
            1 => (0..6_usize).prop_map(Move::Fail),
            1 => Just(Move::Reopen),
        ],
        1..40,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Both stores come to the same, whatever is done, and however often the file is reopened.
    #[test]
    fn both_stores_agree(moves in moves()) {
        let folder = tempfile::tempdir().unwrap();
        let memory = MemoryEventStore::default();
        let mut sqlite = Some(opened(folder.path()));
        let streams = ["a", "b", "a/1"].map(account);
        let down = Failure::new("TIMEOUT", "late");
        for step in moves {
            let file = sqlite.as_ref().unwrap();
            match step {
                Move::Append { stream, count, command, behind } => {
                    let stream = &streams[stream];
                    let at = memory.load(stream, 0).unwrap().len() as u64;
                    let expected = at.saturating_sub(behind);
                    let events = events(stream, expected, count, &format!("c-{command}"));
                    let results = [
                        memory.append(stream, expected, &events),
                        file.append(stream, expected, &events),
                    ];
                    let [one, other] = results.map(|it| it.map_err(|error| error.to_string()));
                    prop_assert_eq!(one, other);
                }
                Move::Publish(nth) | Move::Fail(nth) => {
                    let Some(event) = memory.unpublished(9).unwrap().into_iter().nth(nth) else {
                        continue;
                    };
                    let id = [event.event_id()];
                    for store in [&memory as &dyn Outbox, file] {
                        match step {
                            Move::Publish(_) => store.mark_published(&id).unwrap(),
                            _ => store.mark_failed(&id, &down).unwrap(),
                        }
                    }
                }
                Move::Reopen => {
                    drop(sqlite.take());
                    sqlite = Some(opened(folder.path()));
                }
            }
            let file = sqlite.as_ref().unwrap();
            prop_assert_eq!(memory.unpublished(99).unwrap(), file.unpublished(99).unwrap());
            prop_assert_eq!(memory.read(0, 999).unwrap(), file.read(0, 999).unwrap());
        }
        for stored in memory.read(0, 999).unwrap() {
            let file = sqlite.as_ref().unwrap();
            let id = stored.event.event_id();
            prop_assert_eq!(memory.publication(&id).unwrap(), file.publication(&id).unwrap());
        }
    }
}

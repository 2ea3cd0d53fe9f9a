use std::path::Path;

use super::stores::{account, check_digests, check_store, check_taken_id, digest, event, events};
use crate::{
    cqrs::EventStore,
    messaging::{Outbox, outbox_tests},
};

/// The event store in a folder.
pub(super) fn opened(folder: &Path) -> EventStore {
    EventStore::open(folder.join("events.db")).unwrap()
}

#[test]
fn sqlite_event_store_conforms() {
    let folder = tempfile::tempdir().unwrap();
    check_store(&opened(folder.path()));
    let empty = || {
        let folder = tempfile::tempdir().unwrap();
        // The file stays open after its folder is removed.
        opened(folder.path())
    };
    check_taken_id(&empty());
    outbox_tests::check_outbox(empty);
}

#[test]
fn reopened_file_has_everything_that_was_stored() {
    let folder = tempfile::tempdir().unwrap();
    check_store(&opened(folder.path()));
    let reopened = opened(folder.path());
    let one = account("a");
    assert_eq!(reopened.last_position(), 5);
    assert_eq!(reopened.load(&one, 2), events(&one, 2, 1, "c-2"));
    assert_eq!(reopened.handled(&one, "c-2").unwrap().version, 3);
    check_digests(&reopened, &one);
    let snapshot = reopened.load_snapshot(&one).unwrap();
    assert_eq!((snapshot.version, snapshot.revision), (3, Some("r".into())));
    let unpublished = reopened.unpublished(1).unwrap();
    assert_eq!(&*unpublished[0].head().id, "b/1");
    let again = events(&one, 0, 2, "c-1");
    assert_eq!(reopened.append(&one, 0, &again, None).unwrap(), 2);
    assert_eq!(
        reopened
            .append(&one, 3, &events(&one, 3, 1, "c-9"), None)
            .unwrap(),
        4
    );
    assert_eq!(reopened.read(5, 9)[0].position, 6);
}

#[test]
fn events_published_out_of_order_stay_published_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let one = account("a");
    let id = |version| event(&one, version, "c").event_id();
    let store = opened(folder.path());
    store
        .append(&one, 0, &events(&one, 0, 4, "c"), None)
        .unwrap();
    store.mark_published(&[id(3), id(1)]).unwrap();
    drop(store);
    let store = opened(folder.path());
    let left = |store: &EventStore| store.unpublished(9).unwrap().len();
    assert_eq!(left(&store), 2);
    store.mark_published(&[id(2)]).unwrap();
    assert_eq!(left(&store), 1);
    drop(store);
    let store = opened(folder.path());
    assert_eq!(&*store.unpublished(9).unwrap()[0].head().id, "a/4");
}

#[test]
fn unusable_file_is_refused_with_the_reason_and_left_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |path: &Path| EventStore::open(path).unwrap_err().to_string();

    let text = folder.path().join("notes.txt");
    let notes = "not a database, but long enough to look like a file of some kind";
    std::fs::write(&text, notes).unwrap();
    assert!(refusal(&text).ends_with("it is not a valid event store"));
    assert_eq!(std::fs::read_to_string(&text).unwrap(), notes);

    let journal = folder.path().join("journal.db");
    rusqlite::Connection::open(&journal)
        .unwrap()
        .pragma_update(None, "application_id", 0x7265_6865)
        .unwrap();
    assert!(refusal(&journal).ends_with("it is another program's database"));

    let newer = folder.path().join("newer.db");
    drop(EventStore::open(&newer).unwrap());
    rusqlite::Connection::open(&newer)
        .unwrap()
        .pragma_update(None, "user_version", 4)
        .unwrap();
    assert!(refusal(&newer).contains("it is of version 4"));

    let older = folder.path().join("older.db");
    drop(EventStore::open(&older).unwrap());
    rusqlite::Connection::open(&older)
        .unwrap()
        .pragma_update(None, "user_version", 1)
        .unwrap();
    assert!(refusal(&older).contains("it is of version 1"));

    let used = folder.path().join("used.db");
    let store = EventStore::open(&used).unwrap();
    assert!(refusal(&used).ends_with("another process uses it"));
    drop(store);
    EventStore::open(&used).unwrap();

    assert!(refusal(&folder.path().join("no/such/folder.db")).contains("folder.db"));
}

/// The tables of version 2.
const FORMER: &str = "
    CREATE TABLE events (position INTEGER PRIMARY KEY, aggregate TEXT, event TEXT NOT NULL) STRICT;
    CREATE TABLE snapshots (
        aggregate TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, state TEXT NOT NULL,
        PRIMARY KEY (aggregate, id)
    ) STRICT;
    CREATE TABLE publications (
        source TEXT NOT NULL, id TEXT NOT NULL, failure TEXT, PRIMARY KEY (source, id)
    ) STRICT;
    PRAGMA application_id = 0x72656573;
    PRAGMA user_version = 2;
";

#[test]
fn file_of_the_former_version_is_raised_and_its_commands_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let one = account("a");
    let former = rusqlite::Connection::open(folder.path().join("events.db")).unwrap();
    former.execute_batch(FORMER).unwrap();
    for (position, event) in (1..).zip(events(&one, 0, 2, "c-1")) {
        let event = serde_json::to_string(&*event).unwrap();
        let row = (position, "Account", event);
        former
            .execute("INSERT INTO events VALUES (?, ?, ?)", row)
            .unwrap();
    }
    former
        .execute(
            "INSERT INTO snapshots VALUES ('Account', 'a', 2, '{\"n\": 2}')",
            [],
        )
        .unwrap();
    drop(former);
    // Opened twice: it is raised once.
    for version in [2, 3] {
        let store = opened(folder.path());
        assert_eq!(store.load(&one, 0)[..2], events(&one, 0, 2, "c-1"));
        let snapshot = store.load_snapshot(&one).unwrap();
        assert_eq!((snapshot.version, snapshot.revision), (2, None));
        let again = events(&one, version, 1, "c-1");
        let appended = store.append(&one, version, &again, Some(&digest(9)));
        assert_eq!(appended.unwrap(), 2, "as before, for want of a digest");
        let next = events(&one, 2, 1, "c-2");
        assert_eq!(store.append(&one, 2, &next, Some(&digest(2))).unwrap(), 3);
    }
    check_digests(&opened(folder.path()), &one);
}

#[test]
fn truncated_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let one = account("a");
    let store = opened(folder.path());
    store
        .append(&one, 0, &events(&one, 0, 50, "c"), None)
        .unwrap();
    drop(store);
    let bytes = std::fs::read(&path).unwrap();
    for kept in [bytes.len() / 2, 4096 + 7, 50] {
        std::fs::write(&path, &bytes[..kept]).unwrap();
        let opened = EventStore::open(&path);
        assert!(opened.is_err(), "{kept} bytes of {}", bytes.len());
    }
}

#[test]
fn file_with_an_invalid_event_is_refused_as_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    let one = account("a");
    let store = opened(folder.path());
    store
        .append(&one, 0, &events(&one, 0, 1, "c"), None)
        .unwrap();
    drop(store);
    rusqlite::Connection::open(folder.path().join("events.db"))
        .unwrap()
        .execute_batch("UPDATE events SET event = '{}'")
        .unwrap();
    let error = EventStore::open(folder.path().join("events.db")).unwrap_err();
    assert_eq!(&*error.failure().code, "CORRUPTION_DETECTED");
}

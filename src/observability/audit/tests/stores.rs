use std::{path::Path, sync::Arc};

use serde_json::Value;

use super::{entry, ids, with_each};
#[cfg(feature = "sqlite")]
use crate::observability::SqliteAudit;
use crate::observability::{AuditEntry, AuditStore, AuditTrail, AuditType, JsonLinesAudit};

/// Opens the store of a file, whatever it is.
fn store(path: &Path) -> Box<dyn AuditStore> {
    match path.extension().unwrap().to_str() {
        #[cfg(feature = "sqlite")]
        Some("db" | "sqlite") => Box::new(SqliteAudit::open(path).unwrap()),
        _ => Box::new(JsonLinesAudit::open(path).unwrap().0),
    }
}

/// What every store must do; run over all of them.
fn check_store(open: impl Fn() -> Box<dyn AuditStore>) {
    use AuditType::{Interaction, Planning};
    let mut empty = open();
    assert_eq!(empty.last_id().unwrap(), 0);
    assert_eq!(empty.of_trace("t-1").unwrap(), []);
    assert_eq!(empty.recent(9).unwrap(), []);
    let plain = AuditEntry {
        alternatives: Vec::new(),
        confidence: None,
        metadata: Arc::new(Value::Null),
        ..entry(5, 7, "t-1", Interaction)
    };
    let entries = [
        entry(1, 0, "t-1", Planning),
        entry(2, 7, "t-2", Planning),
        // Of another process, whose clock was behind: it came after the others all the same.
        entry(4, 5, "t-1", Interaction),
        plain,
        entry(9, 7, "t-1", Planning),
    ];
    for entry in &entries {
        empty.append(entry).unwrap();
    }
    let check = |store: &dyn AuditStore| {
        assert_eq!(store.last_id().unwrap(), 9);
        let of_trace = store.of_trace("t-1").unwrap();
        assert_eq!(ids(&of_trace), [1, 4, 5, 9], "oldest first");
        for own in &of_trace {
            assert!(entries.contains(own), "{own:?}");
        }
        assert_eq!(store.of_trace("t-").unwrap(), []);
        assert_eq!(ids(&store.of_type(Planning, 9).unwrap()), [9, 2, 1]);
        assert_eq!(ids(&store.of_type(Planning, 2).unwrap()), [9, 2]);
        assert_eq!(store.of_type(AuditType::Budget, 9).unwrap(), []);
        assert_eq!(ids(&store.recent(usize::MAX).unwrap()), [9, 5, 4, 2, 1]);
        assert_eq!(ids(&store.recent(2).unwrap()), [9, 5], "newest first");
        assert_eq!(store.recent(0).unwrap(), []);
    };
    check(&*empty);
    drop(empty);
    let mut reopened = open();
    check(&*reopened);
    reopened.append(&entry(10, 8, "t-3", Interaction)).unwrap();
    assert_eq!(ids(&reopened.of_trace("t-3").unwrap()), [10]);
}

#[test]
fn every_store_conforms() {
    with_each(|path| check_store(|| store(path)));
}

#[test]
fn file_of_another_ending_is_refused_with_those_that_there_are() {
    for name in ["audit.txt", "audit", "audit.db.bak"] {
        let refused = AuditTrail::open(name).unwrap_err().to_string();
        assert!(refused.contains(name), "{refused}");
        assert!(
            refused.contains("ends in `.db` or `.sqlite` (SQLite) or in `.jsonl`"),
            "{refused}"
        );
        assert!(!Path::new(name).exists());
    }
}

#[test]
fn file_that_another_uses_or_that_cannot_be_made_is_refused() {
    with_each(|path| {
        let refusal = |path: &Path| AuditTrail::open(path).unwrap_err().to_string();
        let first = AuditTrail::open(path).unwrap();
        let refused = refusal(path);
        assert!(refused.ends_with("another process uses it"), "{refused}");
        drop(first);
        drop(AuditTrail::open(path).unwrap());

        let missing = path
            .parent()
            .unwrap()
            .join("no/such")
            .join(path.file_name().unwrap());
        let refused = refusal(&missing);
        assert!(refused.contains("cannot be used: "), "{refused}");
    });
}

#[cfg(unix)]
#[test]
fn file_in_a_read_only_folder_is_refused_and_nothing_is_left() {
    use std::{fs, os::unix::fs::PermissionsExt as _};
    with_each(|path| {
        let folder = path.parent().unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
        // Nothing is forbidden to root.
        if fs::write(folder.join("probe"), "").is_err() {
            let refused = AuditTrail::open(path).unwrap_err().to_string();
            assert!(refused.contains("cannot be used: "), "{refused}");
            assert!(!path.exists());
        }
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    });
}

#[cfg(feature = "sqlite")]
#[test]
fn sqlite_file_that_is_no_audit_trail_is_refused_and_left_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |path: &Path| AuditTrail::open(path).unwrap_err().to_string();
    let text = folder.path().join("notes.db");
    let notes = "not a database, but long enough to look like a file of some kind";
    std::fs::write(&text, notes).unwrap();
    assert!(refusal(&text).ends_with("it is not a valid audit trail"));
    assert_eq!(std::fs::read_to_string(&text).unwrap(), notes);

    let change = |name: &str, pragma: &str, value: i32| {
        let path = folder.path().join(name);
        drop(AuditTrail::open(&path).unwrap());
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.pragma_update(None, pragma, value).unwrap();
        path
    };
    let other = change("journal.db", "application_id", 0x7265_6865);
    assert!(refusal(&other).ends_with("it is another program's database"));
    let newer = change("newer.db", "user_version", 2);
    let refused = refusal(&newer);
    assert!(
        refused.ends_with("it is of version 2, this program uses version 1"),
        "{refused}"
    );

    let changed = folder.path().join("changed.db");
    SqliteAudit::open(&changed)
        .unwrap()
        .append(&entry(1, 0, "t", AuditType::Planning))
        .unwrap();
    let connection = rusqlite::Connection::open(&changed).unwrap();
    for (set, expected) in [
        (
            "at = 'noon'",
            "entry 1: \"noon\" is not a timestamp, expected one such as",
        ),
        (
            "at = '2025-01-01T00:00:00Z', type = 'plannning'",
            "entry 1: no entry of the audit trail is of type \"plannning\": did you mean \"planning\"?",
        ),
        (
            "type = 'planning', metadata = '{'",
            "entry 1: EOF while parsing",
        ),
    ] {
        connection
            .execute(&format!("UPDATE entries SET {set}"), [])
            .unwrap();
        // Like one that another process has opened.
        let copy = folder.path().join("copy.db");
        std::fs::remove_file(&copy).ok();
        connection
            .execute("VACUUM INTO ?", [copy.to_str().unwrap()])
            .unwrap();
        let store = SqliteAudit::open(&copy).unwrap();
        let corrupt = store.recent(9).unwrap_err().to_string();
        assert!(corrupt.contains(expected), "{corrupt}");
    }
}

#[test]
fn half_written_last_line_is_dropped_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let mut store = JsonLinesAudit::open(&path).unwrap().0;
    for id in [1, 2] {
        store
            .append(&entry(id, id, "t", AuditType::Planning))
            .unwrap();
    }
    drop(store);
    let whole = std::fs::read(&path).unwrap();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    // Wherever the process was lost, in the middle of a character too.
    for length in first + 1..whole.len() - 1 {
        std::fs::write(&path, &whole[..length]).unwrap();
        let (mut store, warning) = JsonLinesAudit::open(&path).unwrap();
        let expected = "audit.jsonl:2: the last line was written in part and is dropped";
        assert_eq!(warning.as_deref(), Some(expected), "{length}");
        assert_eq!(std::fs::read(&path).unwrap(), whole[..first]);
        store
            .append(&entry(2, 2, "t", AuditType::Planning))
            .unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
    // One that lacks its end only is an entry.
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let (store, warning) = JsonLinesAudit::open(&path).unwrap();
    assert_eq!((warning, store.last_id().unwrap()), (None, 2));
    assert_eq!(std::fs::read(&path).unwrap(), whole);
}

#[test]
fn line_that_is_no_entry_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let good = serde_json::to_value(entry(7, 0, "t", AuditType::Planning)).unwrap();
    let with = |field: &str, value: Value| {
        let mut line = good.clone();
        line["id"] = 8.into();
        line[field] = value;
        line.to_string()
    };
    for (line, expected) in [
        ("hello".to_owned(), "audit.jsonl:2:1: expected value"),
        (String::new(), "audit.jsonl:2:"),
        ("{}".to_owned(), "missing field `id`"),
        (
            with("type", "plannning".into()),
            "at /type: unknown variant `plannning`",
        ),
        (
            with("id", 7.into()),
            "audit.jsonl:2: expected an id above 7, found 7",
        ),
        (
            with("confidence", 1.5.into()),
            "audit.jsonl:2: expected a confidence of 0 to 1, found 1.5",
        ),
        (
            with("at", "noon".into()),
            "\"noon\" is not a timestamp, expected one such as \"2025-01-01T00:00:00Z\"",
        ),
        (with("reasons", "x".into()), "unknown field `reasons`"),
    ] {
        let text = format!("{good}\n{line}\n");
        std::fs::write(&path, &text).unwrap();
        let refused = AuditTrail::open(&path).unwrap_err().to_string();
        assert!(refused.contains(expected), "{line}: {refused}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    std::fs::write(&path, b"\xff\n").unwrap();
    let refused = AuditTrail::open(&path).unwrap_err().to_string();
    assert!(
        refused.contains("audit.jsonl:1: invalid utf-8"),
        "{refused}"
    );
}

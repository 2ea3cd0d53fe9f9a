use super::{journals::conforms, restarts::begin, *};

#[test]
fn sqlite_journal_conforms_and_survives_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    conforms(&SqliteJournal::open(&path).unwrap());
    let reopened = SqliteJournal::open(&path).unwrap();
    assert_eq!(reopened.unfinished().unwrap(), ["w-2".into()]);
    assert_eq!(reopened.read("w-1").unwrap().unwrap().len(), 5);
    let at = Duration::ZERO;
    let asked = JournalEntry::CancellationRequested { at };
    reopened.append(&"w-2".into(), &asked).unwrap();
    assert_eq!(reopened.read("w-2").unwrap().unwrap()[1..], [asked]);

    // A known workflow, whether loaded or defined again, has the same row.
    let read = reopened.read("w-2").unwrap().unwrap().remove(0);
    let JournalEntry::Started {
        workflow, input, ..
    } = &read
    else {
        panic!("{read:?}");
    };
    let again = JournalEntry::Started {
        events_from: 0,
        caller: None,
        security: None,
        workflow: Arc::new(Workflow::clone(workflow)),
        input: Arc::clone(input),
        at,
    };
    reopened.begin(&"w-3".into(), read).unwrap();
    reopened.begin(&"w-4".into(), again).unwrap();
    drop(reopened);
    let workflows = rusqlite::Connection::open(&path).unwrap().query_row(
        "SELECT count(*) FROM workflows",
        [],
        |row| row.get(0),
    );
    assert_eq!(workflows, Ok(2), "\"w\" and \"other\"");
}

#[test]
fn loaded_runs_of_one_workflow_share_its_definition() {
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(folder.path().join("journal.db")).unwrap();
    conforms(&journal);
    let workflow = |run: &str| match journal.read(run).unwrap().unwrap().remove(0) {
        JournalEntry::Started { workflow, .. } => workflow,
        other => panic!("{other:?}"),
    };
    let (one, two) = (workflow("w-1"), workflow("w-2"));
    assert!(Arc::ptr_eq(&one, &two));
}

#[test]
fn missing_definition_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    conforms(&SqliteJournal::open(&path).unwrap());
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("DELETE FROM workflows")
        .unwrap();
    let error = SqliteJournal::open(&path).unwrap().read("w-2").unwrap_err();
    assert!(error.to_string().ends_with("is missing"), "{error}");
}

#[test]
fn unusable_file_is_refused_with_the_reason_and_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |path: &std::path::Path| SqliteJournal::open(path).unwrap_err().to_string();

    let text = folder.path().join("notes.txt");
    std::fs::write(
        &text,
        "not a database, but long enough to look like a file of some kind",
    )
    .unwrap();
    assert!(
        refusal(&text).ends_with("it is not a valid journal"),
        "{}",
        refusal(&text)
    );
    assert!(
        std::fs::read_to_string(&text)
            .unwrap()
            .starts_with("not a database")
    );

    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    assert!(refusal(&other).ends_with("it is another program's database"));

    let newer = folder.path().join("newer.db");
    drop(SqliteJournal::open(&newer).unwrap());
    rusqlite::Connection::open(&newer)
        .unwrap()
        .pragma_update(None, "user_version", 4)
        .unwrap();
    assert!(
        refusal(&newer).contains("it is of version 4"),
        "{}",
        refusal(&newer)
    );

    let used = folder.path().join("used.db");
    let journal = SqliteJournal::open(&used).unwrap();
    assert!(
        refusal(&used).ends_with("another process uses it"),
        "{}",
        refusal(&used)
    );
    drop(journal);
    SqliteJournal::open(&used).unwrap();

    assert!(refusal(&folder.path().join("no/such/folder.db")).contains("folder.db"));
}

#[test]
fn journal_of_a_former_version_is_raised_and_its_runs_are_finished() {
    for version in [1, 2] {
        raise_journal(version);
    }
}

fn raise_journal(version: i32) {
    virtually(async {
        let mut setup = Setup::durable();
        let file = setup.folder.as_ref().unwrap().path().join("journal.db");
        setup.journal = Arc::new(MemoryJournal::default());
        // As versions 1 and 2 wrote it: one step had completed, the next was running.
        let workflow = json!({"id": "w", "steps": [step("a", &[]), step("b", &["a"])]});
        let former = rusqlite::Connection::open(&file).unwrap();
        former
            .execute(
                "INSERT INTO workflows VALUES (1, ?)",
                [workflow.to_string()],
            )
            .unwrap();
        former.pragma_update(None, "user_version", version).unwrap();
        former
            .execute_batch(
                r#"
                INSERT INTO runs VALUES ('w-1', 1);
                INSERT INTO unfinished VALUES (1, 'w-1');
                INSERT INTO entries VALUES
                    (4294967296, '{"workflow":1,"input":{},"at":"0ms"}'),
                    (4294967297, '{"entry":"stepStarted","step":0,"at":"0ms"}'),
                    (4294967298, '{"entry":"stepCompleted","step":0,"reply":{},"degraded":false,"at":"5ms"}'),
                    (4294967299, '{"entry":"stepStarted","step":1,"at":"5ms"}');
                "#,
            )
            .unwrap();
        drop(former);
        setup.reopen();
        let recovered = setup.orchestrator().recover().await.unwrap();
        let outcome = recovered[0].1.as_ref().unwrap();
        assert_eq!(outcome.status, WorkflowStatus::Completed);
        setup.journal = Arc::new(MemoryJournal::default());
        let version = rusqlite::Connection::open(&file)
            .unwrap()
            .pragma_query_value(None, "user_version", |row| row.get::<_, i32>(0));
        assert_eq!(version, Ok(3));
    });
}

#[test]
fn failed_begin_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    drop(SqliteJournal::open(&path).unwrap());
    // The last row that the first run writes is there already.
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("INSERT INTO unfinished (number, run) VALUES (1, 'x')")
        .unwrap();
    let journal = SqliteJournal::open(&path).unwrap();
    let workflow = json!({"id": "w", "steps": [step("a", &[])]});
    let workflow: Workflow = serde_json::from_value(workflow).unwrap();
    let started = started(&Arc::new(workflow));
    for _ in 0..2 {
        let refused = journal.begin(&"w-1".into(), started.clone());
        assert!(matches!(refused, Err(JournalError::Database(_))));
        assert!(journal.read("w-1").unwrap().is_none());
    }
    drop(journal);
    let count = |table: &str| {
        rusqlite::Connection::open(&path).unwrap().query_row(
            &format!("SELECT count(*) FROM {table}"),
            [],
            |row| row.get(0),
        )
    };
    assert_eq!(count("runs"), Ok(0));
    assert_eq!(count("workflows"), Ok(0));
    assert_eq!(count("entries"), Ok(0));
}

#[test]
fn unrecoverable_run_is_reported_in_order_and_stops_no_other() {
    virtually(async {
        let mut setup = Setup::durable();
        let sound = json!({"id": "w", "steps": [step("a", &[])]});
        let gone =
            json!({"id": "gone", "steps": [{"id": "a", "service": "Gone", "operation": "a"}]});
        begin(&setup, "first", sound.clone());
        begin(&setup, "torn", sound.clone());
        begin(&setup, "gone", gone);
        begin(&setup, "last", sound);
        let file = setup.folder.as_ref().unwrap().path().join("journal.db");
        setup.journal = Arc::new(MemoryJournal::default());
        rusqlite::Connection::open(&file)
            .unwrap()
            .execute_batch("UPDATE entries SET entry = '{\"entry' WHERE id = (SELECT number << 32 FROM runs WHERE run = 'torn')")
            .unwrap();
        setup.reopen();
        let recovered = setup.orchestrator().recover().await.unwrap();
        let results: Vec<String> = recovered
            .iter()
            .map(|(run, result)| match result {
                Ok(outcome) => {
                    let code = outcome.error.as_ref().map_or("", |error| &error.code);
                    format!("{run}: {}: {code}", outcome.status.as_str())
                }
                Err(error) => format!("{run}: {error}"),
            })
            .collect();
        let expected = [
            "first: completed",
            "torn: the journal of the run \"torn\" is corrupt: EOF while parsing",
            "gone: rolled_back: SERVICE_NOT_FOUND",
            "last: completed",
        ];
        assert_eq!(results.len(), expected.len());
        for (result, expected) in results.iter().zip(expected) {
            assert!(result.starts_with(expected), "{result}");
        }
        // It remains in the journal, to be inspected and tried again.
        let unfinished: [Arc<str>; 1] = ["torn".into()];
        assert_eq!(setup.journal.unfinished().unwrap(), unfinished);
    });
}

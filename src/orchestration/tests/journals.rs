use super::*;

/// What every journal must do.
fn conforms(journal: &dyn Journal) {
    let at = Duration::ZERO;
    let workflow: Workflow =
        serde_json::from_value(json!({"id": "w", "steps": [step("a", &[])]})).unwrap();
    let started = started(&Arc::new(workflow));
    let (one, two): (Arc<str>, Arc<str>) = ("w-1".into(), "w-2".into());
    assert!(journal.read("w-1").unwrap().is_none());
    journal.begin(&one, started.clone()).unwrap();
    assert!(matches!(
        journal.begin(&one, started.clone()),
        Err(JournalError::AlreadyExists(_))
    ));
    assert!(matches!(
        journal.append(&two, &Entry::Resumed { at }),
        Err(JournalError::Unknown(_))
    ));
    journal.begin(&two, started.clone()).unwrap();
    journal
        .append(
            &one,
            &Entry::StepStarted {
                step: 0,
                inner: None,
                at,
            },
        )
        .unwrap();
    let within: Arc<str> = "w-2/a".into();
    journal.begin(&within, started.clone()).unwrap();
    assert_eq!(journal.unfinished().unwrap(), [one.clone(), two.clone()]);
    let ended = Entry::Ended {
        status: WorkflowStatus::Completed,
        at,
    };
    journal.append(&one, &ended).unwrap();
    assert_eq!(journal.unfinished().unwrap(), ["w-2".into()]);
    // What lies within another run is that one's to finish.
    for entry in [ended.clone(), Entry::Resumed { at }] {
        journal.append(&within, &entry).unwrap();
    }
    assert_eq!(journal.unfinished().unwrap(), ["w-2".into()]);
    let entries = journal.read("w-1").unwrap().unwrap();
    let of_one = [
        started.clone(),
        Entry::StepStarted {
            step: 0,
            inner: None,
            at,
        },
        ended.clone(),
    ];
    assert_eq!(entries, of_one);

    // Whoever comes second leaves no trace, though its workflow is another.
    let other: Workflow =
        serde_json::from_value(json!({"id": "other", "steps": [step("a", &[])]})).unwrap();
    let other = Entry::Started {
        workflow: Arc::new(other),
        input: Arc::new(json!({"n": 1})),
        at,
    };
    assert!(matches!(
        journal.begin(&one, other.clone()),
        Err(JournalError::AlreadyExists(_))
    ));
    assert_eq!(journal.read("w-1").unwrap().unwrap(), of_one);
    let three: Arc<str> = "other-1".into();
    journal.begin(&three, other.clone()).unwrap();
    assert_eq!(journal.read("other-1").unwrap().unwrap(), [other]);
    journal.append(&three, &ended).unwrap();

    // What is resumed stands where it began.
    journal.append(&one, &Entry::Resumed { at }).unwrap();
    assert_eq!(journal.unfinished().unwrap(), [one.clone(), two.clone()]);
    journal.append(&one, &ended).unwrap();
    assert_eq!(journal.unfinished().unwrap(), [two]);
    assert_eq!(journal.read("w-1").unwrap().unwrap().len(), 5);
}

#[test]
fn the_memory_journal_conforms() {
    conforms(&MemoryJournal::default());
}

#[test]
fn the_sqlite_journal_conforms_and_is_there_again_when_reopened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    conforms(&SqliteJournal::open(&path).unwrap());
    let reopened = SqliteJournal::open(&path).unwrap();
    assert_eq!(reopened.unfinished().unwrap(), ["w-2".into()]);
    assert_eq!(reopened.read("w-1").unwrap().unwrap().len(), 5);
    let at = Duration::ZERO;
    let asked = Entry::CancellationRequested { at };
    reopened.append(&"w-2".into(), &asked).unwrap();
    assert_eq!(reopened.read("w-2").unwrap().unwrap()[1..], [asked]);

    // A workflow that is known, read back or defined again, is the same row.
    let read = reopened.read("w-2").unwrap().unwrap().remove(0);
    let Entry::Started {
        workflow, input, ..
    } = &read
    else {
        panic!("{read:?}");
    };
    let again = Entry::Started {
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
fn runs_of_one_workflow_share_its_definition_when_read() {
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(folder.path().join("journal.db")).unwrap();
    conforms(&journal);
    let workflow = |run: &str| match journal.read(run).unwrap().unwrap().remove(0) {
        Entry::Started { workflow, .. } => workflow,
        other => panic!("{other:?}"),
    };
    let (one, two) = (workflow("w-1"), workflow("w-2"));
    assert!(Arc::ptr_eq(&one, &two));
}

#[test]
fn a_definition_that_is_gone_is_told() {
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
fn files_that_are_no_usable_journal_are_told_apart_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |path: &std::path::Path| SqliteJournal::open(path).unwrap_err().to_string();

    let text = folder.path().join("notes.txt");
    std::fs::write(
        &text,
        "not a database, but long enough to look like a file of some kind",
    )
    .unwrap();
    assert!(
        refusal(&text).ends_with("it is no journal"),
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
        .pragma_update(None, "user_version", 2)
        .unwrap();
    assert!(
        refusal(&newer).contains("it is of version 2"),
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
fn entries_survive_being_written_as_json() {
    let failure = Box::new(crate::domain::Failure::new("X", "y"));
    let at = Duration::from_millis(7);
    for entry in [
        Entry::StepFailed {
            step: 1,
            failure: failure.clone(),
            at,
        },
        Entry::CompensationEnded {
            step: 1,
            failure: Some(failure),
            at,
        },
        Entry::StepCompleted {
            step: 0,
            reply: Arc::new(json!({"a": [1, 31.245270191439438]})),
            degraded: false,
            // Longer than any duration that people may write.
            at: 400 * Duration::from_secs(24 * 60 * 60) + at,
        },
    ] {
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
    }
}

#[test]
fn a_journal_that_makes_no_sense_is_corrupt_not_followed() {
    virtually(async {
        let scene = Scene::new();
        let plan = scene
            .plan(json!({"id": "w", "steps": [step("a", &[])]}))
            .unwrap();
        let id: Arc<str> = "w-1".into();
        let at = Duration::ZERO;
        scene.journal.begin(&id, started(plan.workflow())).unwrap();
        scene
            .journal
            .append(&id, &Entry::CompensationStarted { step: 0, at })
            .unwrap();
        let recovered = scene.orchestrator().recover().await.unwrap();
        let why = recovered[0].1.as_ref().unwrap_err().to_string();
        assert!(
            why.contains("cannot go from pending to compensating"),
            "{why}"
        );
    });
}

#[test]
fn a_run_that_cannot_begin_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    drop(SqliteJournal::open(&path).unwrap());
    // What the first run is to write last is there already.
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

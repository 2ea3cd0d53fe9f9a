use super::*;

/// The requirements for every journal.
pub(super) fn conforms(journal: &dyn Journal) {
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
        journal.append(&two, &JournalEntry::Resumed { workflow: None, at }),
        Err(JournalError::Unknown(_))
    ));
    journal.begin(&two, started.clone()).unwrap();
    journal
        .append(
            &one,
            &JournalEntry::StepStarted {
                due: None,
                step: 0,
                child_run: None,
                at,
            },
        )
        .unwrap();
    let child: Arc<str> = "w-2/a".into();
    journal.begin(&child, started.clone()).unwrap();
    assert_eq!(journal.unfinished().unwrap(), [one.clone(), two.clone()]);
    let ended = JournalEntry::Ended {
        status: WorkflowStatus::Completed,
        at,
    };
    journal.append(&one, &ended).unwrap();
    assert_eq!(journal.unfinished().unwrap(), ["w-2".into()]);
    // A child run is finished by its parent.
    for entry in [ended.clone(), JournalEntry::Resumed { workflow: None, at }] {
        journal.append(&child, &entry).unwrap();
    }
    assert_eq!(journal.unfinished().unwrap(), ["w-2".into()]);
    let entries = journal.read("w-1").unwrap().unwrap();
    let of_one = [
        started.clone(),
        JournalEntry::StepStarted {
            due: None,
            step: 0,
            child_run: None,
            at,
        },
        ended.clone(),
    ];
    assert_eq!(entries, of_one);

    // A refused begin writes nothing, even if its workflow is another.
    let other: Workflow =
        serde_json::from_value(json!({"id": "other", "steps": [step("a", &[])]})).unwrap();
    let other = JournalEntry::Started {
        events_from: 0,
        caller: None,
        security: None,
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

    // A resumed run keeps its place in the order.
    journal
        .append(&one, &JournalEntry::Resumed { workflow: None, at })
        .unwrap();
    assert_eq!(journal.unfinished().unwrap(), [one.clone(), two.clone()]);
    journal.append(&one, &ended).unwrap();
    assert_eq!(journal.unfinished().unwrap(), [two]);
    assert_eq!(journal.read("w-1").unwrap().unwrap().len(), 5);
}

#[test]
fn memory_journal_conforms() {
    conforms(&MemoryJournal::default());
}

#[test]
fn entries_round_trip_through_json() {
    let failure = Box::new(crate::domain::Failure::new("X", "y"));
    let at = Duration::from_millis(7);
    for entry in [
        JournalEntry::StepFailed {
            is_past_pivot: false,
            resumes_at: None,
            awaits_service: false,
            step: 1,
            failure: failure.clone(),
            at,
        },
        JournalEntry::CompensationEnded {
            step: 1,
            failure: Some(failure),
            at,
        },
        JournalEntry::StepCompleted {
            event: None,
            step: 0,
            reply: Arc::new(json!({"a": [1, 31.245270191439438]})),
            degraded: false,
            in_doubt: true,
            // Longer than any duration that a user may write.
            at: 400 * Duration::from_secs(24 * 60 * 60) + at,
        },
    ] {
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<JournalEntry>(&text).unwrap(), entry);
    }
}

#[test]
fn invalid_journal_is_reported_as_corrupt() {
    virtually(async {
        let setup = Setup::new();
        let plan = setup
            .plan(json!({"id": "w", "steps": [step("a", &[])]}))
            .unwrap();
        let id: Arc<str> = "w-1".into();
        let at = Duration::ZERO;
        setup.journal.begin(&id, started(plan.workflow())).unwrap();
        setup
            .journal
            .append(&id, &JournalEntry::CompensationStarted { step: 0, at })
            .unwrap();
        let recovered = setup.orchestrator().recover().await.unwrap();
        let why = recovered[0].1.as_ref().unwrap_err().to_string();
        assert!(
            why.contains("cannot go from pending to compensating"),
            "{why}"
        );
    });
}

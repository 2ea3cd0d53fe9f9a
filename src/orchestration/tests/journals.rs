use super::*;

/// What every journal must do.
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
        journal.append(&two, &JournalEntry::Resumed { at }),
        Err(JournalError::Unknown(_))
    ));
    journal.begin(&two, started.clone()).unwrap();
    journal
        .append(
            &one,
            &JournalEntry::StepStarted {
                step: 0,
                child_run: None,
                at,
            },
        )
        .unwrap();
    let within: Arc<str> = "w-2/a".into();
    journal.begin(&within, started.clone()).unwrap();
    assert_eq!(journal.unfinished().unwrap(), [one.clone(), two.clone()]);
    let ended = JournalEntry::Ended {
        status: WorkflowStatus::Completed,
        at,
    };
    journal.append(&one, &ended).unwrap();
    assert_eq!(journal.unfinished().unwrap(), ["w-2".into()]);
    // What lies within another run is that one's to finish.
    for entry in [ended.clone(), JournalEntry::Resumed { at }] {
        journal.append(&within, &entry).unwrap();
    }
    assert_eq!(journal.unfinished().unwrap(), ["w-2".into()]);
    let entries = journal.read("w-1").unwrap().unwrap();
    let of_one = [
        started.clone(),
        JournalEntry::StepStarted {
            step: 0,
            child_run: None,
            at,
        },
        ended.clone(),
    ];
    assert_eq!(entries, of_one);

    // Whoever comes second leaves no trace, though its workflow is another.
    let other: Workflow =
        serde_json::from_value(json!({"id": "other", "steps": [step("a", &[])]})).unwrap();
    let other = JournalEntry::Started {
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
    journal.append(&one, &JournalEntry::Resumed { at }).unwrap();
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
fn entries_survive_being_written_as_json() {
    let failure = Box::new(crate::domain::Failure::new("X", "y"));
    let at = Duration::from_millis(7);
    for entry in [
        JournalEntry::StepFailed {
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
            step: 0,
            reply: Arc::new(json!({"a": [1, 31.245270191439438]})),
            degraded: false,
            // Longer than any duration that people may write.
            at: 400 * Duration::from_secs(24 * 60 * 60) + at,
        },
    ] {
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<JournalEntry>(&text).unwrap(), entry);
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
            .append(&id, &JournalEntry::CompensationStarted { step: 0, at })
            .unwrap();
        let recovered = scene.orchestrator().recover().await.unwrap();
        let why = recovered[0].1.as_ref().unwrap_err().to_string();
        assert!(
            why.contains("cannot go from pending to compensating"),
            "{why}"
        );
    });
}

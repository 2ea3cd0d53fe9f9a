use serde_json::json;

use super::*;
use crate::domain::WorkflowStatus;

#[test]
fn ended_runs_are_not_cached() {
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(folder.path().join("journal.db")).unwrap();
    let workflow: Workflow = serde_json::from_value(json!({"id": "w", "steps": []})).unwrap();
    let at = Duration::ZERO;
    let started = JournalEntry::Started {
        events_from: 0,
        caller: None,
        security: None,
        workflow: Arc::new(workflow),
        input: Arc::new(json!({})),
        at,
    };
    let status = WorkflowStatus::Completed;
    let run = "w-1".into();
    journal.begin(&run, started).unwrap();
    journal
        .append(&run, &JournalEntry::Ended { status, at })
        .unwrap();
    assert!(journal.lock().next.is_empty());
}

#[test]
fn unused_definitions_are_not_cached() {
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(folder.path().join("journal.db")).unwrap();
    let mut file = journal.lock();
    let workflow: Workflow = serde_json::from_value(json!({"id": "w", "steps": []})).unwrap();
    let kept = Arc::new(workflow.clone());
    file.remember(&kept, 0);
    for row in 1..1_000 {
        file.remember(&Arc::new(workflow.clone()), row);
    }
    assert!(file.definitions.len() < 100);
    assert!(file.definitions.iter().any(|(row, _)| *row == 0));
}

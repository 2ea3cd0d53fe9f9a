use super::*;
use crate::{
    clock::{Clock, Seed},
    harness::Cast,
    observability::Timeline,
    orchestration::{CrashPoint, Workflow},
};

fn cast() -> (Cast, Runs) {
    let cast = Cast::new(Timeline::new(Clock::start()), Seed(0));
    cast.add_bare("AgentService").unwrap();
    let runs = cast.runs();
    (cast, runs)
}

fn workflow(step: &Value) -> Arc<Workflow> {
    Arc::new(serde_json::from_value(json!({ "id": "w", "steps": [step] })).unwrap())
}

#[tokio::test(start_paused = true)]
async fn crash_at_an_impossible_point_is_refused() {
    let (cast, mut runs) = cast();
    let crash = |runs: &mut Runs, point, step| runs.crash(point, step, None, "x:1".into());
    let refused = crash(&mut runs, CrashPoint::After, "pay").unwrap_err();
    assert!(refused.starts_with("no workflow is declared"), "{refused}");
    runs.declare(workflow(
        &json!({"id": "pay", "service": "S", "operation": "pay"}),
    ))
    .unwrap();
    let refused = crash(&mut runs, CrashPoint::After, "pya").unwrap_err();
    assert!(refused.ends_with("did you mean \"pay\"?"), "{refused}");
    let refused = crash(&mut runs, CrashPoint::DuringCompensation, "pay").unwrap_err();
    assert!(
        refused.ends_with("no compensation to crash in"),
        "{refused}"
    );
    crash(&mut runs, CrashPoint::After, "pay").unwrap();
    assert_eq!(cast.faults().unused().len(), 1);
}

#[cfg(feature = "sqlite")]
#[tokio::test(start_paused = true)]
async fn kill_at_an_unsupported_point_is_refused() {
    let (cast, mut runs) = cast();
    runs.declare(workflow(&json!({
        "id": "parent", "workflow": {
            "id": "child",
            "steps": [{ "id": "a", "service": "AgentService", "operation": "createAgent" }],
        },
    })))
    .unwrap();
    let after = CrashPoint::After;
    let refused = runs.run_and_kill(after, "parent/a").await;
    assert!(refused.unwrap_err().contains("not of a nested one"));
    let refused = runs.run_and_kill(after, "parent").await;
    assert!(refused.unwrap_err().contains("only the journal"));

    let before = CrashPoint::BeforeCompensation;
    let refused = runs.run_and_kill(before, "parent").await;
    assert!(
        refused
            .unwrap_err()
            .contains("only before, during or after a step")
    );

    let folder = tempfile::tempdir().unwrap();
    runs.keep_journal_in(folder.path().join("journal.db"))
        .unwrap();
    cast.script("AgentService.createAgent").unwrap().hangs();
    runs.start(no_input()).unwrap();
    let refused = runs.run_and_kill(after, "parent").await;
    assert!(
        refused
            .unwrap_err()
            .contains("still running in this process")
    );
}

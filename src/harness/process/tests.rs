#![cfg(unix)]

use std::{process::Command, sync::Arc};

use serde_json::json;

use super::{parent::Mission, protocol::Said, spawned::Spawned};
use crate::{
    clock::{Clock, Seed},
    harness::Cast,
    observability::Timeline,
    orchestration::{CrashPoint, Workflow},
};

/// What becomes of a process that does what a shell is told, instead of orchestrating.
fn follow(script: &str) -> Result<Arc<str>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let timeline = Timeline::new(Clock::start());
        let cast = Cast::new(timeline.clone(), Seed(0));
        cast.add_bare("S");
        let workflow: Workflow = serde_json::from_value(json!({
            "id": "w", "steps": [{"id": "a", "service": "S", "operation": "a"}],
        }))
        .unwrap();
        let mission = Mission {
            client: cast.client(),
            workflow: Arc::new(workflow),
            input: Arc::new(json!({})),
            journal: "nowhere.db".into(),
            point: CrashPoint::Before,
            step: "a",
        };
        mission.run(Command::new("sh").args(["-c", script])).await
    })
}

fn line(said: &Said) -> String {
    format!("echo '{}'", serde_json::to_string(said).unwrap())
}

#[test]
fn a_process_that_dies_by_itself_is_told_with_its_last_words() {
    assert_eq!(
        follow("echo oh no >&2; exit 3").unwrap_err(),
        "the orchestrator's process ended by itself (exit status: 3)\n  oh no"
    );
}

#[test]
fn a_process_that_talks_nonsense_is_quoted_and_killed() {
    let why = follow("echo 'running 3 tests'; exec sleep 60").unwrap_err();
    assert!(why.contains("says \"running 3 tests\""), "{why}");
    assert!(!why.contains("exit status"), "{why}");
}

#[test]
fn a_process_that_cannot_do_its_work_says_why() {
    let failed = line(&Said::Failed {
        why: "no journal".to_owned(),
    });
    let why = follow(&format!("{failed}; exit 1")).unwrap_err();
    assert!(why.starts_with("the orchestrator's process failed: no journal"));
}

#[test]
fn a_process_is_killed_at_the_point_and_the_run_is_known() {
    let begun = line(&Said::Begun {
        run: "w-1".into(),
        at: std::time::Duration::ZERO,
    });
    let reached = line(&Said::Reached {
        point: CrashPoint::Before,
        step: "a".to_owned(),
    });
    let run = follow(&format!("{begun}; {reached}; exec sleep 60"));
    assert_eq!(run.unwrap(), "w-1".into());
}

#[test]
fn a_process_that_is_gone_already_was_not_killed() {
    let mut process = Spawned::start(Command::new("sh").args(["-c", "exit 0"])).unwrap();
    assert!(process.said.blocking_recv().is_none());
    let end = process.kill();
    assert!(!end.was_killed());
    assert_eq!(end.explain("gone"), "gone (exit status: 0)");
}

#[test]
fn a_program_that_is_not_there_cannot_start() {
    let started = Spawned::start(&mut Command::new("/no/such/program"));
    assert!(started.err().unwrap().contains("cannot start"));
}

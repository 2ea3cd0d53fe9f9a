#![cfg(unix)]

use std::{process::Command, sync::Arc};

use serde_json::json;

use super::{parent::ProcessRun, protocol::ChildMessage, spawned::ChildProcess};
use crate::{
    clock::{Clock, Seed},
    harness::Cast,
    observability::Timeline,
    orchestration::{CrashPoint, Workflow},
};

/// The result of running a shell script instead of the orchestrator.
fn follow(script: &str) -> Result<Arc<str>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let timeline = Timeline::new(Clock::start());
        let cast = Cast::new(timeline.clone(), Seed(0));
        cast.add_bare("S").unwrap();
        let workflow: Workflow = serde_json::from_value(json!({
            "id": "w", "steps": [{"id": "a", "service": "S", "operation": "a"}],
        }))
        .unwrap();
        let process_run = ProcessRun {
            client: cast.client(),
            workflow: Arc::new(workflow),
            input: Arc::new(json!({})),
            journal: "nowhere.db".into(),
            point: CrashPoint::Before,
            step: "a",
        };
        process_run
            .run(Command::new("sh").args(["-c", script]))
            .await
    })
}

fn line(message: &ChildMessage) -> String {
    format!("echo '{}'", serde_json::to_string(message).unwrap())
}

#[test]
fn process_that_exits_by_itself_is_reported_with_its_errors() {
    assert_eq!(
        follow("echo oh no >&2; exit 3").unwrap_err(),
        "the orchestrator's process ended by itself (with status 3)\n  oh no"
    );
}

#[test]
fn process_that_writes_other_output_is_quoted_and_killed() {
    let why = follow("echo 'running 3 tests'; exec sleep 60").unwrap_err();
    assert!(why.contains("wrote \"running 3 tests\""), "{why}");
    assert!(!why.contains("status"), "{why}");
}

#[test]
fn process_that_fails_reports_why() {
    let failed = line(&ChildMessage::Failed {
        why: "no journal".to_owned(),
    });
    let why = follow(&format!("{failed}; exit 1")).unwrap_err();
    assert!(why.starts_with("the orchestrator's process failed: no journal"));
}

#[test]
fn process_is_killed_at_the_point_and_its_run_is_returned() {
    let begun = line(&ChildMessage::Begun {
        run: "w-1".into(),
        at: std::time::Duration::ZERO,
    });
    let reached = line(&ChildMessage::Reached {
        point: CrashPoint::Before,
        step: "a".to_owned(),
    });
    let run = follow(&format!("{begun}; {reached}; exec sleep 60"));
    assert_eq!(run.unwrap(), "w-1".into());
}

#[test]
fn process_that_has_exited_was_not_killed() {
    let mut process = ChildProcess::start(Command::new("sh").args(["-c", "exit 0"])).unwrap();
    assert!(process.messages.blocking_recv().is_none());
    assert!(!process.kill());
    assert_eq!(process.explain("gone"), "gone (with status 0)");
}

#[test]
fn missing_program_cannot_start() {
    let started = ChildProcess::start(&mut Command::new("/no/such/program"));
    assert!(started.err().unwrap().contains("cannot start"));
}

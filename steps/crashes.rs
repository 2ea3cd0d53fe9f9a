use rehearsal_macros::{given, when};

use super::StepResult;
use crate::{harness::World, orchestration::CrashPoint};

/// The journal is a file, which a restarted orchestrator opens again.
#[given("the journal is kept in a file")]
fn journal_in_a_file(world: &mut World) -> StepResult {
    let file = world.directory()?.join("journal.db");
    Ok(world.runs().keep_journal_in(file)?)
}

/// The process is lost before the step's intent is journalled.
#[given("the orchestrator crashes before step {string}")]
fn crashes_before(world: &mut World, name: String) -> StepResult {
    declare(world, CrashPoint::Before, &name)
}

/// The process is lost after the step's call, before its completion is journalled.
#[given("the orchestrator crashes during step {string}")]
fn crashes_during(world: &mut World, name: String) -> StepResult {
    declare(world, CrashPoint::During, &name)
}

/// The process is lost after the step's completion is journalled.
#[given("the orchestrator crashes after step {string}")]
fn crashes_after(world: &mut World, name: String) -> StepResult {
    declare(world, CrashPoint::After, &name)
}

/// The process is lost before the compensation's intent is journalled.
#[given("the orchestrator crashes before the compensation of step {string}")]
fn crashes_before_compensation(world: &mut World, name: String) -> StepResult {
    declare(world, CrashPoint::BeforeCompensation, &name)
}

/// The process is lost after the compensation's completion is journalled.
#[given("the orchestrator crashes after the compensation of step {string}")]
fn crashes_after_compensation(world: &mut World, name: String) -> StepResult {
    declare(world, CrashPoint::AfterCompensation, &name)
}

/// The process is lost after the compensation's call, before its completion is journalled.
#[given("the orchestrator crashes during the compensation of step {string}")]
fn crashes_during_compensation(world: &mut World, name: String) -> StepResult {
    declare(world, CrashPoint::DuringCompensation, &name)
}

/// A new orchestrator on the same journal runs unfinished workflows to their end.
#[when("the orchestrator restarts")]
async fn restarts(world: &mut World) -> StepResult {
    let client = world.cast().restart();
    Ok(world.runs().restart(client).await?)
}

fn declare(world: &mut World, point: CrashPoint, step: &str) -> StepResult {
    let here = world.here();
    Ok(world.runs().crash(point, step, here)?)
}

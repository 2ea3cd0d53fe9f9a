use rehearsal_macros::when;

use super::StepResult;
use crate::{harness::World, orchestration::CrashPoint};

/// A process of its own, killed before the step's intent is journalled.
#[when("a process runs the workflow and is killed before step {string}")]
async fn killed_before(world: &mut World, name: String) -> StepResult {
    kill(world, CrashPoint::Before, &name).await
}

/// A process of its own, killed after the step's call had its effect and before it has its answer.
#[when("a process runs the workflow and is killed during step {string}")]
async fn killed_during(world: &mut World, name: String) -> StepResult {
    kill(world, CrashPoint::During, &name).await
}

/// A process of its own, killed after the step's end is journalled.
#[when("a process runs the workflow and is killed after step {string}")]
async fn killed_after(world: &mut World, name: String) -> StepResult {
    kill(world, CrashPoint::After, &name).await
}

/// A process of its own, killed after the compensation's call and before it has its answer.
#[when("a process runs the workflow and is killed during the compensation of step {string}")]
async fn killed_during_compensation(world: &mut World, name: String) -> StepResult {
    kill(world, CrashPoint::DuringCompensation, &name).await
}

async fn kill(world: &mut World, point: CrashPoint, step: &str) -> StepResult {
    if !world.stage().wall_clock {
        return Err("a process runs in real time: tag the scenario @wall-clock".into());
    }
    Ok(world.runs().run_in_process_until(point, step).await?)
}

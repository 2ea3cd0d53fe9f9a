use rehearsal_macros::when;

use super::{StepResult, crashes::CrashMoment};
use crate::harness::World;

/// A separate process, killed before the step's start is journalled, after a call has its effect and
/// before its result arrives, or after the step's end is journalled.
#[when("a process runs the workflow and is killed {crash_point} step {string}")]
async fn killed(world: &mut World, point: CrashMoment, name: String) -> StepResult {
    if !world.scenario().wall_clock {
        return Err("a process runs in real time: tag the scenario @wall-clock".into());
    }
    Ok(world.runs().run_and_kill(point.0, &name).await?)
}

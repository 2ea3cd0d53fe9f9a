use rehearsal_macros::then;

use super::{StepResult, failing::something_happened};
use crate::harness::{SnapshotName, SnapshotPart, World, outcome_text, timeline_snapshot};

/// The last run's outcome and timeline, as accepted in `tests/snapshots/`.
#[then("the outcome matches the snapshot")]
fn outcome_matches(world: &mut World) -> StepResult {
    let timeline = world.timeline().clone();
    let with_times = !world.scenario().wall_clock;
    let outcome = world.runs().outcome()?;
    let text = timeline.read(|events| outcome_text(outcome, events, with_times));
    matches(world, &text, SnapshotPart::Outcome)
}

/// The scenario's timeline, as accepted in `tests/snapshots/`.
#[then("the timeline matches the snapshot")]
fn timeline_matches(world: &mut World) -> StepResult {
    something_happened(world)?;
    let with_times = !world.scenario().wall_clock;
    let text = world
        .timeline()
        .read(|events| timeline_snapshot(events, with_times));
    matches(world, &text, SnapshotPart::Timeline)
}

fn matches(world: &World, text: &str, part: SnapshotPart) -> StepResult {
    let scenario = world.scenario();
    let name = SnapshotName::new(&scenario.uri, &scenario.name, scenario.row, part);
    Ok(world
        .snapshots()?
        .check(&name, text, &scenario.uri, scenario.line, &scenario.name)?)
}

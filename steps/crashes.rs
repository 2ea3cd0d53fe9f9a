//! Crashes and restarts of the orchestrator, and where its journal is kept.

use std::str::FromStr;

use cucumber::{Parameter, codegen::inventory};
use rehearsal_macros::{given, when};

use super::StepResult;
use crate::{
    harness::{ParameterType, World},
    orchestration::CrashPoint,
};

/// `{crash_point}`: `before`, `during`, `after`, `before the service acts in` or `after the service
/// acts in`, each of them also with `the compensation of`.
#[derive(Debug, Parameter)]
#[param(
    name = "crash_point",
    regex = "(?:before|during|after|(?:before|after) the service acts in)(?: the compensation of)?"
)]
pub struct CrashMoment(pub CrashPoint);

inventory::submit!(ParameterType::of::<CrashMoment>());

impl FromStr for CrashMoment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut points = CrashPoint::ALL.into_iter();
        points
            .find(|point| point.to_string() == text)
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not a crash point"))
    }
}

/// `{ordinal}`: `1st`, `2nd`, `3rd`, `4th` and so on.
#[derive(Debug, Parameter)]
#[param(name = "ordinal", regex = "[1-9][0-9]*(?:st|nd|rd|th)")]
pub struct Ordinal(pub u32);

inventory::submit!(ParameterType::of::<Ordinal>());

impl FromStr for Ordinal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
        let refused = |_| format!("{text:?} is too large to count");
        number.parse().map(Self).map_err(refused)
    }
}

/// The journal is a file, which a restarted orchestrator opens again.
#[given("the journal is kept in a file")]
fn journal_in_a_file(world: &mut World) -> StepResult {
    let file = world.directory()?.join("journal.db");
    Ok(world.runs().keep_journal_in(file)?)
}

/// Before the start of the step or its compensation is journalled, after its call, or after its end
/// is journalled. The step is one of the workflow, or of the plans of goals.
#[given("the orchestrator crashes {crash_point} step {string}")]
fn crashes(world: &mut World, point: CrashMoment, name: String) -> StepResult {
    declare(world, point, &name, None)
}

/// As above, but only the n-th time that it gets there.
#[given("the orchestrator crashes {crash_point} step {string} on its {ordinal} execution")]
fn crashes_later(
    world: &mut World,
    point: CrashMoment,
    name: String,
    occurrence: Ordinal,
) -> StepResult {
    declare(world, point, &name, Some(occurrence.0))
}

fn declare(
    world: &mut World,
    point: CrashMoment,
    step: &str,
    occurrence: Option<u32>,
) -> StepResult {
    let here = world.here();
    #[cfg(feature = "control")]
    let declared = {
        let (control, runs) = world.control();
        control.crash(point.0, step, occurrence, here, runs)
    };
    #[cfg(not(feature = "control"))]
    let declared = world.runs().crash(point.0, step, occurrence, here);
    Ok(declared?)
}

/// Its process is lost now, whatever it is doing or waiting for.
#[when("the orchestrator crashes")]
fn crashes_now(world: &mut World) -> StepResult {
    Ok(world.runs().crash_now()?)
}

/// A new orchestrator on the same journal runs unfinished workflows, each to its end or until it waits for
/// an event; the coordinator goes on with its goals.
#[when("the orchestrator restarts")]
async fn restarts(world: &mut World) -> StepResult {
    #[cfg(feature = "control")]
    {
        let (control, runs) = world.control();
        control.lose(runs).await?;
    }
    let client = world.cast().restart();
    world.runs().restart(client).await?;
    #[cfg(feature = "control")]
    world.control().0.take_up();
    Ok(())
}

//! Tasks that a service keeps.

use cucumber::gherkin;
use rehearsal_macros::{given, when};

use super::{StepResult, parameters::json};
use crate::{harness::World, tasks::TasksDefinition};

/// In memory.
#[given("{string} keeps tasks")]
fn keeps(world: &mut World, service: String) -> StepResult {
    Ok(world.keep_tasks(&service, &TasksDefinition::default())?)
}

/// The same by the definition below.
#[given("{string} keeps tasks:")]
fn keeps_by_definition(world: &mut World, step: &gherkin::Step, service: String) -> StepResult {
    let definition = json(world, step)?;
    Ok(world.keep_tasks(&service, &definition)?)
}

/// Its server is lost, and another one begins on the same file.
#[when("the tasks of {string} are reopened")]
fn are_reopened(world: &mut World, service: String) -> StepResult {
    Ok(world.reopen_tasks(&service)?)
}

//! Tasks that a service keeps.

use cucumber::gherkin;
use rehearsal_macros::{given, when};

use super::{
    CountParameter, StepResult,
    parameters::{at_least_one, json},
};
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

/// Another process uses its file.
#[when("the database of {string} is lost")]
fn database_is_lost(world: &mut World, service: String) -> StepResult {
    Ok(world.take_tasks_away(&service, true)?)
}

/// Nobody else uses its file.
#[when("the database of {string} is back")]
fn database_is_back(world: &mut World, service: String) -> StepResult {
    Ok(world.take_tasks_away(&service, false)?)
}

/// Somebody edits the newest snapshots of its state: the last one, then the newest backups.
#[when("the newest {count} snapshot(s) of {string} is/are altered")]
fn snapshots_are_altered(world: &mut World, count: CountParameter, service: String) -> StepResult {
    let count = at_least_one(count, "snapshot")?;
    Ok(world.alter_snapshots(&service, count as usize)?)
}

/// Its requests are kept while the server tries to reconnect. A client is the session of the security context,
/// else the caller.
#[when("the client {string} loses its connection to {string}")]
async fn client_loses_its_connection(
    world: &mut World,
    client: String,
    service: String,
) -> StepResult {
    Ok(world.connect_to_tasks(&client, &service, true)?)
}

/// The next try to reconnect finds it.
#[when("the client {string} can be reached by {string} again")]
fn client_can_be_reached(world: &mut World, client: String, service: String) -> StepResult {
    Ok(world.connect_to_tasks(&client, &service, false)?)
}

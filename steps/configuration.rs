//! Configurations that a service keeps as events.

use cucumber::gherkin;
use rehearsal_macros::{given, then};
use serde_json::{Map, Value};

use super::{
    StepResult,
    failing::expect,
    parameters::{has_values, header_and_rows, json},
};
use crate::{
    configuration::ConfigurationsDefinition,
    domain::from_value,
    harness::{World, compare_rows},
    observability::{ConsistencyEvent, Event, EventKind},
};

/// In place of its replies, without a schema or references; of updates of a former version, the first wins.
#[given("{string} keeps configurations")]
fn keeps(world: &mut World, service: String) -> StepResult {
    let definition: ConfigurationsDefinition = from_value(&Value::Object(Map::new()))?;
    Ok(world.keep_configurations(&service, &definition)?)
}

/// The same by the definition below.
#[given("{string} keeps configurations:")]
fn keeps_by_definition(world: &mut World, step: &gherkin::Step, service: String) -> StepResult {
    let definition = json(world, step)?;
    Ok(world.keep_configurations(&service, &definition)?)
}

/// As if it had existed from the start; one with a version has that many events.
#[given("the configuration {string}:")]
async fn exists(world: &mut World, step: &gherkin::Step, id: String) -> StepResult {
    let mut fields: Map<String, Value> = json(world, step)?;
    match fields.get("id") {
        None => fields.shift_insert(0, "id".to_owned(), id.into()),
        Some(own) if *own == id => None,
        Some(own) => {
            let message = format!("the id of the configuration is {own}, the step has {id:?}");
            return Err(message.into());
        }
    };
    world.configurations()?.add(fields).await?;
    world.cqrs().idle().await;
    Ok(())
}

/// Values of a configuration as its last event has it, by JSON Pointer.
#[then("the configuration {string} has:")]
fn has(world: &mut World, step: &gherkin::Step, id: String) -> StepResult {
    let found = world.configuration(&id)?;
    let found = found.ok_or_else(|| format!("there is no configuration {id:?}"))?;
    has_values(step, &found)
}

/// It was never created, or is deleted.
#[then("there is no configuration {string}")]
fn has_not(world: &mut World, id: String) -> StepResult {
    let found = world.configuration(&id)?;
    expect(found.is_none(), || {
        let found = Value::Object(found.unwrap_or_default());
        format!("expected no configuration {id:?}, found {found:#}")
    })
}

/// All conflicts between updates, in order: those of fields that were resolved, and updates that were refused.
#[then("the log of conflicts is:")]
fn log_is(world: &mut World, step: &gherkin::Step) -> StepResult {
    const COLUMNS: [&str; 11] = [
        "configuration",
        "conflictType",
        "field",
        "conflictingValues",
        "resolution",
        "winningValue",
        "winningOperation",
        "operation",
        "reason",
        "fields",
        "version",
    ];
    let (header, rows) = header_and_rows(step, &COLUMNS)?;
    let is_logged = |event: &&Event| match &event.kind {
        EventKind::Consistency(event) => matches!(
            **event,
            ConsistencyEvent::ConflictResolved { .. } | ConsistencyEvent::UpdateRejected { .. }
        ),
        _ => false,
    };
    let found: Vec<_> = world.timeline().read(|events| {
        let logged = events.iter().filter(is_logged);
        logged.map(Event::fields).collect()
    });
    Ok(compare_rows(header, rows, &found)?)
}

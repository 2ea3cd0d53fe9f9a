use cucumber::gherkin;
use rehearsal_macros::{given, then, when};
use serde_json::Map;

use super::commands::at;
use crate::{
    cqrs::{ProjectionDefinition, ProjectionStatus},
    domain::{Call, format_duration},
    harness::{World, compare_rows},
    observability::{Event, EventKind},
    steps::{
        CountParameter, DurationParameter, StepResult,
        failing::expect,
        parameters::{has_json, has_values, header_and_rows, json},
    },
};

/// A projection by the definition below, which begins with the first event. In place of one of its
/// name it continues after that one's checkpoint, unless it handles events in another way.
#[given("the projection:")]
fn the_projection(world: &mut World, step: &gherkin::Step) -> StepResult {
    let definition: ProjectionDefinition = json(world, step)?;
    let defined = world.cqrs().define_projection(&definition);
    Ok(defined.map_err(|error| at(world, step, &error))?)
}

/// Waits until every projection has applied all events, after any number of retries, or is paused.
#[when("the projections catch up")]
async fn catch_up(world: &mut World) -> StepResult {
    Ok(world.cqrs().catch_up().await?)
}

/// A paused projection continues, and its earlier errors are cleared.
#[when("the projection {string} is resumed")]
async fn is_resumed(world: &mut World, name: String) -> StepResult {
    let cqrs = world.cqrs();
    cqrs.projector().resume(&name)?;
    cqrs.idle().await;
    Ok(())
}

/// A projection is cleared and applies all events again, from the first.
#[when("the projection {string} is rebuilt")]
async fn is_rebuilt(world: &mut World, name: String) -> StepResult {
    let cqrs = world.cqrs();
    cqrs.projector().rebuild(&name)?;
    cqrs.idle().await;
    Ok(())
}

/// The event that holds a projection back is passed over; a paused projection continues.
#[when("the failed event of {string} is set aside")]
async fn failed_event_is_set_aside(world: &mut World, name: String) -> StepResult {
    let cqrs = world.cqrs();
    cqrs.projector().set_aside(&name)?;
    cqrs.idle().await;
    Ok(())
}

/// A new process continues from the stored checkpoints; what was under way is lost.
#[when("the projector restarts")]
async fn projector_restarts(world: &mut World) -> StepResult {
    let cqrs = world.cqrs();
    cqrs.projector().restart();
    cqrs.idle().await;
    Ok(())
}

/// Reads a document of a read model through the client.
#[when("{string} is queried for {string}")]
async fn is_queried_for(world: &mut World, read_model: String, key: String) -> StepResult {
    let projector = world.cqrs().projector();
    let result = projector
        .query(Call::SCENARIO, &read_model, Some(&key))
        .await;
    world.set_calls(vec![result]);
    Ok(())
}

/// Reads all documents of a read model.
#[when("{string} is queried")]
async fn is_queried(world: &mut World, read_model: String) -> StepResult {
    let projector = world.cqrs().projector();
    let result = projector.query(Call::SCENARIO, &read_model, None).await;
    world.set_calls(vec![result]);
    Ok(())
}

/// It applies events as they are stored.
#[then("the projection {string} is running")]
fn is_running(world: &mut World, name: String) -> StepResult {
    has_status(world, &name, ProjectionStatus::Running)
}

/// It applies all events again and has not reached the last.
#[then("the projection {string} is rebuilding")]
fn is_rebuilding(world: &mut World, name: String) -> StepResult {
    has_status(world, &name, ProjectionStatus::Rebuilding)
}

/// It has too many recent errors.
#[then("the projection {string} is paused")]
fn is_paused(world: &mut World, name: String) -> StepResult {
    has_status(world, &name, ProjectionStatus::Paused)
}

fn has_status(world: &mut World, name: &str, expected: ProjectionStatus) -> StepResult {
    let found = world.cqrs().projector().status(name)?;
    expect(found == expected, || {
        format!(
            "expected the projection {name} to be {}, found {}",
            expected.as_str(),
            found.as_str()
        )
    })
}

/// The position of the event that a projection applied last.
#[then("the checkpoint of {string} is {count}")]
fn checkpoint_is(world: &mut World, name: String, expected: CountParameter) -> StepResult {
    let expected = expected.value()?;
    let found = world.cqrs().projector().checkpoint(&name)?;
    expect(found == u64::from(expected), || {
        format!("expected the checkpoint of {name} to be {expected}, found {found}")
    })
}

/// The time from the last event that a projection applied until it was applied.
#[then("the lag of {string} is {duration}")]
fn lag_is(world: &mut World, name: String, expected: DurationParameter) -> StepResult {
    let expected = expected.value()?;
    world.cqrs().projector().status(&name)?;
    let found = world.timeline().read(|events| {
        events.iter().rev().find_map(|event| match &event.kind {
            EventKind::ProjectionAdvanced {
                projection, lag, ..
            } if **projection == *name => Some(*lag),
            _ => None,
        })
    });
    let found = found.ok_or_else(|| format!("the projection {name} has applied no event"))?;
    expect(found == expected, || {
        format!(
            "expected {name} to lag by {}, found {}",
            format_duration(expected),
            format_duration(found)
        )
    })
}

/// A whole document of a read model.
#[then("the read model {string} has {string}:")]
fn read_model_has(
    world: &mut World,
    step: &gherkin::Step,
    read_model: String,
    key: String,
) -> StepResult {
    let document = world.cqrs().projector().document(&read_model, &key)?;
    let document = document
        .ok_or_else(|| format!("the read model {read_model} has no document for {key:?}"))?;
    has_json(world, step, &document)
}

/// A read model does not have the document.
#[then("the read model {string} has nothing for {string}")]
fn read_model_has_nothing(world: &mut World, read_model: String, key: String) -> StepResult {
    let document = world.cqrs().projector().document(&read_model, &key)?;
    match document {
        None => Ok(()),
        Some(document) => Err(format!("expected no document for {key:?}, found {document}").into()),
    }
}

/// The event that holds a projection back, and why: values by JSON Pointer.
#[then("the failed event of {string} has:")]
fn failed_event_has(world: &mut World, step: &gherkin::Step, name: String) -> StepResult {
    let failure = world.cqrs().projector().failure(&name)?;
    let failure = failure.ok_or_else(|| format!("no event holds {name} back"))?;
    has_values(step, &failure)
}

/// The events that a projection passes over, in order; any of the columns.
#[then("the events set aside by {string} are:")]
fn events_set_aside_are(world: &mut World, step: &gherkin::Step, name: String) -> StepResult {
    const COLUMNS: [&str; 5] = ["position", "type", "subject", "code", "retries"];
    let (header, rows) = header_and_rows(step, &COLUMNS)?;
    let events = world.cqrs().projector().set_aside_events(&name)?;
    let found: Vec<_> = events
        .into_iter()
        .map(|failed| {
            let values = [
                failed.position.into(),
                failed.event["type"].clone(),
                failed.event["subject"].clone(),
                (*failed.error.code).into(),
                failed.retries.into(),
            ];
            let columns = COLUMNS.map(str::to_owned);
            columns.into_iter().zip(values).collect::<Map<_, _>>()
        })
        .collect();
    Ok(compare_rows(header, rows, &found)?)
}

/// A projection passes over no event.
#[then("no event is set aside by {string}")]
fn no_event_is_set_aside(world: &mut World, name: String) -> StepResult {
    let events = world.cqrs().projector().set_aside_events(&name)?;
    expect(events.is_empty(), || {
        let positions: Vec<_> = events.iter().map(|failed| failed.position).collect();
        format!("expected {name} to set no event aside, found those at positions {positions:?}")
    })
}

/// No failed event holds a projection back.
#[then("no event holds {string} back")]
fn nothing_holds_back(world: &mut World, name: String) -> StepResult {
    let failure = world.cqrs().projector().failure(&name)?;
    let handled = world.timeline().read(|events| {
        let own = |event: &Event| match &event.kind {
            EventKind::ProjectionAdvanced { projection, .. }
            | EventKind::ProjectionFailed { projection, .. } => **projection == *name,
            // It waits for an event that is missing.
            EventKind::Warning { about, .. } => **about == *name,
            _ => false,
        };
        events.iter().any(own)
    });
    expect(handled, || {
        format!("{name} was given no event yet, so none could hold it back")
    })?;
    match failure {
        None => Ok(()),
        Some(failure) => Err(format!(
            "expected no event to hold {name} back, found the one at position {}: {}",
            failure.position, failure.error
        )
        .into()),
    }
}

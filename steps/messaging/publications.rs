use std::sync::Arc;

use cucumber::gherkin;
use rehearsal_macros::then;
use serde_json::Value;

use crate::{
    domain::did_you_mean,
    harness::{World, describe},
    observability::{Event, EventKind},
    steps::{
        CountParameter, StepResult,
        failing::{expect, something_happened},
        parameters::has_values,
    },
};

/// Every event that the last When published is stored.
#[then("the publication succeeds")]
fn publication_succeeds(world: &mut World) -> StepResult {
    world.last_call()?;
    match world.calls().iter().find(|result| result.is_err()) {
        // The results of direct calls are no events.
        None => expect(last_event(world)?.get("specversion").is_some(), || {
            "the last When published no event".to_owned()
        }),
        Some(failed) => {
            let failed = describe(failed);
            Err(format!("expected the publication to succeed, {failed}").into())
        }
    }
}

/// The last event was not stored because of this failure.
#[then("the publication fails with {string}")]
fn publication_fails(world: &mut World, code: String) -> StepResult {
    let result = world.last_call()?;
    let fails = matches!(result, Err(failure) if *failure.code == *code);
    expect(fails, || {
        let found = describe(result);
        format!("expected the publication to fail with {code}, {found}")
    })
}

/// Values of the last stored event, by JSON Pointer.
#[then("the event has:")]
fn event_has(world: &mut World, step: &gherkin::Step) -> StepResult {
    has_values(step, &last_event(world)?)
}

/// The last stored event, as JSON.
pub(super) fn last_event(world: &World) -> Result<Arc<Value>, String> {
    let result = world.last_call()?;
    match result {
        Ok(event) => Ok(Arc::clone(&event.value)),
        Err(_) => Err(format!("expected an event, {}", describe(result))),
    }
}

/// How often events of a type were put on the bus, repetitions included.
#[then("the event {string} reaches the bus {count} time(s)")]
fn reaches_the_bus(world: &mut World, kind: String, count: CountParameter) -> StepResult {
    reached(world, &kind, count.value()?)
}

/// No event of a type was put on the bus.
#[then("the event {string} never reaches the bus")]
fn never_reaches_the_bus(world: &mut World, kind: String) -> StepResult {
    reached(world, &kind, 0)
}

fn reached(world: &mut World, kind: &str, expected: u32) -> StepResult {
    something_happened(world)?;
    check_type(world, kind)?;
    let found = world.timeline().read(|events| {
        let published = |event: &&Event| matches!(&event.kind, EventKind::EventPublished { head } if *head.kind == *kind);
        events.iter().filter(published).count()
    });
    expect(found == expected as usize, || {
        format!("expected {kind} to reach the bus {expected} time(s), found {found}")
    })
}

/// An event type that never occurred and has no handler is probably a typo.
fn check_type(world: &mut World, kind: &str) -> StepResult {
    let mut known = world.messages().bus().topics();
    known.extend(world.messages().bus().types().listed());
    world.timeline().read(|events| {
        known.extend(events.iter().filter_map(|event| match &event.kind {
            EventKind::EventStored { head } | EventKind::EventPublished { head } => {
                Some(Arc::clone(&head.kind))
            }
            EventKind::TopicOpened { kind } => Some(Arc::clone(kind)),
            // Also one that no outbox would accept.
            EventKind::CallStarted { input, .. } => {
                input.get("specversion")?;
                Some(input.get("type")?.as_str()?.into())
            }
            _ => None,
        }));
    });
    known.sort();
    known.dedup();
    if known.iter().any(|known| **known == *kind) {
        return Ok(());
    }
    let hint = did_you_mean(kind, known.iter().map(|known| &**known));
    Err(format!("event {kind:?} never occurred and has no handler: {hint}").into())
}

use std::sync::Arc;

use rehearsal_macros::then;

use super::{StepError, StepResult, failing::expect, publications::last_event};
use crate::{
    cqrs::StoredEvent,
    harness::World,
    messaging::{CloudEvent, TraceContext},
    observability::EventKind,
};

/// The last event that was stored continues a trace, in a span of its own.
#[then("the event is part of the trace {string}")]
fn is_part_of(world: &mut World, trace: String) -> StepResult {
    let found = trace_of_last(world)?;
    expect(found.trace_id_text() == trace, || {
        format!("expected the event to be part of the trace {trace:?}, found {found}")
    })
}

/// The last event that was stored is the only one of its trace, and nobody named that trace before.
#[then("the event is part of a new trace")]
fn is_part_of_new(world: &mut World) -> StepResult {
    let found = trace_of_last(world)?;
    let (id, event) = (found.trace_id_text(), last_event(world)?);
    let own = (&event["source"], &event["id"]);
    let shared = world.timeline().read(|events| {
        events.iter().find_map(|event| match &event.kind {
            EventKind::CallStarted { input, .. } => {
                let other = (input.get("source")?, input.get("id")?) != own;
                let trace = input.get("traceparent")?.as_str()?;
                (other && trace.contains(&id)).then(|| trace.to_owned())
            }
            _ => None,
        })
    });
    let named = shared.or_else(|| warning_that_names(world, &id));
    expect_new(found, named)
}

fn trace_of_last(world: &World) -> Result<TraceContext, StepError> {
    let event = last_event(world)?;
    let traceparent = event["traceparent"].as_str().unwrap_or_default();
    Ok(traceparent.parse()?)
}

/// What the last command to an aggregate came to continues a trace.
#[then("the events of {string} are part of the trace {string}")]
fn are_part_of(world: &mut World, aggregate: String, trace: String) -> StepResult {
    for event in Decided::of(world, &aggregate)?.events {
        let found = event.trace;
        expect(found.trace_id_text() == trace, || {
            let id = event.event_id();
            format!("expected the event {id} to be part of the trace {trace:?}, found {found}")
        })?;
    }
    Ok(())
}

/// What the last command to an aggregate came to is alone in one trace, which nobody named before.
#[then("the events of {string} are part of a new trace")]
fn are_part_of_new(world: &mut World, aggregate: String) -> StepResult {
    let Decided { events, others } = Decided::of(world, &aggregate)?;
    let found = events[0].trace;
    for event in &events {
        expect(event.trace == found, || {
            let (id, other) = (event.event_id(), event.trace);
            format!("expected one trace, found {found}, and {other} of the event {id}")
        })?;
    }
    let shared = others
        .iter()
        .find(|event| event.trace.trace_id == found.trace_id);
    let named = match shared {
        Some(event) => Some(event.event_id().to_string()),
        None => warning_that_names(world, &found.trace_id_text()),
    };
    expect_new(found, named)
}

fn warning_that_names(world: &World, trace: &str) -> Option<String> {
    world.timeline().read(|events| {
        events.iter().find_map(|event| match &event.kind {
            EventKind::Warning { message, .. } => message.contains(trace).then(|| message.clone()),
            _ => None,
        })
    })
}

/// Nothing must have named the trace before.
fn expect_new(found: TraceContext, named: Option<String>) -> StepResult {
    match named {
        None => Ok(()),
        Some(named) => {
            Err(format!("expected a new trace, found {found}, which is that of {named:?}").into())
        }
    }
}

/// The events that the last command to an aggregate came to, and all others of the event store.
struct Decided {
    /// At least one.
    events: Vec<Arc<CloudEvent>>,
    others: Vec<Arc<CloudEvent>>,
}

impl Decided {
    fn of(world: &mut World, aggregate: &str) -> Result<Self, StepError> {
        let stored = world.cqrs()?.store().read(0, usize::MAX)?;
        let stored = stored.into_iter().map(|StoredEvent { event, .. }| event);
        let stored: Vec<_> = stored.collect();
        let of_aggregate = |event: &&Arc<CloudEvent>| event.subject.as_deref() == Some(aggregate);
        let Some(last) = stored.iter().rfind(of_aggregate).map(Arc::clone) else {
            return Err(format!("{aggregate:?} has no events").into());
        };
        let is_alike = |event: &Arc<CloudEvent>| {
            (&event.source, &event.subject, &event.causation_id)
                == (&last.source, &last.subject, &last.causation_id)
        };
        let (events, others) = stored.into_iter().partition(is_alike);
        Ok(Self { events, others })
    }
}

use std::sync::Arc;

use rehearsal_macros::then;

use crate::{
    cqrs::StoredEvent,
    harness::World,
    messaging::CloudEvent,
    steps::{
        StepError, StepResult,
        failing::expect,
        messaging::traces::{expect_new, warning_that_names},
    },
};

/// The events of the last command to an aggregate continue a trace.
#[then("the events of {string} are part of the trace {string}")]
fn are_part_of(world: &mut World, aggregate: String, trace: String) -> StepResult {
    for event in CommandEvents::of(world, &aggregate)?.events {
        let found = event.trace;
        expect(found.trace_id_text() == trace, || {
            let id = event.event_id();
            format!("expected the event {id} to be part of the trace {trace:?}, found {found}")
        })?;
    }
    Ok(())
}

/// The events of the last command to an aggregate share one trace, which nothing else is part of.
#[then("the events of {string} are part of a new trace")]
fn are_part_of_new(world: &mut World, aggregate: String) -> StepResult {
    let CommandEvents { events, others } = CommandEvents::of(world, &aggregate)?;
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

/// The events of the last command to an aggregate, and all others in the event store.
struct CommandEvents {
    /// At least one event.
    events: Vec<Arc<CloudEvent>>,
    others: Vec<Arc<CloudEvent>>,
}

impl CommandEvents {
    fn of(world: &mut World, aggregate: &str) -> Result<Self, StepError> {
        let stored = world.cqrs().store().read(0, usize::MAX);
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

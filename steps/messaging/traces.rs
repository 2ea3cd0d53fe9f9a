use rehearsal_macros::then;

use super::publications::last_event;
use crate::{
    harness::World,
    messaging::TraceContext,
    observability::EventKind,
    steps::{StepError, StepResult, failing::expect},
};

/// The last stored event continues a trace, in a new span.
#[then("the event is part of the trace {string}")]
fn is_part_of(world: &mut World, trace: String) -> StepResult {
    let found = trace_of_last(world)?;
    expect(found.trace_id_text() == trace, || {
        format!("expected the event to be part of the trace {trace:?}, found {found}")
    })
}

/// The last stored event is the only one in its trace, and the trace was not named before.
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

/// A warning that names a trace.
pub(in crate::steps) fn warning_that_names(world: &World, trace: &str) -> Option<String> {
    world.timeline().read(|events| {
        events.iter().find_map(|event| match &event.kind {
            EventKind::Warning { message, .. } => message.contains(trace).then(|| message.clone()),
            _ => None,
        })
    })
}

/// Fails if the trace was named before.
pub(in crate::steps) fn expect_new(found: TraceContext, named: Option<String>) -> StepResult {
    match named {
        None => Ok(()),
        Some(named) => {
            Err(format!("expected a new trace, found {found}, which is also in {named:?}").into())
        }
    }
}

use std::sync::Arc;

use cucumber::{gherkin, given, then, when};
use serde_json::Value;

use super::{
    Count, StepError, StepResult,
    failing::expect,
    parameters::{column, json, table, table_of},
};
use crate::{
    domain::{did_you_mean, from_json},
    harness::{World, describe, paths_difference},
    messaging::{EventDraft, PublisherCrash, TraceContext},
    observability::{Event, EventKind},
};

/// Events that say nothing else come from there.
#[given(expr = "events come from {string}")]
fn events_come_from(world: &mut World, source: String) -> StepResult {
    if source.is_empty() {
        return Err("an event comes from somewhere: the source is empty".into());
    }
    world.messages().come_from(&source);
    Ok(())
}

/// There are no others: publishing one, and subscribing to one, fails.
#[given(expr = "the event types are:")]
fn event_types_are(world: &mut World, step: &gherkin::Step) -> StepResult {
    world.messages().bus().types().list(column(step)?);
    Ok(())
}

/// The process is lost when the event is stored and not on the bus.
#[given(expr = "the publisher crashes before publishing")]
fn crashes_before(world: &mut World) {
    let here = world.here();
    world
        .messages()
        .crash(PublisherCrash::BeforePublishing, here);
}

/// The process is lost when the event is on the bus and not marked.
#[given(expr = "the publisher crashes after publishing")]
fn crashes_after(world: &mut World) {
    let here = world.here();
    world
        .messages()
        .crash(PublisherCrash::AfterPublishing, here);
}

/// A new process goes on with what is stored.
#[when(expr = "the publisher restarts")]
async fn restarts(world: &mut World) -> StepResult {
    world.messages().restart()?;
    world.messages().quiet().await;
    Ok(())
}

/// One event; waits until no handler is at work.
#[when(expr = "the event {string} is published")]
async fn is_published(world: &mut World, kind: String) -> StepResult {
    publish(world, [draft(&kind, None, Value::Null)]).await
}

/// One event with the data below.
#[when(expr = "the event {string} is published with:")]
async fn is_published_with(world: &mut World, step: &gherkin::Step, kind: String) -> StepResult {
    let data = json(world, step)?;
    publish(world, [draft(&kind, None, data)]).await
}

/// One event about a subject, such as the id of an order; order is kept within a subject.
#[when(expr = "the event {string} of {string} is published")]
async fn of_is_published(world: &mut World, kind: String, subject: String) -> StepResult {
    publish(world, [draft(&kind, Some(&subject), Value::Null)]).await
}

/// One event about a subject, with the data below.
#[when(expr = "the event {string} of {string} is published with:")]
async fn of_is_published_with(
    world: &mut World,
    step: &gherkin::Step,
    kind: String,
    subject: String,
) -> StepResult {
    let data = json(world, step)?;
    publish(world, [draft(&kind, Some(&subject), data)]).await
}

/// One event as CloudEvents writes it in JSON; what is left out is added.
#[when(expr = "the event is published:")]
async fn event_is_published(world: &mut World, step: &gherkin::Step) -> StepResult {
    let event: Value = json(world, step)?;
    match EventDraft::from_value(&event) {
        Ok(draft) => publish(world, [draft]).await,
        Err(error) => {
            world.set_calls(vec![Err(error.failure())]);
            Ok(())
        }
    }
}

/// So many events, one stored after the other before the first is handled.
#[when(expr = "the event {string} is published {count} time(s)")]
async fn is_published_times(world: &mut World, kind: String, count: Count) -> StepResult {
    let drafts = std::iter::repeat_n(draft(&kind, None, Value::Null), count.value()? as usize);
    publish(world, drafts).await
}

/// Several events, one stored after the other before the first is handled.
#[when(expr = "these events are published:")]
async fn these_are_published(world: &mut World, step: &gherkin::Step) -> StepResult {
    let drafts = drafts(step)?;
    publish(world, drafts).await
}

/// One event; does not wait until it is published.
#[when(expr = "the event {string} is sent")]
async fn is_sent(world: &mut World, kind: String) -> StepResult {
    send(world, [draft(&kind, None, Value::Null)]).await;
    Ok(())
}

/// One event about a subject; does not wait until it is published.
#[when(expr = "the event {string} of {string} is sent")]
async fn of_is_sent(world: &mut World, kind: String, subject: String) -> StepResult {
    send(world, [draft(&kind, Some(&subject), Value::Null)]).await;
    Ok(())
}

/// Waits until all that is stored is published, and handled or a dead letter.
#[when(expr = "every event is handled")]
async fn every_event_is_handled(world: &mut World) -> StepResult {
    Ok(world.messages().settled().await?)
}

/// All that the last When published is stored.
#[then(expr = "the publication succeeds")]
fn publication_succeeds(world: &mut World) -> StepResult {
    world.last_call()?;
    match world.calls().iter().find(|result| result.is_err()) {
        None => Ok(()),
        Some(failed) => {
            let failed = describe(failed);
            Err(format!("expected the publication to succeed, {failed}").into())
        }
    }
}

/// The last event was not stored, for this reason.
#[then(expr = "the publication fails with {string}")]
fn publication_fails(world: &mut World, code: String) -> StepResult {
    let result = world.last_call()?;
    let fails = matches!(result, Err(failure) if *failure.code == *code);
    expect(fails, || {
        let found = describe(result);
        format!("expected the publication to fail with {code}, {found}")
    })
}

/// Values of the last event that was stored, by JSON Pointer.
#[then(expr = "the event has:")]
fn event_has(world: &mut World, step: &gherkin::Step) -> StepResult {
    let rows = table_of(step, &["path", "value"])?;
    match paths_difference(rows, &*last_event(world)?) {
        None => Ok(()),
        Some(difference) => Err(difference.into()),
    }
}

/// The last event that was stored continues a trace, in a span of its own.
#[then(expr = "the event is part of the trace {string}")]
fn is_part_of(world: &mut World, trace: String) -> StepResult {
    let found = trace_of_last(world)?;
    expect(found.trace_id_text() == trace, || {
        format!("expected the event to be part of the trace {trace:?}, found {found}")
    })
}

/// The last event that was stored is the only one of its trace, and nobody named that trace before.
#[then(expr = "the event is part of a new trace")]
fn is_part_of_new(world: &mut World) -> StepResult {
    let found = trace_of_last(world)?;
    let (id, event) = (found.trace_id_text(), last_event(world)?);
    let own = (&event["source"], &event["id"]);
    let named = world.timeline().read(|events| {
        events.iter().find_map(|event| match &event.kind {
            EventKind::Warning { message, .. } => message.contains(&id).then(|| message.clone()),
            EventKind::CallStarted { input, .. } => {
                let other = (input.get("source")?, input.get("id")?) != own;
                let trace = input.get("traceparent")?.as_str()?;
                (other && trace.contains(&id)).then(|| trace.to_owned())
            }
            _ => None,
        })
    });
    expect(named.is_none(), || {
        let named = named.as_deref().unwrap_or_default();
        format!("expected a new trace, found {found}, which is that of {named:?}")
    })
}

fn trace_of_last(world: &World) -> Result<TraceContext, StepError> {
    let event = last_event(world)?;
    let traceparent = event["traceparent"].as_str().unwrap_or_default();
    Ok(traceparent.parse()?)
}

/// The last event that was stored, as JSON.
fn last_event(world: &World) -> Result<Arc<Value>, String> {
    let result = world.last_call()?;
    match result {
        Ok(event) => Ok(Arc::clone(&event.value)),
        Err(_) => Err(format!("expected an event, {}", describe(result))),
    }
}

/// How often events of a type were put on the bus, repetitions included.
#[then(expr = "the event {string} reaches the bus {count} time(s)")]
fn reaches_the_bus(world: &mut World, kind: String, count: Count) -> StepResult {
    reached(world, &kind, count.value()?)
}

/// No event of a type was put on the bus.
#[then(expr = "the event {string} never reaches the bus")]
fn never_reaches_the_bus(world: &mut World, kind: String) -> StepResult {
    reached(world, &kind, 0)
}

fn reached(world: &mut World, kind: &str, expected: u32) -> StepResult {
    check_type(world, kind)?;
    let found = world.timeline().read(|events| {
        let published = |event: &&Event| matches!(&event.kind, EventKind::EventPublished { head } if *head.kind == *kind);
        events.iter().filter(published).count()
    });
    expect(found == expected as usize, || {
        format!("expected {kind} to reach the bus {expected} time(s), found {found}")
    })
}

/// A type that never occurred and that nobody handles is a slip of the pen.
fn check_type(world: &mut World, kind: &str) -> StepResult {
    let mut known = world.messages().bus().topics();
    known.extend(world.messages().bus().types().listed());
    world.timeline().read(|events| {
        known.extend(events.iter().filter_map(|event| match &event.kind {
            EventKind::EventStored { head } | EventKind::EventPublished { head } => {
                Some(Arc::clone(&head.kind))
            }
            EventKind::TopicOpened { kind } => Some(Arc::clone(kind)),
            // Also one that no outbox would take.
            EventKind::CallStarted { input, .. } => {
                input.get("specversion")?;
                Some(input.get("type")?.as_str()?.into())
            }
            _ => None,
        }));
    });
    known.sort();
    known.dedup();
    if known.iter().any(|own| **own == *kind) {
        return Ok(());
    }
    let hint = did_you_mean(kind, known.iter().map(|own| &**own));
    Err(format!("no event {kind:?} ever occurred, and nobody handles it: {hint}").into())
}

fn draft(kind: &str, subject: Option<&str>, data: Value) -> EventDraft {
    EventDraft {
        subject: subject.map(Arc::from),
        data: Arc::new(data),
        ..EventDraft::new(kind)
    }
}

/// The events of a table: `event`, and any of `subject` and `data`.
fn drafts(step: &gherkin::Step) -> Result<Vec<EventDraft>, StepError> {
    const COLUMNS: [&str; 3] = ["event", "subject", "data"];
    let Some((header, rows)) = table(step)?.split_first() else {
        return Err("the table is empty".into());
    };
    let unknown = header.iter().find(|name| !COLUMNS.contains(&name.as_str()));
    if let Some(unknown) = unknown {
        let hint = did_you_mean(unknown, COLUMNS);
        return Err(format!("column {unknown:?} does not exist: {hint}").into());
    }
    let place = |column| header.iter().position(|name| name == column);
    let event = place("event").ok_or("the table has no column \"event\"")?;
    let cell = |row: &[String], column| -> Option<String> {
        let cell = row.get(place(column)?)?;
        (!cell.is_empty()).then(|| cell.clone())
    };
    let draft = |row: &Vec<String>| {
        let data = match cell(row, "data") {
            Some(data) => from_json(&data, "the data", 1)?,
            None => Value::Null,
        };
        Ok(draft(&row[event], cell(row, "subject").as_deref(), data))
    };
    rows.iter().map(draft).collect()
}

async fn publish(world: &mut World, drafts: impl IntoIterator<Item = EventDraft>) -> StepResult {
    send(world, drafts).await;
    world.messages().quiet().await;
    Ok(())
}

/// Stores events; what comes of it is kept as that of direct calls is.
async fn send(world: &mut World, drafts: impl IntoIterator<Item = EventDraft>) {
    let mut results = Vec::new();
    for draft in drafts {
        let result = world.messages().send(draft).await;
        results.push(result.map(|event| crate::domain::Reply::new(event.to_value())));
    }
    world.set_calls(results);
}

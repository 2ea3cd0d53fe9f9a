//! Publishing events, and the publisher's crash and restart.

use std::{convert::Infallible, str::FromStr, sync::Arc};

use cucumber::{Parameter, codegen::inventory, gherkin};
use rehearsal_macros::{given, when};
use serde_json::Value;

use crate::{
    domain::{Reply, from_json},
    harness::{ParameterType, World},
    messaging::{EventDraft, PublisherCrash},
    steps::{
        CountParameter, StepError, StepResult,
        failing::something_happened,
        parameters::{column, header_and_rows, json},
        runs::settle,
    },
};

/// The source of events that have none.
#[given("events come from {string}")]
fn events_come_from(world: &mut World, source: String) -> StepResult {
    if source.is_empty() {
        return Err("the source of events must not be empty".into());
    }
    world.messages().set_source(&source);
    Ok(())
}

/// Publishing any other, or subscribing to it, fails.
#[given("the event types are:")]
fn event_types_are(world: &mut World, step: &gherkin::Step) -> StepResult {
    world.messages().bus().types().list(column(step)?);
    Ok(())
}

/// `{publisher_crash}`: `before publishing` or `after publishing`.
#[derive(Debug, Parameter)]
#[param(name = "publisher_crash", regex = "before publishing|after publishing")]
pub struct PublisherCrashPoint(pub PublisherCrash);

inventory::submit!(ParameterType::of::<PublisherCrashPoint>());

impl FromStr for PublisherCrashPoint {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(match text {
            "before publishing" => PublisherCrash::BeforePublishing,
            _ => PublisherCrash::AfterPublishing,
        }))
    }
}

/// The process crashes when the event is stored but not on the bus, or on the bus but not marked.
#[given("the publisher crashes {publisher_crash}")]
fn crashes(world: &mut World, point: PublisherCrashPoint) {
    let here = world.here();
    world.messages().crash(point.0, here);
}

/// A new process continues with what is stored.
#[when("the publisher restarts")]
async fn restarts(world: &mut World) -> StepResult {
    world.messages().restart()?;
    world.messages().idle().await;
    Ok(())
}

/// One event; waits until all handlers are idle.
#[when("the event {string} is published")]
async fn is_published(world: &mut World, kind: String) -> StepResult {
    publish(world, [draft(&kind, None, Value::Null)]).await
}

/// One event with the data below.
#[when("the event {string} is published with:")]
async fn is_published_with(world: &mut World, step: &gherkin::Step, kind: String) -> StepResult {
    let data = json(world, step)?;
    publish(world, [draft(&kind, None, data)]).await
}

/// One event about a subject, such as the id of an order; events of a subject are handled in order.
#[when("the event {string} of {string} is published")]
async fn of_is_published(world: &mut World, kind: String, subject: String) -> StepResult {
    publish(world, [draft(&kind, Some(&subject), Value::Null)]).await
}

/// One event about a subject, with the data below.
#[when("the event {string} of {string} is published with:")]
async fn of_is_published_with(
    world: &mut World,
    step: &gherkin::Step,
    kind: String,
    subject: String,
) -> StepResult {
    let data = json(world, step)?;
    publish(world, [draft(&kind, Some(&subject), data)]).await
}

/// One CloudEvent in JSON; missing attributes are added.
#[when("the event is published:")]
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

/// That many events, all stored before the first is handled.
#[when("the event {string} is published {count} time(s)")]
async fn is_published_times(world: &mut World, kind: String, count: CountParameter) -> StepResult {
    let drafts = std::iter::repeat_n(draft(&kind, None, Value::Null), count.value()? as usize);
    publish(world, drafts).await
}

/// Several events, all stored before the first is handled.
#[when("these events are published:")]
async fn these_are_published(world: &mut World, step: &gherkin::Step) -> StepResult {
    let drafts = drafts(step)?;
    publish(world, drafts).await
}

/// One event; does not wait until it is published.
#[when("the event {string} is sent")]
async fn is_sent(world: &mut World, kind: String) -> StepResult {
    send(world, [draft(&kind, None, Value::Null)]).await;
    Ok(())
}

/// One event about a subject; does not wait until it is published.
#[when("the event {string} of {string} is sent")]
async fn of_is_sent(world: &mut World, kind: String, subject: String) -> StepResult {
    send(world, [draft(&kind, Some(&subject), Value::Null)]).await;
    Ok(())
}

/// Waits until every stored event is published, and handled or dead-lettered.
#[when("every event is handled")]
async fn every_event_is_handled(world: &mut World) -> StepResult {
    something_happened(world)?;
    Ok(world.messages().drained().await?)
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
    let (header, rows) = header_and_rows(step, &COLUMNS)?;
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
    world.messages().idle().await;
    // Workflows that wait for events go on.
    settle().await;
    Ok(())
}

/// Stores events; the results are kept like those of direct calls.
async fn send(world: &mut World, drafts: impl IntoIterator<Item = EventDraft>) {
    let mut results = Vec::new();
    for draft in drafts {
        let result = world.messages().send(draft).await;
        results.push(result.map(|event| Reply::new(event.to_value())));
    }
    world.set_calls(results);
}

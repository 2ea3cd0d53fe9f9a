use std::time::Duration;

use cucumber::gherkin;
use rehearsal_macros::{given, then, when};
use serde_json::{Value, json};

use crate::{
    cqrs::{Command, CommandResult},
    domain::{Failure, Reply, Violation, did_you_mean, from_json},
    harness::World,
    messaging::Relay,
    observability::EventKind,
    resilience::Retry,
    services::CallResult,
    steps::{
        CountParameter, DurationParameter, StepError, StepResult,
        failing::expect,
        messaging::events::PublisherCrashPoint,
        parameters::{first_line, header_and_rows, json},
    },
};

/// An aggregate type by the definition below; it replaces one of the same name.
#[given("the aggregate:")]
fn the_aggregate(world: &mut World, step: &gherkin::Step) -> StepResult {
    let definition = json(world, step)?;
    let defined = world.cqrs().define_aggregate(definition);
    Ok(defined.map_err(|error| at(world, step, &error))?)
}

/// How often a command is decided anew after a conflict, at once; an aggregate's own `decidedAnew`
/// takes precedence.
#[given("commands are decided anew up to {count} time(s)")]
fn are_decided_anew(world: &mut World, count: CountParameter) -> StepResult {
    decide_anew(world, count, Duration::ZERO)
}

/// The same, with a wait before each.
#[given("commands are decided anew up to {count} time(s), waiting {duration} between")]
fn are_decided_anew_after(
    world: &mut World,
    count: CountParameter,
    wait: DurationParameter,
) -> StepResult {
    let wait = wait.value()?;
    decide_anew(world, count, wait)
}

fn decide_anew(world: &mut World, count: CountParameter, wait: Duration) -> StepResult {
    let retry = Retry {
        base: wait,
        multiplier: 1.0,
        ..Retry::up_to(count.value()?)
    };
    world.cqrs().commands().decide_anew(retry);
    Ok(())
}

/// Stores the events in a file, which can be opened again.
#[given("the event store is kept in a file")]
fn stored_in_a_file(world: &mut World) -> StepResult {
    let file = world.directory()?.join("events.db");
    Ok(world.cqrs().store_events_in(file)?)
}

/// The publishing process crashes when events are stored but not on the bus, or on the bus but not
/// marked.
#[given("the publisher of {string} crashes {publisher_crash}")]
fn crashes(world: &mut World, outbox: String, point: PublisherCrashPoint) -> StepResult {
    let here = world.here();
    let relay = world.cqrs().relay();
    check_outbox(relay, &outbox)?;
    relay.crash(point.0, here);
    Ok(())
}

/// A new process continues with what is stored.
#[when("the publisher of {string} restarts")]
async fn publisher_restarts(world: &mut World, outbox: String) -> StepResult {
    let cqrs = world.cqrs();
    check_outbox(cqrs.relay(), &outbox)?;
    expect(cqrs.relay().restart(), || {
        format!("the publisher of {outbox} has not crashed")
    })?;
    cqrs.idle().await;
    Ok(())
}

fn check_outbox(relay: &Relay, outbox: &str) -> StepResult {
    expect(relay.outbox() == outbox, || {
        let hint = did_you_mean(outbox, [relay.outbox()]);
        format!("nothing publishes the events of {outbox:?}: {hint}")
    })
}

/// Closes the file of the events and opens it as a new process does.
#[when("the event store is reopened")]
async fn is_reopened(world: &mut World) -> StepResult {
    let cqrs = world.cqrs();
    cqrs.reopen()?;
    cqrs.idle().await;
    Ok(())
}

/// One command, with the payload below if given; waits until projections are idle.
#[when("the command {string} is sent to {string}")]
#[when("the command {string} is sent to {string} with:")]
async fn is_sent(
    world: &mut World,
    step: &gherkin::Step,
    kind: String,
    aggregate: String,
) -> StepResult {
    let command = command(world, step, &kind, &aggregate)?;
    send(world, &[command]).await
}

/// The same, without waiting.
#[when("the command {string} is sent to {string} without waiting for projections")]
#[when("the command {string} is sent to {string} without waiting for projections, with:")]
async fn is_sent_ahead(
    world: &mut World,
    step: &gherkin::Step,
    kind: String,
    aggregate: String,
) -> StepResult {
    let command = command(world, step, &kind, &aggregate)?;
    send_without_waiting(world, &[command]).await
}

fn command(
    world: &mut World,
    step: &gherkin::Step,
    kind: &str,
    aggregate: &str,
) -> Result<Command, StepError> {
    let payload = match step.value.ends_with(':') {
        true => json(world, step)?,
        false => json!({}),
    };
    Ok(world.cqrs().command(kind, aggregate, payload))
}

/// One command as JSON, with its id and metadata.
#[when("this command is sent:")]
async fn this_is_sent(world: &mut World, step: &gherkin::Step) -> StepResult {
    let command: Command = json(world, step)?;
    send(world, &[command]).await
}

/// Commands sent sequentially; the next one is sent even after a failure.
#[when("these commands are sent:")]
async fn these_are_sent(world: &mut World, step: &gherkin::Step) -> StepResult {
    let mut results = Vec::new();
    for command in commands(world, step)? {
        send(world, &[command]).await?;
        results.extend(world.calls().iter().cloned());
    }
    world.set_calls(results);
    Ok(())
}

/// Concurrent commands.
#[when("these commands are sent at once:")]
async fn these_are_sent_at_once(world: &mut World, step: &gherkin::Step) -> StepResult {
    let commands = commands(world, step)?;
    send(world, &commands).await
}

/// The commands of a table with the columns `command` and `to`, and optionally `payload` and `id`.
fn commands(world: &mut World, step: &gherkin::Step) -> Result<Vec<Command>, StepError> {
    const COLUMNS: [&str; 4] = ["command", "to", "payload", "id"];
    let (header, rows) = header_and_rows(step, &COLUMNS)?;
    let mut commands = Vec::new();
    for row in rows {
        let cell = |column: &str| {
            let index = header.iter().position(|name| name == column);
            index.and_then(|index| row.get(index)).map(String::as_str)
        };
        let needed = |column: &str| {
            cell(column).ok_or_else(|| format!("the table has no column {column:?}"))
        };
        let payload = match cell("payload") {
            None | Some("") => json!({}),
            Some(text) => from_json(text, "the payload", 1)?,
        };
        let mut command = world
            .cqrs()
            .command(needed("command")?, needed("to")?, payload);
        if let Some(id) = cell("id").filter(|id| !id.is_empty()) {
            command.id = id.into();
        }
        commands.push(command);
    }
    Ok(commands)
}

async fn send(world: &mut World, commands: &[Command]) -> StepResult {
    send_without_waiting(world, commands).await?;
    world.cqrs().idle().await;
    Ok(())
}

async fn send_without_waiting(world: &mut World, commands: &[Command]) -> StepResult {
    let cqrs = world.cqrs();
    cqrs.send(commands).await;
    let results = cqrs.results().iter().map(as_call).collect();
    world.set_calls(results);
    Ok(())
}

fn as_call(result: &Result<CommandResult, Box<Failure>>) -> CallResult {
    let result = result.as_ref().map_err(Clone::clone)?;
    // Only numbers and strings, so serialising cannot fail.
    let value = serde_json::to_value(result).unwrap_or(Value::Null);
    Ok(Reply::new(value))
}

/// The last command was handled.
#[then("the command succeeds")]
fn succeeds(world: &mut World) -> StepResult {
    match last(world)? {
        Ok(_) => Ok(()),
        Err(failure) => {
            Err(format!("expected the command to succeed, but it failed with {failure}").into())
        }
    }
}

/// The last command was refused, or failed, with this code.
#[then("the command fails with {string}")]
fn fails_with(world: &mut World, code: String) -> StepResult {
    let found = match last(world)? {
        Err(failure) if *failure.code == *code => return Ok(()),
        Err(failure) => format!("but it failed with {failure}"),
        Ok(result) => format!("but it succeeded at version {}", result.version),
    };
    Err(format!("expected the command to fail with {code}, {found}").into())
}

/// The result of the last command.
fn last(world: &mut World) -> Result<&Result<CommandResult, Box<Failure>>, String> {
    let last = world.cqrs().results().last();
    last.ok_or_else(|| "no command was sent".to_owned())
}

/// The version of an aggregate after its last append, 0 without events.
#[then("the version of {string} is {count}")]
fn version_is(world: &mut World, aggregate: String, expected: CountParameter) -> StepResult {
    let expected = expected.value()?;
    let mut types = Vec::new();
    let mut found = 0;
    world.timeline().read(|events| {
        for event in events {
            if let EventKind::EventsAppended {
                aggregate: kind,
                aggregate_id,
                version,
                ..
            } = &event.kind
                && **aggregate_id == *aggregate
            {
                found = *version;
                if !types.contains(kind) {
                    types.push(kind.clone());
                }
            }
        }
    });
    if types.len() > 1 {
        return Err(format!(
            "{aggregate:?} is the id of several aggregates: {}",
            types.join(", ")
        )
        .into());
    }
    expect(found == u64::from(expected), || {
        format!("expected {aggregate} to be at version {expected}, found {found}")
    })
}

/// An error of a definition with its place in the feature.
pub(super) fn at(world: &World, step: &gherkin::Step, error: &Violation) -> String {
    format!("{}:{}: {error}", world.scenario().uri, first_line(step))
}

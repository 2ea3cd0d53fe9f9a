use cucumber::gherkin;
use rehearsal_macros::{given, then, when};
use serde_json::{Value, json};

use crate::{
    cqrs::{Command, CommandResult},
    domain::{Failure, Violation, did_you_mean, from_json},
    harness::World,
    messaging::{PublisherCrash, Relay},
    observability::EventKind,
    services::CallResult,
    steps::{
        Count, StepResult,
        failing::expect,
        parameters::{first_line, json, table},
    },
};

/// A type of aggregates by the definition below; one of the same name leaves.
#[given("the aggregate:")]
fn the_aggregate(world: &mut World, step: &gherkin::Step) -> StepResult {
    let definition = json(world, step)?;
    let defined = world.cqrs()?.define_aggregate(definition);
    Ok(defined.map_err(|error| at(world, step, &error))?)
}

/// The events are in a file, which can be opened again.
#[given("the event store is kept in a file")]
fn kept_in_a_file(world: &mut World) -> StepResult {
    let file = world.directory()?.join("events.db");
    Ok(world.cqrs()?.keep_events_in(file)?)
}

/// The process that publishes is lost when events are stored and not on the bus.
#[given("the publisher of {string} crashes before publishing")]
fn crashes_before(world: &mut World, outbox: String) -> StepResult {
    crash(world, &outbox, PublisherCrash::BeforePublishing)
}

/// The process that publishes is lost when events are on the bus and not marked.
#[given("the publisher of {string} crashes after publishing")]
fn crashes_after(world: &mut World, outbox: String) -> StepResult {
    crash(world, &outbox, PublisherCrash::AfterPublishing)
}

fn crash(world: &mut World, outbox: &str, point: PublisherCrash) -> StepResult {
    let here = world.here();
    let relay = world.cqrs()?.relay();
    check_outbox(relay, outbox)?;
    relay.crash(point, here);
    Ok(())
}

/// A new process goes on with what is stored.
#[when("the publisher of {string} restarts")]
async fn publisher_restarts(world: &mut World, outbox: String) -> StepResult {
    let cqrs = world.cqrs()?;
    check_outbox(cqrs.relay(), &outbox)?;
    expect(cqrs.relay().restart(), || {
        format!("the publisher of {outbox} has not crashed")
    })?;
    cqrs.quiet().await;
    Ok(())
}

fn check_outbox(relay: &Relay, outbox: &str) -> StepResult {
    expect(relay.outbox() == outbox, || {
        let hint = did_you_mean(outbox, [relay.outbox()]);
        format!("nothing publishes the events of {outbox:?}: {hint}")
    })
}

/// The file of the events is closed, and opened as a new process does.
#[when("the event store is reopened")]
async fn is_reopened(world: &mut World) -> StepResult {
    let cqrs = world.cqrs()?;
    cqrs.reopen()?;
    cqrs.quiet().await;
    Ok(())
}

/// One command, and what projections make of its events until they only wait.
#[when("the command {string} is sent to {string}")]
async fn is_sent(world: &mut World, kind: String, aggregate: String) -> StepResult {
    let command = world.cqrs()?.command(&kind, &aggregate, json!({}));
    send(world, &[command]).await
}

/// The same with the payload below.
#[when("the command {string} is sent to {string} with:")]
async fn is_sent_with(
    world: &mut World,
    step: &gherkin::Step,
    kind: String,
    aggregate: String,
) -> StepResult {
    let payload = json(world, step)?;
    let command = world.cqrs()?.command(&kind, &aggregate, payload);
    send(world, &[command]).await
}

/// One command; what projections make of its events is yet to come.
#[when("the command {string} is sent to {string} without waiting for projections")]
async fn is_sent_ahead(world: &mut World, kind: String, aggregate: String) -> StepResult {
    let command = world.cqrs()?.command(&kind, &aggregate, json!({}));
    send_ahead(world, &[command]).await
}

/// The same with the payload below.
#[when("the command {string} is sent to {string} without waiting for projections, with:")]
async fn is_sent_ahead_with(
    world: &mut World,
    step: &gherkin::Step,
    kind: String,
    aggregate: String,
) -> StepResult {
    let payload = json(world, step)?;
    let command = world.cqrs()?.command(&kind, &aggregate, payload);
    send_ahead(world, &[command]).await
}

/// One command as the JSON below has it, with its id and metadata.
#[when("this command is sent:")]
async fn this_is_sent(world: &mut World, step: &gherkin::Step) -> StepResult {
    let command: Command = json(world, step)?;
    send(world, &[command]).await
}

/// One command after the other; a failure does not keep the next from being sent.
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

/// The commands of a table with the columns `command` and `to`, and `payload` and `id` where wanted.
fn commands(
    world: &mut World,
    step: &gherkin::Step,
) -> Result<Vec<Command>, crate::steps::StepError> {
    const COLUMNS: [&str; 4] = ["command", "to", "payload", "id"];
    let Some((header, rows)) = table(step)?.split_first() else {
        return Err("the table is empty".into());
    };
    if let Some(unknown) = header.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
        let hint = did_you_mean(unknown, COLUMNS);
        return Err(format!("column {unknown:?} does not exist: {hint}").into());
    }
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
            .cqrs()?
            .command(needed("command")?, needed("to")?, payload);
        if let Some(id) = cell("id").filter(|id| !id.is_empty()) {
            command.id = id.into();
        }
        commands.push(command);
    }
    Ok(commands)
}

async fn send(world: &mut World, commands: &[Command]) -> StepResult {
    send_ahead(world, commands).await?;
    world.cqrs()?.quiet().await;
    Ok(())
}

async fn send_ahead(world: &mut World, commands: &[Command]) -> StepResult {
    let cqrs = world.cqrs()?;
    cqrs.send(commands).await;
    let results = cqrs.results().iter().map(as_call).collect();
    world.set_calls(results);
    Ok(())
}

fn as_call(result: &Result<CommandResult, Box<Failure>>) -> CallResult {
    let result = result.as_ref().map_err(Clone::clone)?;
    // Numbers and texts under keys that are texts.
    let value = serde_json::to_value(result).unwrap_or(Value::Null);
    Ok(crate::domain::Reply::new(value))
}

/// The last command was handled.
#[then("the command succeeds")]
fn succeeds(world: &mut World) -> StepResult {
    match last(world)? {
        Ok(_) => Ok(()),
        Err(failure) => {
            Err(format!("expected the command to succeed, it fails with {failure}").into())
        }
    }
}

/// The last command was refused, or failed, with this code.
#[then("the command fails with {string}")]
fn fails_with(world: &mut World, code: String) -> StepResult {
    let found = match last(world)? {
        Err(failure) if *failure.code == *code => return Ok(()),
        Err(failure) => format!("it fails with {failure}"),
        Ok(result) => format!("it succeeds at version {}", result.version),
    };
    Err(format!("expected the command to fail with {code}, {found}").into())
}

/// What the last command came to.
fn last(world: &mut World) -> Result<&Result<CommandResult, Box<Failure>>, String> {
    let cqrs = world.cqrs().map_err(|error| error.to_string())?;
    let last = cqrs.results().last();
    last.ok_or_else(|| "no command was sent".to_owned())
}

/// The version of an aggregate, as its events were appended last; of one without events, 0.
#[then("the version of {string} is {count}")]
fn version_is(world: &mut World, aggregate: String, expected: Count) -> StepResult {
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
        return Err(format!("{aggregate:?} is the id of several: {}", types.join(", ")).into());
    }
    expect(found == u64::from(expected), || {
        format!("expected {aggregate} to be at version {expected}, it is at {found}")
    })
}

/// Where a definition is at fault, in the feature.
pub(super) fn at(world: &World, step: &gherkin::Step, error: &Violation) -> String {
    format!("{}:{}: {error}", world.stage().uri, first_line(step))
}

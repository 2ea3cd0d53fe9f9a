use std::time::Duration;

use cucumber::{Parameter, codegen::inventory, gherkin};
use rehearsal_macros::{given, then, when};
use serde_json::Value;
use std::{convert::Infallible, str::FromStr};

use super::{
    CallParameter, CountParameter, DurationParameter, StepResult, calls, failing::expect,
    parameters::json,
};
use crate::{
    domain::{CallName, format_duration},
    harness::{KillPoint, ParameterType, World},
    observability::EventKind,
    services::Moment,
    systems::{Exit, SystemDefinition},
};

/// `{moment}`: before a service acts, or after it has acted.
#[derive(Debug, Parameter)]
#[param(name = "moment", regex = "before|after")]
pub struct MomentParameter(Moment);

inventory::submit!(ParameterType::of::<MomentParameter>());

impl FromStr for MomentParameter {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(match text {
            "before" => Moment::BeforeActing,
            _ => Moment::AfterActing,
        }))
    }
}

/// How often a step that waits looks.
const POLL: Duration = Duration::from_millis(10);

/// How long what a system writes may take to arrive.
const UNTIL_WRITTEN: Duration = Duration::from_secs(1);

/// How long a step waits for what the systems do.
const PATIENCE: Duration = Duration::from_secs(30);

fn real_time(world: &World, what: &str) -> Result<(), String> {
    match world.scenario().wall_clock {
        true => Ok(()),
        false => Err(format!(
            "{what} needs real time: tag the scenario @wall-clock"
        )),
    }
}

/// Every service of the cast is reached over HTTP, by the systems and by `is called over HTTP`.
#[given("the services are served over HTTP")]
fn served(world: &mut World) -> StepResult {
    real_time(world, "HTTP")?;
    world.systems().serve();
    Ok(())
}

/// A program under test, with the definition below or the one in `fixtures/systems/<name>.json`.
#[given("the system {string}")]
fn the_system(world: &mut World, step: &gherkin::Step, name: String) -> StepResult {
    real_time(world, "a program")?;
    let definition: SystemDefinition = match step.docstring {
        Some(_) => json(world, step)?,
        None => world.fixtures().system(&name)?,
    };
    Ok(world.add_system(&name, definition)?)
}

/// It is killed when it makes the call: the service has not acted then.
#[given("the system {string} is killed before {call} acts")]
fn killed_before(world: &mut World, name: String, call: CallParameter) -> StepResult {
    kill_at(world, name, call.name()?, Moment::BeforeActing, None)
}

/// It is killed when it makes the call: the service has acted, and the answer is not sent.
#[given("the system {string} is killed after {call} has acted")]
fn killed_after(world: &mut World, name: String, call: CallParameter) -> StepResult {
    kill_at(world, name, call.name()?, Moment::AfterActing, None)
}

/// The same at one execution of the operation, counted from 1 over the whole scenario.
#[given("the system {string} is killed {moment} execution {count} of {call}")]
fn killed_at(
    world: &mut World,
    name: String,
    moment: MomentParameter,
    execution: CountParameter,
    call: CallParameter,
) -> StepResult {
    kill_at(
        world,
        name,
        call.name()?,
        moment.0,
        Some(execution.value()?),
    )
}

fn kill_at(
    world: &mut World,
    name: String,
    call: CallName,
    moment: Moment,
    execution: Option<u32>,
) -> StepResult {
    world.registry().check(&call)?;
    let systems = world.systems();
    systems.get(&name)?;
    if !systems.is_served() {
        return Err(format!(
            "{} is not served, so no system reaches it: say `the services are served over HTTP` before",
            call.service()
        )
        .into());
    }
    let when = match moment {
        Moment::BeforeActing => "before",
        Moment::AfterActing => "after",
    };
    let which = execution.map_or_else(String::new, |number| format!("execution {number} of "));
    let what = format!("the system {name} is killed {when} {which}{call}");
    let here = world.here();
    let fault = world.cast().faults().declare(what, here);
    world.systems().kill_at(KillPoint {
        system: name.into(),
        call,
        moment,
        execution,
        fault,
    });
    Ok(())
}

/// A real service takes part: its calls go to the address.
#[given("the service {string} is at {string}")]
fn service_at(world: &mut World, name: String, url: String) -> StepResult {
    real_time(world, "HTTP")?;
    let definition = world
        .registry()
        .script(&name, |_, service| service.definition().cloned());
    let definition = definition.ok().flatten().map(Into::into);
    Ok(world.add_remote(&name, &url, definition)?)
}

/// It is started, and ready then.
#[when("the system {string} starts")]
async fn starts(world: &mut World, name: String) -> StepResult {
    Ok(world.start_system(&name).await?)
}

/// It is asked to end, and has ended then; one that does not end within 10 s is killed.
#[when("the system {string} stops")]
async fn stops(world: &mut World, name: String) -> StepResult {
    Ok(world.systems().get(&name)?.stop().await?)
}

/// It is killed, with all that it has started.
#[when("the system {string} is killed")]
fn is_killed(world: &mut World, name: String) -> StepResult {
    Ok(world.systems().get(&name)?.kill()?)
}

/// It is started again, after it was killed if it runs.
#[when("the system {string} restarts")]
async fn restarts(world: &mut World, name: String) -> StepResult {
    world.systems().get(&name)?.kill_now();
    Ok(world.start_system(&name).await?)
}

/// Waits until it has ended.
#[when("the system {string} ends")]
async fn ends(world: &mut World, name: String) -> StepResult {
    let system = world.systems().get(&name)?;
    system.wait_for_end(PATIENCE).await?;
    Ok(())
}

/// Waits until no call has begun or ended for so long.
#[when("it is quiet for {duration}")]
async fn quiet(world: &mut World, duration: DurationParameter) -> StepResult {
    let duration = duration.value()?;
    let began = world.timeline().now();
    loop {
        let now = world.timeline().now();
        let last = world.timeline().read(|events| {
            let is_call = |kind: &EventKind| {
                matches!(
                    kind,
                    EventKind::CallStarted { .. } | EventKind::CallEnded { .. }
                )
            };
            let last = events.iter().rev().find(|event| is_call(&event.kind));
            last.map_or(began, |event| event.at.max(began))
        });
        if now.saturating_sub(last) >= duration {
            return Ok(());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until the operation was executed so often in the scenario.
#[when("{call} is reached {count} time(s)")]
async fn is_reached(world: &mut World, call: CallParameter, count: CountParameter) -> StepResult {
    let (call, count) = (call.name()?, count.value()?);
    world.registry().check(&call)?;
    let began = world.timeline().now();
    loop {
        let executions = world.timeline().read(|events| {
            let is_execution = |kind: &EventKind| {
                matches!(kind, EventKind::CallStarted { head, .. } if head.name == call)
            };
            events.iter().filter(|event| is_execution(&event.kind)).count()
        });
        if executions >= count as usize {
            return Ok(());
        }
        if world.timeline().now().saturating_sub(began) > PATIENCE {
            return Err(format!(
                "expected {call} to be reached {count} times, it was {executions} times within {}",
                format_duration(PATIENCE)
            )
            .into());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// One request with `{}` as its body, as a client outside sends it.
#[when("{call} is called over HTTP")]
async fn called_over_http(world: &mut World, call: CallParameter) -> StepResult {
    calls::call_over_http(world, call.name()?, Value::Object(serde_json::Map::new())).await
}

/// One request with the body below.
#[when("{call} is called over HTTP with:")]
async fn called_over_http_with(
    world: &mut World,
    step: &gherkin::Step,
    call: CallParameter,
) -> StepResult {
    let input = json(world, step)?;
    calls::call_over_http(world, call.name()?, input).await
}

/// It has been started, and has not ended.
#[then("the system {string} is running")]
fn is_running(world: &mut World, name: String) -> StepResult {
    let system = world.systems().get(&name)?;
    expect(system.is_running(), || match system.exit() {
        None => format!("expected the system {name} to be running, it was never started"),
        Some(exit) => format!("expected the system {name} to be running, it has ended {exit}"),
    })
}

/// It has ended with this status.
#[then("the system {string} has ended with {count}")]
fn has_ended_with(world: &mut World, name: String, status: CountParameter) -> StepResult {
    let status = status.value()?;
    let system = world.systems().get(&name)?;
    let exit = system.exit();
    let expected = i32::try_from(status).ok().map(Exit::Status);
    expect(exit.is_some() && exit == expected, || {
        let found = match exit {
            None if system.is_running() => "it is running".to_owned(),
            None => "it was never started".to_owned(),
            Some(exit) => format!("it has ended {exit}"),
        };
        format!("expected the system {name} to have ended with status {status}, {found}")
    })
}

/// What it has written to its standard output and error, as far as it arrives within a second.
#[then("the output of {string} contains {string}")]
async fn output_contains(world: &mut World, name: String, text: String) -> StepResult {
    let system = world.systems().get(&name)?;
    let began = world.timeline().now();
    let is_missing = || !system.output().contains(&text);
    while is_missing() && world.timeline().now().saturating_sub(began) < UNTIL_WRITTEN {
        tokio::time::sleep(POLL).await;
    }
    let output = system.output();
    expect(output.contains(&text), || {
        format!("expected the output of {name} to contain {text:?}, it is:\n{output}")
    })
}

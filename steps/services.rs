use std::sync::Arc;

use cucumber::gherkin;
use rehearsal_macros::{given, when};
use serde_json::Value;

use super::{
    CallParameter, CountParameter, DurationParameter, StepError, StepResult,
    parameters::{json, table_of},
};
use crate::{
    domain::CallName,
    harness::{CallScript, World},
    services::{
        Answer, Executions, FaultId, Script, Service, ServiceDefinition, check_service_name,
    },
};

/// Loads the service definitions in `fixtures/services/<name>.json`.
#[given("the services from {string}")]
fn services_from(world: &mut World, name: String) -> StepResult {
    let fixtures = world.fixtures();
    Ok(world.cast().add_from(&fixtures, &name)?)
}

/// A service with the definition below, or one that answers `{}` to any operation.
#[given("a service {string}")]
fn a_service(world: &mut World, step: &gherkin::Step, name: String) -> StepResult {
    check_service_name(&name)?;
    if step.table.is_some() {
        return Err("a service is defined by JSON in a doc string, found a table".into());
    }
    if step.docstring.is_none() {
        return Ok(world.cast().add_bare(&name)?);
    }
    let mut definition: ServiceDefinition = json(world, step)?;
    if !definition.name.is_empty() && definition.name != name {
        let own = definition.name;
        return Err(format!("the definition is named {own:?}, the step has {name:?}").into());
    }
    definition.name = name;
    let added = world.cast().add_defined(definition);
    // The text begins two lines below the step, after the opening quotes.
    added.map_err(|error| {
        let uri = &world.scenario().uri;
        format!("{uri}:{}: {error}", step.position.line + 2).into()
    })
}

/// The latency of every execution, from now on.
#[given("{call} takes {duration}")]
fn takes(world: &mut World, call: CallParameter, latency: DurationParameter) -> StepResult {
    let latency = latency.value()?;
    script(world, call)?.takes(latency);
    Ok(())
}

/// The reply of every execution.
#[given("{call} replies:")]
fn replies(world: &mut World, step: &gherkin::Step, call: CallParameter) -> StepResult {
    let reply: Arc<Value> = json(world, step)?;
    script(world, call)?.succeeds(reply);
    Ok(())
}

/// Every execution fails with the code.
#[given("{call} fails with {string}")]
fn fails(world: &mut World, call: CallParameter, code: String) -> StepResult {
    script(world, call)?.fails(&code)?;
    Ok(())
}

/// The next executions fail with the code, later ones answer normally.
#[given("{call} fails {count} time(s) with {string}")]
fn fails_times(
    world: &mut World,
    call: CallParameter,
    count: CountParameter,
    code: String,
) -> StepResult {
    let count = count.value()?;
    script(world, call)?.fails_times(count, &code)?;
    Ok(())
}

/// It never answers; only a timeout or a deadline ends an execution.
#[given("{call} hangs")]
fn hangs(world: &mut World, call: CallParameter) -> StepResult {
    script(world, call)?.hangs();
    Ok(())
}

/// The next executions never answer, later ones answer normally.
#[given("{call} hangs {count} time(s)")]
fn hangs_times(world: &mut World, call: CallParameter, count: CountParameter) -> StepResult {
    let count = count.value()?;
    script(world, call)?.hangs_times(count)?;
    Ok(())
}

/// A script by execution, counted from 1 over the whole scenario.
#[given("{call} answers:")]
fn answers(world: &mut World, step: &gherkin::Step, call: CallParameter) -> StepResult {
    let call = call.name()?;
    let mut rows: Vec<(Executions, Answer, Option<FaultId>)> = Vec::new();
    for row in table_of(step, &["execution", "answer"])? {
        let (executions, answer) = (row[0].parse::<Executions>()?, row[1].parse::<Answer>()?);
        if rows.iter().any(|(other, ..)| other.overlaps(executions)) {
            return Err(format!("another row already answers the executions {}", row[0]).into());
        }
        if let Some(code) = answer.response.code() {
            world.registry().check_code(&call, code)?;
        }
        let what = format!("{call} answers execution {} with `{}`", row[0], row[1]);
        let here = world.here();
        let faults = world.cast().faults();
        let fault = faults.declare_times(what, here, executions.expected());
        rows.push((executions, answer, Some(fault)));
    }
    let replaced = with_script(world, &call, |script, _| {
        script.answers(call.operation(), rows)
    })?;
    world.cast().withdraw(replaced);
    Ok(())
}

/// A repetition of a key acts again.
#[given("{call} is not idempotent")]
fn is_not_idempotent(world: &mut World, call: CallParameter) -> StepResult {
    let call = call.name()?;
    world.registry().check(&call)?;
    world.cast().change_key_rules(call.service(), |rules| {
        rules.operations.insert(call.operation().into(), false);
    });
    Ok(())
}

/// The service remembers a key no longer than that.
#[given("{string} forgets its keys after {duration}")]
fn forgets_its_keys(world: &mut World, service: String, after: DurationParameter) -> StepResult {
    let after = after.value()?;
    world.registry().check_service(&service)?;
    world
        .cast()
        .change_key_rules(&service, |rules| rules.keys = Some(after));
    Ok(())
}

/// What arrives after its undo has its effect all the same.
#[given("{string} does not bar late effects")]
fn does_not_bar_late_effects(world: &mut World, service: String) -> StepResult {
    world.registry().check_service(&service)?;
    world
        .cast()
        .change_key_rules(&service, |rules| rules.bars_late_effects = false);
    Ok(())
}

/// Every call fails with `SERVICE_UNAVAILABLE`, from now on.
#[given("{string} is down")]
#[when("{string} goes down")]
fn is_down(world: &mut World, service: String) -> StepResult {
    let (what, here) = (format!("{service} is down"), world.here());
    Ok(world.cast().take_down(&service, None, what, here)?)
}

/// Every call fails with `SERVICE_UNAVAILABLE`, for that long from now on.
#[given("{string} is down for {duration}")]
fn is_down_for(world: &mut World, service: String, span: DurationParameter) -> StepResult {
    let span = span.value()?;
    let until = world.clock().now() + span;
    let span = crate::domain::format_duration(span);
    let (what, here) = (format!("{service} is down for {span}"), world.here());
    Ok(world.cast().take_down(&service, Some(until), what, here)?)
}

/// Every call to the service takes that much longer.
#[given("{string} is slowed by {duration}")]
fn is_slowed_by(world: &mut World, service: String, span: DurationParameter) -> StepResult {
    let span = span.value()?;
    world
        .registry()
        .script(&service, |script, _| script.slow_down(span))?;
    Ok(())
}

/// Ends `is down`.
#[when("{string} comes back")]
fn comes_back(world: &mut World, service: String) -> StepResult {
    let was_down = world
        .registry()
        .script(&service, |script, _| script.bring_back())?;
    if was_down {
        Ok(())
    } else {
        Err(format!("{service} is not down").into())
    }
}

/// The service is removed: later calls to it fail with `SERVICE_NOT_FOUND`.
#[when("{string} is removed")]
fn is_removed(world: &mut World, service: String) -> StepResult {
    Ok(world.registry().remove(&service)?)
}

pub(super) fn declare(world: &mut World, what: String) -> FaultId {
    let here = world.here();
    world.cast().faults().declare(what, here)
}

pub(super) fn at_least_once(count: CountParameter) -> Result<u32, String> {
    match count.value()? {
        0 => Err("a fault must happen at least once, found 0".to_owned()),
        count => Ok(count),
    }
}

fn script(world: &mut World, call: CallParameter) -> Result<CallScript<'_>, StepError> {
    let here = world.here();
    Ok(world.cast().script_at(call.name()?, here)?)
}

fn with_script<T>(
    world: &mut World,
    call: &CallName,
    change: impl FnOnce(&Script, &dyn Service) -> T,
) -> Result<T, StepError> {
    world.registry().check(call)?;
    Ok(world.registry().script(call.service(), change)?)
}

use std::sync::Arc;

use cucumber::{gherkin, given, when};
use serde_json::Value;

use super::{
    Call, Count, Span, StepResult,
    parameters::{json, table_of},
};
use crate::{
    domain::{CallName, did_you_mean},
    harness::World,
    services::{
        Answer, AnswerError, Executions, FaultId, Response, Script, Service, ServiceDefinition,
        is_code,
    },
};

/// Loads the service definitions in `fixtures/services/<name>.json`.
#[given(expr = "the services from {string}")]
fn services_from(world: &mut World, name: String) -> StepResult {
    let file = world.fixtures().services(&name)?;
    for definition in &file.services {
        world.cast().add_defined(Arc::clone(definition))?;
    }
    Ok(())
}

/// A service by the definition below, or one that answers `{}` to any operation.
#[given(expr = "a service {string}")]
fn a_service(world: &mut World, step: &gherkin::Step, name: String) -> StepResult {
    if name.is_empty() || name.contains('.') {
        return Err(format!("{name:?} names no service: it is not empty and has no dot").into());
    }
    if step.docstring.is_none() {
        world.cast().add_bare(&name);
        return Ok(());
    }
    let mut definition: ServiceDefinition = json(world, step)?;
    if !definition.name.is_empty() && definition.name != name {
        let own = definition.name;
        return Err(format!("the definition is of {own:?}, the step of {name:?}").into());
    }
    definition.name = name;
    let added = world.cast().add_defined(definition);
    // The text begins two lines below the step: behind the opening quotes.
    added.map_err(|error| {
        let uri = &world.stage().uri;
        format!("{uri}:{}: {error}", step.position.line + 2).into()
    })
}

/// The latency of every execution from now on.
#[given(expr = "{call} takes {duration}")]
fn takes(world: &mut World, call: Call, latency: Span) -> StepResult {
    let (call, latency) = (call.name()?, latency.value()?);
    with_script(world, &call, |script, _| {
        script.takes(call.operation(), latency)
    })
}

/// The reply of every execution.
#[given(expr = "{call} replies:")]
fn replies(world: &mut World, step: &gherkin::Step, call: Call) -> StepResult {
    let call = call.name()?;
    let reply: Arc<Value> = json(world, step)?;
    with_script(world, &call, |script, _| {
        script.replies(call.operation(), reply)
    })
}

/// Every execution fails with the code.
#[given(expr = "{call} fails with {string}")]
fn fails(world: &mut World, call: Call, code: String) -> StepResult {
    let call = call.name()?;
    check_code(world, &call, &code)?;
    let fault = declare(world, format!("{call} fails with {code}"));
    let response = Response::Error(code.into());
    with_script(world, &call, |script, _| {
        script.always(call.operation(), response, fault)
    })
}

/// So many executions fail with the code, later ones answer normally.
#[given(expr = "{call} fails {count} time(s) with {string}")]
fn fails_times(world: &mut World, call: Call, count: Count, code: String) -> StepResult {
    let (call, count) = (call.name()?, at_least_once(count)?);
    check_code(world, &call, &code)?;
    let fault = declare(world, format!("{call} fails {count} time(s) with {code}"));
    let response = Response::Error(code.into());
    with_script(world, &call, |script, _| {
        script.times(call.operation(), count, response, fault);
    })
}

/// It never answers; only a timeout or a deadline ends an execution.
#[given(expr = "{call} hangs")]
fn hangs(world: &mut World, call: Call) -> StepResult {
    let call = call.name()?;
    let fault = declare(world, format!("{call} hangs"));
    with_script(world, &call, |script, _| {
        script.always(call.operation(), Response::Hang, fault);
    })
}

/// So many executions never answer, later ones answer normally.
#[given(expr = "{call} hangs {count} time(s)")]
fn hangs_times(world: &mut World, call: Call, count: Count) -> StepResult {
    let (call, count) = (call.name()?, at_least_once(count)?);
    let fault = declare(world, format!("{call} hangs {count} time(s)"));
    with_script(world, &call, |script, _| {
        script.times(call.operation(), count, Response::Hang, fault);
    })
}

/// A script by execution, counted from 1 over the whole scenario.
#[given(expr = "{call} answers:")]
fn answers(world: &mut World, step: &gherkin::Step, call: Call) -> StepResult {
    let call = call.name()?;
    let mut rows: Vec<(Executions, Answer, Option<FaultId>)> = Vec::new();
    for row in table_of(step, &["execution", "answer"])? {
        let (executions, answer) = (row[0].parse::<Executions>()?, row[1].parse::<Answer>()?);
        if rows.iter().any(|(other, ..)| other.overlaps(executions)) {
            return Err(format!("the executions {} are spoken for twice", row[0]).into());
        }
        if let Response::Error(code) = &answer.response {
            check_code(world, &call, code)?;
        }
        let fault = answer.response.is_fault().then(|| {
            declare(
                world,
                format!("{call} answers execution {} with `{}`", row[0], row[1]),
            )
        });
        rows.push((executions, answer, fault));
    }
    with_script(world, &call, |script, _| {
        script.answers(call.operation(), rows)
    })
}

/// Every call fails with `SERVICE_UNAVAILABLE`, from now on.
#[given(expr = "{string} is down")]
#[when(expr = "{string} goes down")]
fn is_down(world: &mut World, service: String) -> StepResult {
    let fault = declare(world, format!("{service} is down"));
    world
        .registry()
        .script(&service, |script, _| script.goes_down(None, fault))?;
    Ok(())
}

/// Every call fails with `SERVICE_UNAVAILABLE`, for that long from now on.
#[given(expr = "{string} is down for {duration}")]
fn is_down_for(world: &mut World, service: String, span: Span) -> StepResult {
    let span = span.value()?;
    let until = world.clock().now() + span;
    let span = crate::domain::format_duration(span);
    let fault = declare(world, format!("{service} is down for {span}"));
    world
        .registry()
        .script(&service, |script, _| script.goes_down(Some(until), fault))?;
    Ok(())
}

/// Every call of the service takes that much longer.
#[given(expr = "{string} is slowed by {duration}")]
fn is_slowed_by(world: &mut World, service: String, span: Span) -> StepResult {
    let span = span.value()?;
    world
        .registry()
        .script(&service, |script, _| script.is_slowed_by(span))?;
    Ok(())
}

/// Ends `is down`.
#[when(expr = "{string} comes back")]
fn comes_back(world: &mut World, service: String) -> StepResult {
    let was_down = world
        .registry()
        .script(&service, |script, _| script.comes_back())?;
    if was_down {
        Ok(())
    } else {
        Err(format!("{service} is not down").into())
    }
}

/// The service leaves: later calls to it fail with `SERVICE_NOT_FOUND`.
#[when(expr = "{string} is removed")]
fn is_removed(world: &mut World, service: String) -> StepResult {
    Ok(world.registry().remove(&service)?)
}

pub(super) fn declare(world: &mut World, what: String) -> FaultId {
    let here = world.here();
    world.cast().faults().declare(what, here)
}

pub(super) fn at_least_once(count: Count) -> Result<u32, String> {
    match count.value()? {
        0 => Err("a fault that happens 0 times is none".to_owned()),
        count => Ok(count),
    }
}

fn with_script(
    world: &mut World,
    call: &CallName,
    change: impl FnOnce(&Script, &dyn Service),
) -> StepResult {
    world.registry().check(call)?;
    Ok(world.registry().script(call.service(), change)?)
}

/// A bare service takes any code; one with a definition those that it or the product knows.
fn check_code(world: &mut World, call: &CallName, code: &str) -> StepResult {
    let own: Option<Vec<String>> = world
        .registry()
        .script(call.service(), |_, service| own_codes(service))?;
    match own {
        Some(own) => check_known(call.service(), &own, code),
        None => check_form(code),
    }
}

/// A fault that is no single service's has a code that a service or the product knows.
pub(super) fn check_code_of_any(world: &mut World, code: &str) -> StepResult {
    let mut own = Vec::new();
    for service in world.registry().names() {
        let codes = world
            .registry()
            .script(&service, |_, service| own_codes(service))?;
        own.extend(codes.into_iter().flatten());
    }
    check_known("any service", &own, code)
}

fn own_codes(service: &dyn Service) -> Option<Vec<String>> {
    let codes = service.codes()?;
    Some(codes.into_iter().map(|(code, _)| code.to_owned()).collect())
}

fn check_form(code: &str) -> StepResult {
    if is_code(code) {
        Ok(())
    } else {
        Err(AnswerError::Code(code.to_owned()).into())
    }
}

fn check_known(service: &str, own: &[String], code: &str) -> StepResult {
    use crate::domain::code::KNOWN;
    check_form(code)?;
    let known = || {
        let own = own.iter().map(String::as_str);
        own.chain(KNOWN.iter().map(|(code, ..)| *code))
    };
    if code.ends_with("_NOT_FOUND") || known().any(|known| known == code) {
        return Ok(());
    }
    Err(format!(
        "neither {service} nor the product knows the code {code:?}: {}",
        did_you_mean(code, known())
    )
    .into())
}

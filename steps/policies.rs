//! Timeouts, retries, breakers, bulkheads, budgets, and the seed.

use std::{convert::Infallible, num::NonZeroU32, str::FromStr};

use cucumber::{Parameter, codegen::inventory, gherkin};
use rehearsal_macros::{given, then};

use super::{
    CallParameter, CountParameter, DurationParameter, StepError, StepResult,
    failing::{expect, something_happened},
    parameters::{has_values, table, table_of},
};
use crate::{
    clock::Seed,
    domain::{code, did_you_mean},
    harness::{ParameterType, World},
    resilience::{
        BreakerPolicy, BreakerState, BudgetPolicy, BulkheadPolicy, Retrier, Retries, Retry,
    },
};

/// How long every execution may take.
#[given("every call times out after {duration}")]
fn every_call_times_out(world: &mut World, after: DurationParameter) -> StepResult {
    world.policies().every.timeout = Some(after.value()?);
    Ok(())
}

/// How long an execution of this operation may take.
#[given("{call} times out after {duration}")]
fn call_times_out(world: &mut World, call: CallParameter, after: DurationParameter) -> StepResult {
    let call = call.name()?;
    world.registry().check(&call)?;
    world.policies().time_out(call, after.value()?);
    Ok(())
}

/// How often every call is retried, with the default delays.
#[given("every call is retried up to {count} time(s)")]
fn every_call_is_retried(world: &mut World, count: CountParameter) -> StepResult {
    world.policies().retry_every(count.value()?);
    Ok(())
}

/// How often a call of this operation is retried.
#[given("{call} is retried up to {count} time(s)")]
fn call_is_retried(world: &mut World, call: CallParameter, count: CountParameter) -> StepResult {
    let call = call.name()?;
    world.registry().check(&call)?;
    world.policies().retry(call, count.value()?);
    Ok(())
}

/// The retry policy of every call, by the name of a preset.
#[given("the retry policy {string}")]
fn retry_preset(world: &mut World, name: String) -> StepResult {
    world.policies().every.retry = Some(Retry::preset(&name)?.into());
    Ok(())
}

/// Fields of the retry policy of every call; the others keep their values.
#[given("the retry policy:")]
fn retry_policy(world: &mut World, step: &gherkin::Step) -> StepResult {
    let rows = table_of(step, &["field", "value"])?;
    let mut policies = world.policies();
    let retry = match policies.every.retry.take() {
        Some(Retries::Uniform(current)) => current,
        Some(Retries::PerCode(_)) | None => Retry::none(),
    };
    let fields = rows.iter().map(|row| (row[0].as_str(), row[1].as_str()));
    policies.every.retry = Some(retry.with_fields(fields)?.into());
    Ok(())
}

/// Retries of every call, by the code of the failure.
#[given("every call is retried by code:")]
fn every_call_is_retried_by_code(world: &mut World, step: &gherkin::Step) -> StepResult {
    let retriers = retriers(step, |_| Ok(()))?;
    world.policies().every.retry = Some(retriers);
    Ok(())
}

/// Retries of an operation, by the code of the failure.
#[given("{call} is retried by code:")]
fn call_is_retried_by_code(
    world: &mut World,
    step: &gherkin::Step,
    call: CallParameter,
) -> StepResult {
    let call = call.name()?;
    let registry = world.registry();
    registry.check(&call)?;
    let retriers = retriers(step, |code| {
        if call.as_str() == "EventStore.append" && code == code::CONCURRENT_MODIFICATION {
            return Err(StepError::from(CONFLICT));
        }
        Ok(registry.check_code(&call, code)?)
    })?;
    world.policies().retry_as(call, retriers);
    Ok(())
}

const CONFLICT: &str = "repeating an append after CONCURRENT_MODIFICATION can never help: it expects \
    the same version again. Say how often the command is decided anew instead: \"commands are decided \
    anew up to 3 times\"";

/// Retriers, one per row, in the order in which they are tried; empty cells are left out.
fn retriers(
    step: &gherkin::Step,
    check: impl Fn(&str) -> StepResult,
) -> Result<Retries, StepError> {
    let (header, rows) = table(step)?.split_first().ok_or("the table is empty")?;
    if rows.is_empty() {
        return Err("the table has no row, expected one for each retrier".into());
    }
    let mut retriers = Vec::new();
    for (row, number) in rows.iter().zip(1..) {
        let cells = header.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        let retrier = Retrier::from_fields(cells.map(|(field, cell)| (&**field, &**cell)))
            .map_err(|error| format!("retrier {number}: {error}"))?;
        for code in retrier.codes.iter() {
            check(code).map_err(|error| format!("retrier {number}: {error}"))?;
        }
        retriers.push(retrier);
    }
    Ok(retriers.into_iter().collect())
}

/// A breaker before a service or one of its operations, that opens after consecutive failures, and
/// closes after two successes.
#[given("a circuit breaker on {string} opening after {count} failure(s) for {duration}")]
fn breaker(
    world: &mut World,
    service: String,
    failures: CountParameter,
    recovery: DurationParameter,
) -> StepResult {
    let policy = BreakerPolicy::opening_after(failures.value()?, recovery.value()?);
    policy.check()?;
    set_breaker(world, &service, policy)
}

/// A breaker by its fields.
#[given("a circuit breaker on {string}:")]
fn breaker_policy(world: &mut World, step: &gherkin::Step, service: String) -> StepResult {
    let rows = table_of(step, &["field", "value"])?;
    let fields = rows.iter().map(|row| (row[0].as_str(), row[1].as_str()));
    set_breaker(
        world,
        &service,
        BreakerPolicy::default().with_fields(fields)?,
    )
}

fn set_breaker(world: &mut World, service: &str, policy: BreakerPolicy) -> StepResult {
    world.registry().check_guarded(service)?;
    world.cast().set_breaker(service, policy);
    Ok(())
}

/// A limit on the concurrent calls of a service, one of its operations, or a class of services;
/// further calls wait.
#[given("a bulkhead of {count} call(s) on {string}")]
fn bulkhead(world: &mut World, calls: CountParameter, name: String) -> StepResult {
    set_bulkhead(world, &name, calls, None)
}

/// A limit on concurrent and on waiting calls; further calls are refused.
#[given("a bulkhead of {count} call(s) on {string} with a queue of {count}")]
fn bulkhead_with_queue(
    world: &mut World,
    calls: CountParameter,
    name: String,
    queue: CountParameter,
) -> StepResult {
    set_bulkhead(world, &name, calls, Some(queue.value()?))
}

fn set_bulkhead(
    world: &mut World,
    name: &str,
    calls: CountParameter,
    queue_size: Option<u32>,
) -> StepResult {
    let max_concurrent_calls =
        NonZeroU32::new(calls.value()?).ok_or("a bulkhead needs at least 1 call")?;
    let policy = BulkheadPolicy {
        max_concurrent_calls,
        queue_size,
    };
    let registry = world.registry();
    if !registry.has_class(name) {
        registry.check_guarded(name)?;
    }
    world.cast().set_bulkhead(name, policy);
    Ok(())
}

/// What all calls may use together from now on, compensations aside; ceilings that are not given have
/// their defaults.
#[given("a budget:")]
fn budget(world: &mut World, step: &gherkin::Step) -> StepResult {
    let rows = table_of(step, &["field", "value"])?;
    let fields = rows.iter().map(|row| (row[0].as_str(), row[1].as_str()));
    let policy = BudgetPolicy::default().with_fields(fields)?;
    world.cast().set_budget(policy);
    Ok(())
}

/// What was used of the budget, its limits and what is left, by JSON Pointer.
#[then("the budget has:")]
fn budget_has(world: &mut World, step: &gherkin::Step) -> StepResult {
    let budget = world.cast().client().budget();
    let budget = budget.ok_or("there is no budget: say `a budget:` before")?;
    something_happened(world)?;
    has_values(step, &budget.report())
}

/// The seed of everything random in the scenario.
#[given("the seed {count}")]
fn the_seed(world: &mut World, seed: CountParameter) -> StepResult {
    let seed = Seed(seed.value()?.into());
    world.set_seed(seed);
    Ok(())
}

/// `{breaker_state}`: the state of a circuit breaker.
#[derive(Debug, Parameter)]
#[param(name = "breaker_state", regex = "closed|open|half-open")]
pub struct ExpectedState(BreakerState);

inventory::submit!(ParameterType::of::<ExpectedState>());

impl FromStr for ExpectedState {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(match text {
            "closed" => BreakerState::Closed,
            "open" => BreakerState::Open,
            _ => BreakerState::HalfOpen,
        }))
    }
}

/// The state of a breaker.
#[then("the circuit breaker on {string} is {breaker_state}")]
fn breaker_is(world: &mut World, service: String, expected: ExpectedState) -> StepResult {
    let ExpectedState(expected) = expected;
    let Some(found) = world.cast().breaker_state(&service) else {
        let names = world.registry().names();
        let hint = did_you_mean(&service, names.iter().map(|name| &**name));
        return Err(format!("there is no circuit breaker on {service:?}; services: {hint}").into());
    };
    something_happened(world)?;
    expect(found == expected, || {
        format!("expected the circuit breaker on {service} to be {expected}, found {found}")
    })
}

use std::{sync::Arc, time::Duration};

use cucumber::gherkin;
use futures::future::join_all;
use rehearsal_macros::{then, when};
use serde_json::{Value, json};

use super::{
    CallParameter, CountParameter, DurationParameter, StepResult,
    failing::expect,
    parameters::{at_least_one, has_json, has_values, json, table, table_of},
};
use crate::{
    domain::{self, CallName, KeyOrigin, from_json},
    harness::{World, describe},
    services::{CallPolicy, CallResult},
};
#[cfg(feature = "http")]
use crate::{
    domain::{Failure, code},
    http::HttpService,
    services::Service as _,
};

/// How long `is called over HTTP` waits for an answer.
#[cfg(feature = "http")]
const HTTP_TIMEOUT: Duration = Duration::from_secs(10);

/// The caller of calls made by steps.
const CALLER: &str = domain::Call::SCENARIO;

/// One call through the client, as a workflow's step would make it.
#[when("{call} is called")]
async fn is_called(world: &mut World, call: CallParameter) -> StepResult {
    call_sequentially(world, call, json!({}), 1).await
}

/// One call with the input below.
#[when("{call} is called with:")]
async fn is_called_with(
    world: &mut World,
    step: &gherkin::Step,
    call: CallParameter,
) -> StepResult {
    let input = json(world, step)?;
    call_sequentially(world, call, input, 1).await
}

/// Sequential calls.
#[when("{call} is called {count} time(s)")]
async fn is_called_times(
    world: &mut World,
    call: CallParameter,
    count: CountParameter,
) -> StepResult {
    call_sequentially(world, call, json!({}), at_least_one(count, "call")?).await
}

/// Concurrent calls.
#[when("{call} is called {count} time(s) at once")]
async fn is_called_at_once(
    world: &mut World,
    call: CallParameter,
    count: CountParameter,
) -> StepResult {
    let call = call.name()?;
    let count = at_least_one(count, "call")?;
    let call = (call, Arc::new(json!({})));
    call_concurrently(world, std::iter::repeat_n(call, count as usize)).await
}

/// Concurrent calls of several operations, with a count or an input for each, or both.
#[when("these calls are made at once:")]
async fn are_made_at_once(world: &mut World, step: &gherkin::Step) -> StepResult {
    const FORMS: [&[&str]; 3] = [
        &["call", "times"],
        &["call", "input"],
        &["call", "times", "input"],
    ];
    let header = table(step)?.first().map(Vec::as_slice).unwrap_or_default();
    let form = FORMS.into_iter().find(|form| header == *form);
    let form = form.unwrap_or(FORMS[0]);
    let cell = |row: &[String], column: &str| {
        let position = form.iter().position(|own| *own == column);
        position.and_then(|position| row.get(position).cloned())
    };
    let mut calls = Vec::new();
    for row in table_of(step, form)? {
        let call: CallName = row[0].parse()?;
        let times = match cell(row, "times") {
            Some(times) => at_least_one(times.parse()?, "call")? as usize,
            None => 1,
        };
        let input = match cell(row, "input") {
            Some(input) => from_json(&input, "the input", 1)?,
            None => json!({}),
        };
        calls.extend(std::iter::repeat_n((call, Arc::new(input)), times));
    }
    call_concurrently(world, calls).await
}

/// Calls of several operations, each so long after the step's begin, whether or not those before have ended.
#[when("these calls are made:")]
async fn are_made(world: &mut World, step: &gherkin::Step) -> StepResult {
    let mut calls = Vec::new();
    for row in table_of(step, &["after", "call", "input"])? {
        let after = row[0].parse::<DurationParameter>()?.value()?;
        let input = from_json(&row[2], "the input", 1)?;
        calls.push((after, row[1].parse()?, Arc::new(input)));
    }
    call_after(world, calls).await
}

/// Sends one request to a served service, as a client outside does.
#[cfg(feature = "http")]
pub(super) async fn call_over_http(world: &mut World, name: CallName, input: Value) -> StepResult {
    world.registry().check(&name)?;
    if !world.systems().is_served() {
        let why = "is not served: say `the services are served over HTTP` before";
        return Err(format!("{} {why}", name.service()).into());
    }
    let url = world.url(CALLER, name.service())?;
    let service = name.service();
    let definition = world
        .registry()
        .script(service, |_, own| own.definition().cloned())?;
    let client = HttpService::new(service, &url, definition.map(Arc::new))?;
    let call = direct(world, &name, &Arc::new(input));
    // Beside the client, which would do it.
    let given = world.cast().client().authorisation().given(&call);
    let call = given.map_or(call, |given| *given);
    let timeout = tokio::time::timeout(HTTP_TIMEOUT, client.call(&call)).await;
    let result = timeout.unwrap_or_else(|_| {
        let failure = Failure::new(code::TIMEOUT, "no answer within 10 s");
        Err(Box::new(failure))
    });
    let result = result.map_err(|failure| Box::new(failure.at(&name)));
    keep_results(world, vec![result]).await
}

async fn call_sequentially(
    world: &mut World,
    call: CallParameter,
    input: Value,
    times: u32,
) -> StepResult {
    let name = call.name()?;
    world.registry().check(&name)?;
    let client = world.cast().client();
    let input = Arc::new(input);
    let mut results = Vec::new();
    for _ in 0..times {
        let call = direct(world, &name, &input);
        results.push(client.call(&call, &CallPolicy::default(), None).await);
    }
    keep_results(world, results).await
}

async fn call_concurrently(
    world: &mut World,
    requested: impl IntoIterator<Item = (CallName, Arc<Value>)>,
) -> StepResult {
    let requested = requested.into_iter();
    call_after(
        world,
        requested.map(|(name, input)| (Duration::ZERO, name, input)),
    )
    .await
}

async fn call_after(
    world: &mut World,
    requested: impl IntoIterator<Item = (Duration, CallName, Arc<Value>)>,
) -> StepResult {
    let client = world.cast().client();
    let policy = CallPolicy::default();
    let mut calls = Vec::new();
    for (after, name, input) in requested {
        world.registry().check(&name)?;
        calls.push((after, direct(world, &name, &input)));
    }
    let clock = world.clock();
    let calls = calls.iter().map(async |(after, call)| {
        if !after.is_zero() {
            clock.sleep(*after).await;
        }
        client.call(call, &policy, None).await
    });
    let results = join_all(calls).await;
    keep_results(world, results).await
}

/// Keeps the results of calls, and waits until all handlers of their events are idle.
async fn keep_results(world: &mut World, results: Vec<CallResult>) -> StepResult {
    world.set_calls(results);
    world.cast().idle().await;
    Ok(())
}

/// A direct call, with its own key so that its effect is recorded.
fn direct(world: &mut World, name: &CallName, input: &Arc<Value>) -> domain::Call {
    let number = world.next_direct_call();
    let mut call = domain::Call::new(CALLER, name.clone(), Arc::clone(input)).accepting_fallback();
    call.key = Some(KeyOrigin::Scenario.key(format!("{CALLER}/{number}")));
    call
}

/// The last direct call succeeded.
#[then("the call succeeds")]
fn succeeds(world: &mut World) -> StepResult {
    let result = world.last_call()?;
    expect(result.is_ok(), || {
        format!("expected the call to succeed, {}", describe(result))
    })
}

/// The last direct call failed with this code.
#[then("the call fails with {string}")]
fn fails_with(world: &mut World, code: String) -> StepResult {
    let result = world.last_call()?;
    expect(has_code(result, &code), || {
        format!(
            "expected the call to fail with {code}, {}",
            describe(result)
        )
    })
}

/// The number of the last When's direct calls that succeeded.
#[then("{count} call(s) succeed(s)")]
fn so_many_succeed(world: &mut World, expected: CountParameter) -> StepResult {
    let expected = expected.value()? as usize;
    world.last_call()?;
    let found = world.calls().iter().filter(|result| result.is_ok()).count();
    expect(found == expected, || {
        format!(
            "expected {expected} calls to succeed, {found} of {} do",
            world.calls().len()
        )
    })
}

/// The number of the last When's direct calls that failed with this code.
#[then("{count} call(s) fail(s) with {string}")]
fn so_many_fail(world: &mut World, expected: CountParameter, code: String) -> StepResult {
    let expected = expected.value()? as usize;
    world.last_call()?;
    if expected == 0 {
        // A typo would not fail it.
        world.registry().check_code_of_any(&code)?;
    }
    let all = world.calls();
    let found = all.iter().filter(|result| has_code(result, &code)).count();
    expect(found == expected, || {
        format!(
            "expected {expected} calls to fail with {code}, {found} of {} do",
            all.len()
        )
    })
}

fn has_code(result: &CallResult, code: &str) -> bool {
    matches!(result, Err(failure) if *failure.code == *code)
}

/// The message of the last direct call's failure.
#[then("the failure has:")]
fn failure_has(world: &mut World, step: &gherkin::Step) -> StepResult {
    let result = world.last_call()?;
    let Err(failure) = result else {
        return Err(format!("expected the call to fail, {}", describe(result)).into());
    };
    has_values(step, &failure)
}

/// The reply of the last direct call.
#[then("the reply is:")]
fn reply_is(world: &mut World, step: &gherkin::Step) -> StepResult {
    has_json(world, step, &reply(world)?)
}

/// Values of the last direct call's reply, by JSON Pointer.
#[then("the reply has:")]
fn reply_has(world: &mut World, step: &gherkin::Step) -> StepResult {
    has_values(step, &reply(world)?)
}

fn reply(world: &World) -> Result<Arc<Value>, String> {
    let result = world.last_call()?;
    match result {
        Ok(reply) => Ok(Arc::clone(&reply.value)),
        Err(_) => Err(format!("expected a reply, {}", describe(result))),
    }
}

use std::{convert::Infallible, num::NonZeroU32, str::FromStr};

use cucumber::{Parameter, codegen::inventory, gherkin};
use rehearsal_macros::{given, then, when};
use serde_json::{Value, json};

use crate::{
    domain::{self, RequestStatus},
    harness::{ParameterType, World},
    messaging::{RequestView, ServiceRequest},
    services::UnknownName,
    steps::{
        CallParameter, CountParameter, DurationParameter, StepResult,
        failing::expect,
        parameters::{has_json, has_values, json},
        runs::settle,
    },
};

/// `{request_status}`: the status of a request.
#[derive(Debug, Parameter)]
#[param(name = "request_status", regex = "pending|processing|completed|failed")]
pub struct RequestStatusParameter(RequestStatus);

inventory::submit!(ParameterType::of::<RequestStatusParameter>());

impl FromStr for RequestStatusParameter {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(match text {
            "pending" => RequestStatus::Pending,
            "processing" => RequestStatus::Processing,
            "completed" => RequestStatus::Completed,
            _ => RequestStatus::Failed,
        }))
    }
}

/// A request whose sender waits for the response; a failure is a response too.
#[when("a request is sent to {call}")]
async fn is_sent(world: &mut World, call: CallParameter) -> StepResult {
    send(world, call, json!({})).await
}

/// A request with the input below.
#[when("a request is sent to {call} with:")]
async fn is_sent_with(world: &mut World, step: &gherkin::Step, call: CallParameter) -> StepResult {
    let input = json(world, step)?;
    send(world, call, input).await
}

async fn send(world: &mut World, call: CallParameter, input: Value) -> StepResult {
    let request = ServiceRequest::new(domain::Call::SCENARIO, call.name()?, input);
    world.requests().send(&request).await;
    Ok(())
}

/// A request that is accepted immediately and processed in the background.
#[when("a request to {call} is submitted")]
async fn is_submitted(world: &mut World, call: CallParameter) -> StepResult {
    submit(world, call, json!({})).await
}

/// A background request with the input below.
#[when("a request to {call} is submitted with:")]
async fn is_submitted_with(
    world: &mut World,
    step: &gherkin::Step,
    call: CallParameter,
) -> StepResult {
    let input = json(world, step)?;
    submit(world, call, input).await
}

async fn submit(world: &mut World, call: CallParameter, input: Value) -> StepResult {
    let request = ServiceRequest::new(domain::Call::SCENARIO, call.name()?, input);
    world.requests().submit(request)?;
    settle().await;
    Ok(())
}

/// It is called with every status change of the requests submitted from now on.
#[given("{call} receives the callbacks")]
fn receives_the_callbacks(world: &mut World, call: CallParameter) -> StepResult {
    let call = call.name()?;
    world.registry().check(&call)?;
    world.requests().set_callback(call);
    Ok(())
}

/// How many submitted requests are processed at a time; the others wait in order.
#[given("requests are processed {count} at a time")]
fn are_processed_at_a_time(world: &mut World, count: CountParameter) -> StepResult {
    let count = NonZeroU32::new(count.value()?);
    let count = count.ok_or("0 requests at a time are never processed, expected 1 or more")?;
    world.requests().all().process_at_a_time(count);
    Ok(())
}

/// How long a request is known after its end, instead of 5 minutes.
#[given("ended requests are kept for {duration}")]
fn are_kept_for(world: &mut World, span: DurationParameter) -> StepResult {
    let span = span.value()?;
    world.requests().all().keep_for(span);
    Ok(())
}

/// Waits until the last submitted request has ended.
#[when("the request ends")]
async fn ends(world: &mut World) -> StepResult {
    let sent = world.requests();
    let id = sent.receipt()?.request_id.clone();
    sent.all().ended(&id).await?;
    settle().await;
    Ok(())
}

/// The response to the last request that was sent.
#[then("the response is:")]
fn response_is(world: &mut World, step: &gherkin::Step) -> StepResult {
    let found = serde_json::to_value(world.requests().response()?)?;
    has_json(world, step, &found)
}

/// Values of the response to the last request that was sent, by JSON Pointer.
#[then("the response has:")]
fn response_has(world: &mut World, step: &gherkin::Step) -> StepResult {
    has_values(step, world.requests().response()?)
}

/// The receipt of the last submitted request.
#[then("the request is accepted with:")]
fn is_accepted_with(world: &mut World, step: &gherkin::Step) -> StepResult {
    let found = serde_json::to_value(world.requests().receipt()?)?;
    has_json(world, step, &found)
}

/// The status of the last submitted request, by its status URL.
#[then("the request is {request_status}")]
fn request_is(world: &mut World, expected: RequestStatusParameter) -> StepResult {
    check_status(&last(world)??, &expected)
}

/// The status of a request, by its id or status URL.
#[then("the request {string} is {request_status}")]
fn request_by_id_is(world: &mut World, id: String, expected: RequestStatusParameter) -> StepResult {
    check_status(&world.requests().all().get(&id)?, &expected)
}

/// The last submitted request is no longer known.
#[then("the request is unknown")]
fn request_is_unknown(world: &mut World) -> StepResult {
    is_unknown(last(world)?)
}

/// No request is known by this id or status URL.
#[then("the request {string} is unknown")]
fn request_by_id_is_unknown(world: &mut World, id: String) -> StepResult {
    is_unknown(world.requests().all().get(&id))
}

/// Values of the last submitted request, by JSON Pointer.
#[then("the request has:")]
fn request_has(world: &mut World, step: &gherkin::Step) -> StepResult {
    has_values(step, &last(world)??)
}

/// Values of a request, by its id or status URL.
#[then("the request {string} has:")]
fn request_by_id_has(world: &mut World, step: &gherkin::Step, id: String) -> StepResult {
    has_values(step, &world.requests().all().get(&id)?)
}

fn last(world: &mut World) -> Result<Result<RequestView, UnknownName>, String> {
    let sent = world.requests();
    Ok(sent.all().get(&sent.receipt()?.status_url))
}

fn check_status(found: &RequestView, expected: &RequestStatusParameter) -> StepResult {
    expect(found.status == expected.0, || {
        format!(
            "expected {} to be {}, it is {}",
            found.request_id,
            expected.0.as_str(),
            found.status.as_str()
        )
    })
}

fn is_unknown(found: Result<RequestView, UnknownName>) -> StepResult {
    match found {
        Err(_) => Ok(()),
        Ok(view) => Err(format!(
            "expected {} to be unknown, it is {}",
            view.request_id,
            view.status.as_str()
        )
        .into()),
    }
}

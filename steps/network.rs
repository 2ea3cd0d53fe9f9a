use std::time::Duration;

use rehearsal_macros::{given, when};

use super::{DurationParameter, StepResult, services::declare};
use crate::{domain::format_duration, harness::World};

/// Requests between the two are lost in both directions; their callers time out.
#[given("{string} is cut off from {string}")]
#[when("{string} is cut off from {string}")]
fn is_cut_off(world: &mut World, one: String, other: String) -> StepResult {
    cut_off(world, &one, &other, None)
}

/// Requests between the two are lost for this long from now on.
#[given("{string} is cut off from {string} for {duration}")]
#[when("{string} is cut off from {string} for {duration}")]
fn is_cut_off_for(
    world: &mut World,
    one: String,
    other: String,
    span: DurationParameter,
) -> StepResult {
    cut_off(world, &one, &other, Some(span.value()?))
}

/// Ends `is cut off`.
#[when("{string} reaches {string} again")]
fn reaches_again(world: &mut World, one: String, other: String) -> StepResult {
    let now = world.clock().now();
    Ok(world.registry().heal(&one, &other, now)?)
}

/// Every reply is corrupted after its checksum was computed.
#[given("{string} corrupts its replies")]
fn corrupts_its_replies(world: &mut World, service: String) -> StepResult {
    let fault = declare(world, format!("{service} corrupts its replies"));
    world
        .registry()
        .script(&service, |script, _| script.corrupt_replies(fault))?;
    Ok(())
}

/// Every request is corrupted on its way, after its checksum was computed.
#[given("{string} receives corrupted requests")]
fn receives_corrupted_requests(world: &mut World, service: String) -> StepResult {
    let fault = declare(world, format!("{service} receives corrupted requests"));
    world
        .registry()
        .script(&service, |script, _| script.corrupt_requests(fault))?;
    Ok(())
}

fn cut_off(world: &mut World, one: &str, other: &str, span: Option<Duration>) -> StepResult {
    world.registry().check_partition(one, other)?;
    let mut what = format!("{one} is cut off from {other}");
    if let Some(span) = span {
        what = format!("{what} for {}", format_duration(span));
    }
    let until = span.map(|span| world.clock().now() + span);
    let fault = declare(world, what);
    Ok(world.registry().partition(one, other, until, fault)?)
}

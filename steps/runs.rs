//! Running, resuming and cancelling workflows, and letting time pass.

use cucumber::gherkin;
use rehearsal_macros::{then, when};
use serde_json::Value;

use super::{
    CountParameter, DurationParameter, StepResult,
    failing::expect,
    parameters::{at_least_one, has_values, json},
};
use crate::{
    harness::{World, no_input},
    orchestration::Workflow,
};

/// To its end, or to its crash.
#[when("the workflow runs")]
async fn runs(world: &mut World) -> StepResult {
    Ok(world.runs().run(no_input(), None, 1).await?)
}

/// With the input below.
#[when("the workflow runs with:")]
async fn runs_with(world: &mut World, step: &gherkin::Step) -> StepResult {
    let input: Value = json(world, step)?;
    Ok(world.runs().run(input, None, 1).await?)
}

/// With a given run id.
#[when("the workflow runs as {string}")]
async fn runs_as(world: &mut World, id: String) -> StepResult {
    Ok(world.runs().run(no_input(), Some(&id), 1).await?)
}

/// Concurrent runs.
#[when("the workflow runs {count} time(s) at once")]
async fn runs_at_once(world: &mut World, count: CountParameter) -> StepResult {
    let count = at_least_one(count, "run")?;
    Ok(world.runs().run(no_input(), None, count).await?)
}

/// In the background.
#[when("the workflow starts")]
async fn starts(world: &mut World) -> StepResult {
    world.runs().start(no_input())?;
    settle().await;
    Ok(())
}

/// In the background, with the input below.
#[when("the workflow starts with:")]
async fn starts_with(world: &mut World, step: &gherkin::Step) -> StepResult {
    let input: Value = json(world, step)?;
    world.runs().start(input)?;
    settle().await;
    Ok(())
}

/// Virtual time.
#[when("{duration} pass(es)")]
async fn time_passes(world: &mut World, span: DurationParameter) -> StepResult {
    world.clock().sleep(span.value()?).await;
    settle().await;
    Ok(())
}

/// Lets everything that is due now happen, without letting time pass.
///
/// The runtime does not report when all its tasks are idle; a task that is due
/// runs within a round or two, unless it has hundreds of things to do.
pub(super) async fn settle() {
    const ROUNDS: usize = 64;
    for _ in 0..ROUNDS {
        tokio::task::yield_now().await;
    }
}

/// With another definition of the steps that have yet to be done; those that completed are as before.
#[when("the workflow resumes, mended:")]
async fn resumes_mended(world: &mut World, step: &gherkin::Step) -> StepResult {
    let workflow: Workflow = json(world, step)?;
    Ok(world.runs().resume_mended(workflow).await?)
}

/// No new step or retry starts, executions end, then the steps are undone; so are those of an
/// interrupted workflow.
#[when("cancellation is requested")]
async fn cancellation(world: &mut World) -> StepResult {
    Ok(world.runs().cancel().await?)
}

/// An interrupted workflow runs to its end; of a failed one, what is not undone is undone.
#[when("the workflow resumes")]
async fn resumes(world: &mut World) -> StepResult {
    Ok(world.runs().resume().await?)
}

/// Waits until a started workflow has ended.
#[when("the workflow ends")]
async fn ends(world: &mut World) -> StepResult {
    Ok(world.runs().wait().await?)
}

/// The current state of the last run.
#[then("the state of the workflow has:")]
fn state_has(world: &mut World, step: &gherkin::Step) -> StepResult {
    state_of(world, step, None)
}

fn state_of(world: &mut World, step: &gherkin::Step, id: Option<&str>) -> StepResult {
    let state = world
        .runs()
        .state(id)?
        .ok_or("the orchestrator does not know the run")?;
    has_values(step, &state)
}

/// The state of a run by its id.
#[then("the state of run {string} has:")]
fn state_of_run_has(world: &mut World, step: &gherkin::Step, id: String) -> StepResult {
    state_of(world, step, Some(&id))
}

/// The run id is unknown, which is not an error.
#[then("the state of run {string} is absent")]
fn state_is_absent(world: &mut World, id: String) -> StepResult {
    let state = world.runs().state(Some(&id))?;
    expect(state.is_none(), || {
        format!("expected no run {id:?}, found {state:?}")
    })
}

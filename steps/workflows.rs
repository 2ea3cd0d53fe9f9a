use std::sync::Arc;

use cucumber::gherkin;
use rehearsal_macros::given;
use serde_json::{Value, json};

use super::{CallParameter, CountParameter, DurationParameter, StepResult, parameters};
use crate::{
    domain::CallName,
    harness::World,
    orchestration::{OnFailure, Workflow},
};

/// A workflow by id, from any fixture that holds workflows.
#[given("the workflow {string}")]
fn by_id(world: &mut World, id: String) -> StepResult {
    let workflow = world.fixtures().workflow(&id)?;
    Ok(world.runs().declare(workflow)?)
}

/// A workflow by the definition below.
#[given("the workflow:")]
fn inline(world: &mut World, step: &gherkin::Step) -> StepResult {
    let workflow: Workflow = parameters::json(world, step)?;
    Ok(world.runs().declare(Arc::new(workflow))?)
}

/// A workflow of this many steps, `step-1`, `step-2`, …, each after the one before.
#[given("the workflow {string} of {count} steps that call {call}")]
fn of_steps(
    world: &mut World,
    id: String,
    count: CountParameter,
    call: CallParameter,
) -> StepResult {
    let steps = many(count, &call.name()?, None)?;
    declare(world, json!({ "id": id, "steps": steps }))
}

/// As above, but independent of each other, this many of them at a time.
#[given("the workflow {string} of {count} steps that call {call}, {count} at a time")]
fn of_parallel_steps(
    world: &mut World,
    id: String,
    count: CountParameter,
    call: CallParameter,
    at_a_time: CountParameter,
) -> StepResult {
    let mut steps = many(count, &call.name()?, None)?;
    for step in &mut steps {
        step["dependencies"] = json!([]);
    }
    let at_a_time = at_a_time.value()?;
    declare(
        world,
        json!({ "id": id, "maxParallel": at_a_time, "steps": steps }),
    )
}

/// As above, each with a compensation.
#[given("the workflow {string} of {count} steps that call {call}, undone by {call}")]
fn of_steps_undone(
    world: &mut World,
    id: String,
    count: CountParameter,
    call: CallParameter,
    undo: CallParameter,
) -> StepResult {
    let steps = many(count, &call.name()?, Some(&undo.name()?))?;
    declare(world, json!({ "id": id, "steps": steps }))
}

fn many(
    count: CountParameter,
    call: &CallName,
    undo: Option<&CallName>,
) -> Result<Vec<Value>, String> {
    let step = |number: u32| {
        let mut step = json!({
            "id": format!("step-{number}"),
            "service": call.service(),
            "operation": call.operation(),
        });
        if let Some(undo) = undo {
            step["compensation"] = undo.as_str().into();
        }
        step
    };
    Ok((1..=count.value()?).map(step).collect())
}

fn declare(world: &mut World, workflow: Value) -> StepResult {
    let workflow: Workflow = serde_json::from_value(workflow)?;
    Ok(world.runs().declare(Arc::new(workflow))?)
}

/// On failure, completed steps are undone.
#[given("the workflow compensates on failure")]
fn compensates(world: &mut World) -> StepResult {
    let compensates = |workflow: &mut Workflow| workflow.on_failure = OnFailure::Compensate;
    Ok(world.runs().change_workflow(compensates)?)
}

/// On failure, what depends on the step is deferred, and the step resumed later.
#[given("the workflow degrades on failure")]
fn degrades(world: &mut World) -> StepResult {
    let degrades = |workflow: &mut Workflow| workflow.on_failure = OnFailure::Degrade;
    Ok(world.runs().change_workflow(degrades)?)
}

/// On failure, the partial result is kept.
#[given("the workflow keeps on failure")]
fn keeps(world: &mut World) -> StepResult {
    let keeps = |workflow: &mut Workflow| workflow.on_failure = OnFailure::Keep;
    Ok(world.runs().change_workflow(keeps)?)
}

/// How often a run is taken up after a crash; once more, and it is undone.
#[given("the workflow is recovered up to {count} time(s)")]
fn is_recovered_up_to(world: &mut World, times: CountParameter) -> StepResult {
    let times = times.value()?;
    let limit = |workflow: &mut Workflow| workflow.max_recoveries = Some(times);
    Ok(world.runs().change_workflow(limit)?)
}

/// The deadline of a run, compensation excluded.
#[given("the workflow must finish within {duration}")]
fn must_finish_within(world: &mut World, deadline: DurationParameter) -> StepResult {
    let deadline = deadline.value()?;
    let limit = |workflow: &mut Workflow| workflow.deadline = Some(deadline);
    Ok(world.runs().change_workflow(limit)?)
}

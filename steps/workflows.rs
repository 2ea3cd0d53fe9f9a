use std::sync::Arc;

use cucumber::{gherkin, given};

use super::{Span, StepResult, parameters::json};
use crate::{
    harness::World,
    orchestration::{OnFailure, Workflow},
};

/// A workflow by id, from any fixture that holds workflows.
#[given(expr = "the workflow {string}")]
fn by_id(world: &mut World, id: String) -> StepResult {
    let workflow = world.fixtures().workflow(&id)?;
    world.runs().declare(workflow);
    Ok(())
}

/// A workflow by the definition below.
#[given(expr = "the workflow:")]
fn inline(world: &mut World, step: &gherkin::Step) -> StepResult {
    let workflow: Workflow = json(world, step)?;
    world.runs().declare(Arc::new(workflow));
    Ok(())
}

/// A failure is answered by undoing the completed steps.
#[given(expr = "the workflow compensates on failure")]
fn compensates(world: &mut World) -> StepResult {
    world.runs().workflow_mut()?.on_failure = OnFailure::Compensate;
    Ok(())
}

/// A failure is answered by keeping the partial result.
#[given(expr = "the workflow keeps on failure")]
fn keeps(world: &mut World) -> StepResult {
    world.runs().workflow_mut()?.on_failure = OnFailure::Keep;
    Ok(())
}

/// The deadline of a run, compensation excluded.
#[given(expr = "the workflow must finish within {duration}")]
fn must_finish_within(world: &mut World, deadline: Span) -> StepResult {
    world.runs().workflow_mut()?.deadline = Some(deadline.value()?);
    Ok(())
}

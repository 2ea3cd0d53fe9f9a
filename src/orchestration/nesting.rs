use std::sync::Arc;

use super::{
    plan::invalid,
    workflow::{SubWorkflow, Workflow},
};
use crate::domain::Failure;

/// How deep workflows lie within each other at most, the outermost counted.
pub const MAX_DEPTH: usize = 4;

/// Finds a workflow by its id, or says why there is none.
pub type FindWorkflow<'a> = &'a dyn Fn(&str) -> Result<Arc<Workflow>, String>;

/// The workflow with the definitions of all that its steps run in place of their ids, so that it
/// needs nothing but itself to run.
///
/// # Errors
///
/// `INVALID_WORKFLOW`, with the JSON pointer as field, if one cannot be found, if workflows run
/// each other in a circle (named as a path), or lie more than [`MAX_DEPTH`] deep.
pub(super) fn closed(
    workflow: &Arc<Workflow>,
    find: FindWorkflow<'_>,
) -> Result<Arc<Workflow>, Box<Failure>> {
    close(workflow, find, &mut Vec::new(), "")
}

fn close(
    workflow: &Arc<Workflow>,
    find: FindWorkflow<'_>,
    around: &mut Vec<String>,
    pointer: &str,
) -> Result<Arc<Workflow>, Box<Failure>> {
    let circle = around.contains(&workflow.id);
    around.push(workflow.id.clone());
    if circle {
        let message = format!("the workflows run each other: {}", around.join(" → "));
        return Err(invalid(pointer, message));
    }
    if around.len() > MAX_DEPTH {
        let message = format!(
            "workflows lie at most {MAX_DEPTH} deep within each other: {}",
            around.join(" → ")
        );
        return Err(invalid(pointer, message));
    }
    let mut closed = Arc::clone(workflow);
    for (index, step) in workflow.steps.iter().enumerate() {
        let Some(inner) = &step.workflow else {
            continue;
        };
        let pointer = format!("{pointer}/steps/{index}/workflow");
        let inner = match inner {
            SubWorkflow::Named(id) => &find(id).map_err(|why| invalid(&pointer, why))?,
            SubWorkflow::Defined(inner) => inner,
        };
        let inner = close(inner, find, around, &pointer)?;
        Arc::make_mut(&mut closed).steps[index].workflow = Some(SubWorkflow::Defined(inner));
    }
    around.pop();
    Ok(closed)
}

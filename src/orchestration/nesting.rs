use std::sync::Arc;

use super::{
    plan::invalid,
    workflow::{SubWorkflow, Workflow},
};
use crate::domain::Failure;

/// How deeply workflows may be nested, including the outermost.
const MAX_DEPTH: usize = 4;

/// Finds a workflow by its id, or returns why there is none.
pub type FindWorkflow<'a> = &'a dyn Fn(&str) -> Result<Arc<Workflow>, String>;

/// The workflow with the ids of all workflows that its steps run replaced by their definitions, so
/// that it is complete in itself.
///
/// An id that cannot be replaced stays, with a fault `INVALID_WORKFLOW` and the JSON pointer as field:
/// a workflow that cannot be found, workflows that run each other (named as a path), or nesting
/// deeper than [`MAX_DEPTH`].
pub(super) fn resolve_subworkflows(
    workflow: &Arc<Workflow>,
    find: FindWorkflow<'_>,
    faults: &mut Vec<Failure>,
) -> Arc<Workflow> {
    resolve(workflow, find, faults, &[], "")
}

fn resolve(
    workflow: &Arc<Workflow>,
    find: FindWorkflow<'_>,
    faults: &mut Vec<Failure>,
    ancestors: &[&str],
    at: &str,
) -> Arc<Workflow> {
    let mut resolved = Arc::clone(workflow);
    let path = [ancestors, &[workflow.id.as_str()]].concat();
    for (index, step) in workflow.steps.iter().enumerate() {
        let Some(subworkflow) = &step.workflow else {
            continue;
        };
        let at = format!("{at}/steps/{index}/workflow");
        let child = match subworkflow {
            SubWorkflow::Named(id) => find(id),
            SubWorkflow::Defined(workflow) => Ok(Arc::clone(workflow)),
        };
        match child.and_then(|child| check_nesting(&path, &child.id).map(|()| child)) {
            Ok(child) => {
                let child = resolve(&child, find, faults, &path, &at);
                Arc::make_mut(&mut resolved).steps[index].workflow =
                    Some(SubWorkflow::Defined(child));
            }
            Err(why) => faults.push(invalid(&at, why)),
        }
    }
    resolved
}

/// Whether a workflow may be nested in those of a path, outermost first.
fn check_nesting(path: &[&str], id: &str) -> Result<(), String> {
    let shown = || [path, &[id]].concat().join(" → ");
    if path.contains(&id) {
        return Err(format!("the workflows run each other: {}", shown()));
    }
    if path.len() >= MAX_DEPTH {
        let why = format!("workflows can be nested at most {MAX_DEPTH} deep");
        return Err(format!("{why}: {}", shown()));
    }
    Ok(())
}

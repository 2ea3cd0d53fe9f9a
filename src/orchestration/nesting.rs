use std::sync::Arc;

use super::{
    check::invalid,
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
/// What cannot be put in place is left as it is, with a fault `INVALID_WORKFLOW` and the JSON pointer
/// as field: a workflow that cannot be found, workflows that run each other in a circle (named as a
/// path), or lie more than [`MAX_DEPTH`] deep.
pub(super) fn closed(
    workflow: &Arc<Workflow>,
    find: FindWorkflow<'_>,
    faults: &mut Vec<Failure>,
) -> Arc<Workflow> {
    close(workflow, find, faults, &[], "")
}

fn close(
    workflow: &Arc<Workflow>,
    find: FindWorkflow<'_>,
    faults: &mut Vec<Failure>,
    around: &[&str],
    at: &str,
) -> Arc<Workflow> {
    let mut closed = Arc::clone(workflow);
    let path = [around, &[workflow.id.as_str()]].concat();
    for (index, step) in workflow.steps.iter().enumerate() {
        let Some(inner) = &step.workflow else {
            continue;
        };
        let at = format!("{at}/steps/{index}/workflow");
        let inner = match inner {
            SubWorkflow::Named(id) => find(id),
            SubWorkflow::Defined(inner) => Ok(Arc::clone(inner)),
        };
        match inner.and_then(|inner| lies_well(&path, &inner.id).map(|()| inner)) {
            Ok(inner) => {
                let inner = close(&inner, find, faults, &path, &at);
                Arc::make_mut(&mut closed).steps[index].workflow =
                    Some(SubWorkflow::Defined(inner));
            }
            Err(why) => faults.push(invalid(&at, why)),
        }
    }
    closed
}

/// Whether a workflow may lie within those of a path, outermost first.
fn lies_well(path: &[&str], id: &str) -> Result<(), String> {
    let shown = || [path, &[id]].concat().join(" → ");
    if path.contains(&id) {
        return Err(format!("the workflows run each other: {}", shown()));
    }
    if path.len() >= MAX_DEPTH {
        let why = format!("workflows lie at most {MAX_DEPTH} deep within each other");
        return Err(format!("{why}: {}", shown()));
    }
    Ok(())
}

//! Checks of a workflow's steps before a plan is made.

use std::{collections::HashMap, sync::Arc, time::Duration};

use super::{
    approvals::APPROVAL,
    nesting::{FindWorkflow, resolve_subworkflows},
    plan::{Plan, PlannedStep, StepAction, invalid},
    step_check::StepChecker,
    wait::Wait,
    workflow::{OnFailure, Step, Workflow},
};
use crate::{
    domain::{Failure, format_duration},
    services::Registry,
};

impl Plan {
    /// Validates a workflow against the services of a registry; `find` resolves the ids of workflows
    /// that its steps run.
    ///
    /// # Errors
    ///
    /// `INVALID_WORKFLOW`, with the JSON pointer as field: no steps, a duplicate,
    /// empty or reserved id, an unknown dependency, a cycle (named as a path),
    /// `maxParallel` 0, a step that neither calls, runs a workflow nor waits, or does more than one,
    /// fields that exclude each other, two pivots or one that is optional,
    /// an unknown workflow, workflows that run each other or are nested too deeply, a reference that
    /// leads nowhere whatever the data are.
    /// `SERVICE_NOT_FOUND` or `OPERATION_NOT_FOUND` for a step, a fallback call or a
    /// compensation. The first fault has the others as its causes.
    pub fn new(
        workflow: &Arc<Workflow>,
        registry: &Registry,
        find: FindWorkflow<'_>,
    ) -> Result<Self, Box<Failure>> {
        let mut faults = Vec::new();
        let resolved = resolve_subworkflows(workflow, find, &mut faults);
        let references = resolved.reference_faults();
        let plan = build(resolved, Some(registry), "", &mut faults);
        faults.extend(references);
        let mut faults = faults.into_iter();
        match (faults.next(), plan) {
            (None, Some(plan)) => Ok(plan),
            (first, _) => {
                let mut first = Box::new(first.unwrap_or_else(|| invalid("", "it is invalid")));
                first.causes = faults.collect();
                Err(first)
            }
        }
    }

    /// The plan of a workflow that was validated when its run began; services may have been removed
    /// since.
    ///
    /// # Errors
    ///
    /// Why it is invalid.
    pub(crate) fn from_journal(workflow: Arc<Workflow>) -> Result<Self, String> {
        let mut faults = Vec::new();
        build(workflow, None, "", &mut faults).ok_or_else(|| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            faults.join("; ")
        })
    }
}

/// The plan of the workflow at a JSON pointer; `None` if it has faults, which are added.
///
/// Without a registry, services and operations are not checked.
fn build(
    workflow: Arc<Workflow>,
    registry: Option<&Registry>,
    at: &str,
    faults: &mut Vec<Failure>,
) -> Option<Plan> {
    let before = faults.len();
    if workflow.id.is_empty() || workflow.id.contains('/') {
        let message = "a workflow's id must not be empty or have a slash";
        faults.push(invalid(&format!("{at}/id"), message));
    }
    if workflow.steps.is_empty() {
        let message = "a workflow must have at least one step";
        faults.push(invalid(&format!("{at}/steps"), message));
    }
    if workflow.max_parallel == 0 {
        let message = "`maxParallel` must be at least 1";
        faults.push(invalid(&format!("{at}/maxParallel"), message));
    }
    check_degrade(&workflow, at, faults);
    if let Some(started_by) = &workflow.started_by
        && started_by.event.is_empty()
    {
        let message = "the event that starts a run must have a type";
        faults.push(invalid(&format!("{at}/startedBy/event"), message));
    }
    let mut checker = StepChecker {
        indices: indices(&workflow.steps, at, faults),
        registry,
        faults,
        build: &build,
    };
    let mut steps = Vec::with_capacity(workflow.steps.len());
    for (index, step) in workflow.steps.iter().enumerate() {
        steps.extend(checker.step(step, index, &format!("{at}/steps/{index}")));
    }
    let pivot = checker.pivot(&workflow.steps, &steps, at);
    if faults.len() > before {
        return None;
    }
    for index in 0..steps.len() {
        for dependency in steps[index].dependencies.clone() {
            steps[dependency].dependents.push(index);
        }
    }
    if let Some(cycle) = cycle(&steps) {
        let first = cycle[0];
        let names: Vec<&str> = cycle.iter().map(|&index| &*steps[index].id).collect();
        let message = format!("the steps wait for each other: {}", names.join(" → "));
        faults.push(invalid(
            &format!("{at}/steps/{first}/dependencies"),
            message,
        ));
        return None;
    }
    let indices = steps.iter().enumerate();
    Some(Plan {
        id: workflow.id.as_str().into(),
        indices: indices
            .map(|(index, step)| (Arc::clone(&step.id), index))
            .collect(),
        event_types: event_types(&steps),
        steps,
        pivot,
        workflow,
    })
}

/// Adds the faults of how a workflow, the one at a JSON pointer, degrades.
fn check_degrade(workflow: &Workflow, at: &str, faults: &mut Vec<Failure>) {
    let degrades = workflow.on_failure == OnFailure::Degrade;
    if degrades && workflow.on_parallel_failure.is_some() {
        let message = "a workflow that degrades resumes what failed later, and so can have no \"onParallelFailure\"";
        faults.push(invalid(&format!("{at}/onParallelFailure"), message));
    }
    let Some(degrade) = &workflow.degrade else {
        return;
    };
    if !degrades {
        let message = "only a workflow with \"onFailure\": \"degrade\" resumes what failed";
        faults.push(invalid(&format!("{at}/degrade"), message));
    }
    let at = format!("{at}/degrade/resumeAfter");
    if degrade.times().next().is_none() {
        let message =
            "nothing that failed is ever resumed: expected at least one duration, such as \"60s\"";
        faults.push(invalid(&at, message));
    }
    let mut before = Duration::ZERO;
    for (place, after) in degrade.times().enumerate() {
        if after <= before {
            let message = format!(
                "{} is not after {}: expected durations that rise, each counted from the failure",
                format_duration(after),
                format_duration(before)
            );
            faults.push(invalid(&format!("{at}/{place}"), message));
        }
        before = after;
    }
}

fn event_types(steps: &[PlannedStep]) -> Vec<Arc<str>> {
    let mut types = Vec::new();
    for step in steps {
        match &step.action {
            StepAction::Call { .. } | StepAction::Wait(Wait::For(_)) => {}
            StepAction::Workflow(plan) => types.extend(plan.event_types.iter().cloned()),
            StepAction::Wait(Wait::Event(event)) => types.push(Arc::clone(&event.event)),
            StepAction::Wait(Wait::Approval(_)) => types.push(APPROVAL.into()),
        }
    }
    types.sort_unstable();
    types.dedup();
    types
}

/// The index of each step, by id.
fn indices<'a>(steps: &'a [Step], at: &str, faults: &mut Vec<Failure>) -> HashMap<&'a str, usize> {
    let mut indices = HashMap::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let message = match step.id.as_str() {
            "" => "a step's id must not be empty".to_owned(),
            "input" => "the step id \"input\" is reserved for the run's input".to_owned(),
            id if id.contains('/') => format!("the step id {id:?} must not have a slash"),
            id => match indices.insert(id, index) {
                None => continue,
                Some(first) => format!("the step id {id:?} is taken by {at}/steps/{first}"),
            },
        };
        faults.push(invalid(&format!("{at}/steps/{index}/id"), message));
    }
    indices
}

/// Finds a cycle by repeatedly removing the steps that wait for none of the remaining ones; it starts
/// and ends with the step that is declared first.
fn cycle(steps: &[PlannedStep]) -> Option<Vec<usize>> {
    let mut waits: Vec<usize> = steps.iter().map(|step| step.dependencies.len()).collect();
    let mut free: Vec<usize> = (0..steps.len())
        .filter(|&index| waits[index] == 0)
        .collect();
    while let Some(index) = free.pop() {
        for &dependent in &steps[index].dependents {
            waits[dependent] -= 1;
            if waits[dependent] == 0 {
                free.push(dependent);
            }
        }
    }
    let start = waits.iter().position(|&left| left > 0)?;
    // Every remaining step waits for another remaining one: follow them until one repeats.
    let mut path = vec![start];
    let repeated = loop {
        let last = path[path.len() - 1];
        let next = steps[last]
            .dependencies
            .iter()
            .copied()
            .find(|&dependency| waits[dependency] > 0)
            .unwrap_or(start);
        if let Some(position) = path.iter().position(|&index| index == next) {
            break position;
        }
        path.push(next);
    };
    let mut cycle: Vec<usize> = path[repeated..].to_vec();
    cycle.reverse();
    // The message must not depend on where the search began.
    let first = (0..cycle.len())
        .min_by_key(|&position| cycle[position])
        .unwrap_or(0);
    cycle.rotate_left(first);
    cycle.push(cycle[0]);
    Some(cycle)
}

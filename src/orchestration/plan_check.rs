//! Checks of a workflow's steps before a plan is made.

use std::{collections::HashMap, sync::Arc};

use serde_json::json;

use super::{
    nesting::{FindWorkflow, resolve_subworkflows},
    plan::{Plan, PlannedCompensation, PlannedStep, StepAction, invalid},
    workflow::{Compensation, Step, SubWorkflow, Workflow},
};
use crate::{
    domain::{CallName, Failure, did_you_mean, refers},
    services::{CallPolicy, Registry},
};

impl Plan {
    /// Validates a workflow against the services of a registry; `find` resolves the ids of workflows
    /// that its steps run.
    ///
    /// # Errors
    ///
    /// `INVALID_WORKFLOW`, with the JSON pointer as field: no steps, a duplicate,
    /// empty or reserved id, an unknown dependency, a cycle (named as a path),
    /// `maxParallel` 0, a step that neither calls nor runs a workflow or does both,
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
    pub(super) fn from_journal(workflow: Arc<Workflow>) -> Result<Self, String> {
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
    let mut checker = StepChecker {
        indices: indices(&workflow.steps, at, faults),
        registry,
        faults,
    };
    let mut steps = Vec::with_capacity(workflow.steps.len());
    for (index, step) in workflow.steps.iter().enumerate() {
        steps.extend(checker.step(step, index, &format!("{at}/steps/{index}")));
    }
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
        steps,
        workflow,
    })
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

/// Resolves the names in the steps of a workflow, and collects those that do not exist.
struct StepChecker<'a> {
    indices: HashMap<&'a str, usize>,
    registry: Option<&'a Registry>,
    faults: &'a mut Vec<Failure>,
}

impl StepChecker<'_> {
    fn step(&mut self, step: &Step, index: usize, at: &str) -> Option<PlannedStep> {
        let action = self.action(step, at);
        let dependencies = match &step.dependencies {
            None => index.checked_sub(1).into_iter().collect(),
            Some(names) => self.dependencies(step, names, at),
        };
        let mut recover = Vec::with_capacity(step.recover.len());
        for (position, operation) in step.recover.iter().enumerate() {
            recover.extend(self.operation(step, operation, &format!("{at}/recover/{position}")));
        }
        let compensation = match (&step.compensation, &action) {
            (None, Some(StepAction::Workflow(plan))) => {
                Some(PlannedCompensation::Workflow(Arc::clone(plan)))
            }
            (None, _) => None,
            (Some(compensation), _) => {
                let (operation, input, at) = match compensation {
                    Compensation::Named(operation) => {
                        (operation, None, format!("{at}/compensation"))
                    }
                    Compensation::With(with) => {
                        let at = format!("{at}/compensation/operation");
                        (&with.operation, with.input.clone(), at)
                    }
                };
                let call = self.operation(step, operation, &at);
                call.map(|call| PlannedCompensation::Call {
                    call,
                    input,
                    policy: Box::new(compensation.policy()),
                })
            }
        };
        let input = step.input.clone().unwrap_or_else(|| json!({}));
        Some(PlannedStep {
            id: step.id.as_str().into(),
            action: action?,
            refers: refers(&input),
            input: Arc::new(input),
            dependencies,
            dependents: Vec::new(),
            recover,
            compensation,
        })
    }

    fn dependencies(&mut self, step: &Step, names: &[String], at: &str) -> Vec<usize> {
        let mut dependencies = Vec::with_capacity(names.len());
        for (position, name) in names.iter().enumerate() {
            if let Some(index) = self.indices.get(name.as_str()) {
                dependencies.push(*index);
                continue;
            }
            let hint = did_you_mean(name, ids_by_declaration(&self.indices, &step.id));
            let id = &step.id;
            let message = format!("step {id:?} depends on {name:?}, which does not exist: {hint}");
            let at = format!("{at}/dependencies/{position}");
            self.faults.push(invalid(&at, message));
        }
        dependencies
    }

    fn action(&mut self, step: &Step, at: &str) -> Option<StepAction> {
        let id = &step.id;
        let Some(workflow) = &step.workflow else {
            let (Some(service), Some(operation)) = (&step.service, &step.operation) else {
                let message = format!(
                    "step {id:?} has neither a service and an operation to call nor a workflow to run"
                );
                self.faults.push(invalid(at, message));
                return None;
            };
            let call = CallName::new(service, operation);
            self.exists(&call, |what| format!("{at}/{what}"));
            let policy = CallPolicy {
                timeout: step.timeout,
                retry: step.retry.clone(),
                ..CallPolicy::default()
            };
            return Some(StepAction::Call { call, policy });
        };
        let for_calls_only = [
            ("service", step.service.is_some()),
            ("operation", step.operation.is_some()),
            ("timeout", step.timeout.is_some()),
            ("retry", step.retry.is_some()),
            ("recover", !step.recover.is_empty()),
            ("partiallyEffective", step.partially_effective),
        ];
        if id.contains('~') {
            let message =
                format!("the step id {id:?} must not have a tilde, which numbers child runs");
            self.faults.push(invalid(&format!("{at}/id"), message));
        }
        for (field, _) in for_calls_only.iter().filter(|(_, given)| *given) {
            let message =
                format!("step {id:?} runs a workflow: {field:?} is for steps that make a call");
            self.faults.push(invalid(&format!("{at}/{field}"), message));
        }
        // An id that could not be resolved is a fault already.
        let SubWorkflow::Defined(workflow) = workflow else {
            return None;
        };
        let at = format!("{at}/workflow");
        let plan = build(Arc::clone(workflow), self.registry, &at, self.faults)?;
        Some(StepAction::Workflow(Arc::new(plan)))
    }

    /// The call of a single field: `Service.operation`, or an operation of the step's service.
    fn operation(&mut self, step: &Step, name: &str, at: &str) -> Option<CallName> {
        let call = match (name.parse(), &step.service) {
            (Ok(call), _) => call,
            (Err(_), Some(service)) => CallName::new(service, name),
            (Err(_), None) => {
                let message = format!("{name:?} does not name a service, and the step has none");
                self.faults.push(invalid(at, message));
                return None;
            }
        };
        self.exists(&call, |_| at.to_owned());
        Some(call)
    }

    fn exists(&mut self, call: &CallName, at: impl FnOnce(&str) -> String) {
        let found = self
            .registry
            .map_or(Ok(()), |registry| registry.check(call));
        if let Err(unknown) = found {
            let failure = unknown.failure(call).field(at(unknown.what));
            self.faults.push(failure);
        }
    }
}

fn ids_by_declaration<'a>(indices: &HashMap<&'a str, usize>, except: &str) -> Vec<&'a str> {
    let mut names: Vec<_> = indices
        .iter()
        .filter(|(name, _)| **name != except)
        .collect();
    names.sort_by_key(|(_, index)| **index);
    names.into_iter().map(|(name, _)| *name).collect()
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

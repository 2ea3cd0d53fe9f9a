use std::{collections::HashMap, sync::Arc};

use serde_json::json;

use super::{
    plan::{Plan, PlannedCompensation, PlannedStep, Task},
    workflow::{Compensation, Step, SubWorkflow},
};
use crate::{
    domain::{CallName, Failure, code, did_you_mean, refers},
    services::{CallPolicy, Registry},
};

pub(super) fn invalid(pointer: &str, message: impl Into<String>) -> Failure {
    Failure::new(code::INVALID_WORKFLOW, message).field(pointer)
}

/// The index of each step, by id.
pub(super) fn indices<'a>(
    steps: &'a [Step],
    at: &str,
    faults: &mut Vec<Failure>,
) -> HashMap<&'a str, usize> {
    let mut indices = HashMap::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let message = match step.id.as_str() {
            "" => "a step's id is not empty".to_owned(),
            "input" => "no step may be called \"input\": the run's input is kept there".to_owned(),
            id if id.contains('/') => format!("the step id {id:?} has a slash"),
            id => match indices.insert(id, index) {
                None => continue,
                Some(first) => format!("the step id {id:?} is taken by {at}/steps/{first}"),
            },
        };
        faults.push(invalid(&format!("{at}/steps/{index}/id"), message));
    }
    indices
}

/// Looks up the names in the steps of a workflow, and notes those that do not exist.
pub(super) struct Check<'a> {
    pub indices: HashMap<&'a str, usize>,
    /// Where services are looked up, if they are.
    pub registry: Option<&'a Registry>,
    pub faults: &'a mut Vec<Failure>,
}

impl Check<'_> {
    pub fn step(&mut self, step: &Step, index: usize, at: &str) -> Option<PlannedStep> {
        let task = self.task(step, at);
        let dependencies = match &step.dependencies {
            None => index.checked_sub(1).into_iter().collect(),
            Some(names) => self.dependencies(step, names, at),
        };
        let mut recover = Vec::with_capacity(step.recover.len());
        for (position, operation) in step.recover.iter().enumerate() {
            recover.extend(self.operation(step, operation, &format!("{at}/recover/{position}")));
        }
        let compensation = match (&step.compensation, &task) {
            (None, Some(Task::Workflow(plan))) => {
                Some(PlannedCompensation::Workflow(Arc::clone(plan)))
            }
            (None, _) => None,
            (Some(compensation), _) => {
                let (operation, input, at) = match compensation {
                    Compensation::Named(operation) => {
                        (operation, None, format!("{at}/compensation"))
                    }
                    Compensation::With(with) => (
                        &with.operation,
                        with.input.clone(),
                        format!("{at}/compensation/operation"),
                    ),
                };
                let call = self.operation(step, operation, &at);
                call.map(|call| PlannedCompensation::Call { call, input })
            }
        };
        let input = step.input.clone().unwrap_or_else(|| json!({}));
        Some(PlannedStep {
            id: step.id.as_str().into(),
            task: task?,
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
            let hint = did_you_mean(name, sorted(&self.indices, &step.id));
            let id = &step.id;
            let message = format!("step {id:?} depends on {name:?}, which does not exist: {hint}");
            let at = format!("{at}/dependencies/{position}");
            self.faults.push(invalid(&at, message));
        }
        dependencies
    }

    fn task(&mut self, step: &Step, at: &str) -> Option<Task> {
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
            return Some(Task::Call { call, policy });
        };
        let of_calls = [
            ("service", step.service.is_some()),
            ("operation", step.operation.is_some()),
            ("timeout", step.timeout.is_some()),
            ("retry", step.retry.is_some()),
            ("recover", !step.recover.is_empty()),
            ("partiallyEffective", step.partially_effective),
        ];
        if id.contains('~') {
            let message =
                format!("the step id {id:?} has a tilde, which numbers the runs of its workflow");
            self.faults.push(invalid(&format!("{at}/id"), message));
        }
        for (field, _) in of_calls.iter().filter(|(_, given)| *given) {
            let message = format!("step {id:?} runs a workflow, {field:?} is for steps that call");
            self.faults.push(invalid(&format!("{at}/{field}"), message));
        }
        // One that is still named could not be put in its place, which is a fault already.
        let SubWorkflow::Defined(inner) = workflow else {
            return None;
        };
        let at = format!("{at}/workflow");
        let plan = Plan::of_closed(Arc::clone(inner), self.registry, &at, self.faults)?;
        Some(Task::Workflow(Arc::new(plan)))
    }

    /// A call that is named in one field: `Service.operation`, or an operation of the step's service.
    fn operation(&mut self, step: &Step, name: &str, at: &str) -> Option<CallName> {
        let call = match (name.parse(), &step.service) {
            (Ok(call), _) => call,
            (Err(_), Some(service)) => CallName::new(service, name),
            (Err(_), None) => {
                let message = format!("{name:?} names no service, and the step has none");
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

fn sorted<'a>(indices: &HashMap<&'a str, usize>, but: &str) -> Vec<&'a str> {
    let mut names: Vec<_> = indices.iter().filter(|(name, _)| **name != but).collect();
    names.sort_by_key(|(_, index)| **index);
    names.into_iter().map(|(name, _)| *name).collect()
}

/// Finds a cycle by taking away, again and again, the steps that wait for none that is left; the step
/// declared first stands first, and last.
pub(super) fn cycle(steps: &[PlannedStep]) -> Option<Vec<usize>> {
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
    // Every step that is left waits for another that is left: follow them until one repeats.
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
    // Named from the step declared first, so that the message does not depend on the search.
    let first = (0..cycle.len())
        .min_by_key(|&position| cycle[position])
        .unwrap_or(0);
    cycle.rotate_left(first);
    cycle.push(cycle[0]);
    Some(cycle)
}

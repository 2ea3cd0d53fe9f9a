use std::{collections::HashMap, sync::Arc};

use serde_json::{Value, json};

use super::{
    reference,
    workflow::{Compensation, Step, Workflow},
};
use crate::{
    domain::{CallName, Failure, code, did_you_mean},
    services::{CallPolicy, Registry},
};

/// A workflow that was checked, ready to run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) workflow: Arc<Workflow>,
    pub(super) id: Arc<str>,
    pub(super) steps: Vec<PlannedStep>,
}

/// A step with its names looked up.
#[derive(Clone, Debug)]
pub(super) struct PlannedStep {
    pub id: Arc<str>,
    pub call: CallName,
    pub input: Arc<Value>,
    /// Whether the input refers to data of the run.
    pub refers: bool,
    pub policy: CallPolicy,
    /// Indices of the steps it waits for.
    pub dependencies: Vec<usize>,
    pub compensation: Option<PlannedCompensation>,
}

/// A compensation with its names looked up.
#[derive(Clone, Debug)]
pub(super) struct PlannedCompensation {
    pub call: CallName,
    pub input: Option<Value>,
}

impl Plan {
    /// Checks a workflow against the services that take part.
    ///
    /// # Errors
    ///
    /// `INVALID_WORKFLOW`, with the JSON pointer as field: no steps, a duplicate,
    /// empty or reserved id, an unknown dependency, a cycle (named as a path),
    /// `maxParallel` 0. `SERVICE_NOT_FOUND` or `OPERATION_NOT_FOUND` for a step or
    /// a compensation.
    pub fn new(workflow: Arc<Workflow>, registry: &Registry) -> Result<Self, Box<Failure>> {
        if workflow.steps.is_empty() {
            return Err(invalid("/steps", "a workflow has at least one step"));
        }
        if workflow.max_parallel == 0 {
            return Err(invalid("/maxParallel", "at least one step runs at a time"));
        }
        let indices = indices(&workflow.steps)?;
        let mut steps = Vec::with_capacity(workflow.steps.len());
        for (index, step) in workflow.steps.iter().enumerate() {
            steps.push(planned(index, step, &indices, registry)?);
        }
        check_acyclic(&steps)?;
        Ok(Self {
            id: workflow.id.as_str().into(),
            steps,
            workflow,
        })
    }

    /// The workflow's id.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// The workflow as it was defined.
    pub fn workflow(&self) -> &Arc<Workflow> {
        &self.workflow
    }
}

fn invalid(pointer: &str, message: impl Into<String>) -> Box<Failure> {
    Box::new(Failure::new(code::INVALID_WORKFLOW, message).field(pointer))
}

fn indices(steps: &[Step]) -> Result<HashMap<&str, usize>, Box<Failure>> {
    let mut indices = HashMap::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let pointer = format!("/steps/{index}/id");
        match step.id.as_str() {
            "" => return Err(invalid(&pointer, "a step's id is not empty")),
            "input" => {
                let message = "no step may be called \"input\": the run's input is kept there";
                return Err(invalid(&pointer, message));
            }
            id if id.contains('/') => {
                return Err(invalid(&pointer, format!("the step id {id:?} has a slash")));
            }
            id => {
                if let Some(first) = indices.insert(id, index) {
                    let message = format!("the step id {id:?} is taken by /steps/{first}");
                    return Err(invalid(&pointer, message));
                }
            }
        }
    }
    Ok(indices)
}

fn planned(
    index: usize,
    step: &Step,
    indices: &HashMap<&str, usize>,
    registry: &Registry,
) -> Result<PlannedStep, Box<Failure>> {
    let call = CallName::new(&step.service, &step.operation);
    check_call(&call, registry, &format!("/steps/{index}"))?;
    let dependencies = match &step.dependencies {
        None => index.checked_sub(1).into_iter().collect(),
        Some(names) => names
            .iter()
            .enumerate()
            .map(|(position, name)| {
                indices.get(name.as_str()).copied().ok_or_else(|| {
                    let hint = did_you_mean(name, sorted(indices, &step.id));
                    invalid(
                        &format!("/steps/{index}/dependencies/{position}"),
                        format!(
                            "step {:?} depends on {name:?}, which does not exist: {hint}",
                            step.id
                        ),
                    )
                })
            })
            .collect::<Result<_, _>>()?,
    };
    let compensation = step.compensation.as_ref().map(|compensation| {
        let (operation, input) = match compensation {
            Compensation::Named(operation) => (operation, None),
            Compensation::With(with) => (&with.operation, with.input.clone()),
        };
        let call = operation
            .parse()
            .unwrap_or_else(|_| CallName::new(&step.service, operation));
        PlannedCompensation { call, input }
    });
    if let Some(compensation) = &compensation {
        check_call(
            &compensation.call,
            registry,
            &format!("/steps/{index}/compensation"),
        )?;
    }
    let input = step.input.clone().unwrap_or_else(|| json!({}));
    Ok(PlannedStep {
        id: step.id.as_str().into(),
        call,
        refers: reference::any(&input),
        input: Arc::new(input),
        policy: CallPolicy {
            timeout: step.timeout,
            retry: step.retry,
        },
        dependencies,
        compensation,
    })
}

fn check_call(call: &CallName, registry: &Registry, pointer: &str) -> Result<(), Box<Failure>> {
    registry.check(call).map_err(|unknown| {
        let pointer = match unknown.what {
            what if pointer.ends_with("compensation") => {
                pointer.to_owned() + if what == "service" { "" } else { "/operation" }
            }
            what => format!("{pointer}/{what}"),
        };
        Box::new(unknown.failure(call).field(pointer))
    })
}

fn sorted<'a>(indices: &HashMap<&'a str, usize>, but: &str) -> Vec<&'a str> {
    let mut names: Vec<_> = indices.iter().filter(|(name, _)| **name != but).collect();
    names.sort_by_key(|(_, index)| **index);
    names.into_iter().map(|(name, _)| *name).collect()
}

/// Finds a cycle by taking away, again and again, the steps that wait for none that is left.
fn check_acyclic(steps: &[PlannedStep]) -> Result<(), Box<Failure>> {
    let mut waits: Vec<usize> = steps.iter().map(|step| step.dependencies.len()).collect();
    let mut dependents = vec![Vec::new(); steps.len()];
    for (index, step) in steps.iter().enumerate() {
        for &dependency in &step.dependencies {
            dependents[dependency].push(index);
        }
    }
    let mut free: Vec<usize> = (0..steps.len())
        .filter(|&index| waits[index] == 0)
        .collect();
    while let Some(index) = free.pop() {
        for &dependent in &dependents[index] {
            waits[dependent] -= 1;
            if waits[dependent] == 0 {
                free.push(dependent);
            }
        }
    }
    let Some(start) = waits.iter().position(|&left| left > 0) else {
        return Ok(());
    };
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
    let names: Vec<&str> = cycle.iter().map(|&index| &*steps[index].id).collect();
    Err(invalid(
        &format!("/steps/{}/dependencies", cycle[0]),
        format!("the steps wait for each other: {}", names.join(" → ")),
    ))
}

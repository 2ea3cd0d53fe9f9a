use std::{collections::HashMap, sync::Arc};

use serde_json::{Value, json};

use super::{
    nesting::{self, FindWorkflow},
    reference,
    workflow::{Compensation, Step, SubWorkflow, Workflow},
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
    /// The index of each step, by id.
    indices: HashMap<Arc<str>, usize>,
}

/// A step with its names looked up.
#[derive(Clone, Debug)]
pub(super) struct PlannedStep {
    pub id: Arc<str>,
    pub task: Task,
    pub input: Arc<Value>,
    /// Whether the input refers to data of the run.
    pub refers: bool,
    /// Indices of the steps it waits for.
    pub dependencies: Vec<usize>,
    /// Indices of the steps that wait for it.
    pub dependents: Vec<usize>,
    pub recover: Vec<CallName>,
    pub compensation: Option<PlannedCompensation>,
}

/// What a step does.
#[derive(Clone, Debug)]
pub(super) enum Task {
    Call { call: CallName, policy: CallPolicy },
    Workflow(Arc<Plan>),
}

impl PlannedStep {
    /// What it calls, unless it runs a workflow.
    pub fn call(&self) -> Option<&CallName> {
        match &self.task {
            Task::Call { call, .. } => Some(call),
            Task::Workflow(_) => None,
        }
    }

    /// The workflow it runs, unless it makes a call.
    pub fn workflow(&self) -> Option<&Arc<Plan>> {
        match &self.task {
            Task::Workflow(plan) => Some(plan),
            Task::Call { .. } => None,
        }
    }
}

/// A compensation with its names looked up.
#[derive(Clone, Debug)]
pub(super) enum PlannedCompensation {
    Call {
        call: CallName,
        input: Option<Value>,
    },
    /// The workflow that the step ran undoes itself.
    Workflow,
}

impl PlannedCompensation {
    /// What it calls, unless it undoes a workflow.
    pub fn call(&self) -> Option<&CallName> {
        match self {
            Self::Call { call, .. } => Some(call),
            Self::Workflow => None,
        }
    }
}

impl Plan {
    /// Checks a workflow against the services that take part; its steps may run workflows that
    /// are defined within it.
    ///
    /// # Errors
    ///
    /// As [`Plan::finding`].
    pub fn new(workflow: Arc<Workflow>, registry: &Registry) -> Result<Self, Box<Failure>> {
        Self::finding(&workflow, registry, &|id| {
            Err(format!("the workflow {id:?} is not defined here"))
        })
    }

    /// Checks a workflow against the services that take part; `find` knows the workflows that its
    /// steps run by id.
    ///
    /// # Errors
    ///
    /// `INVALID_WORKFLOW`, with the JSON pointer as field: no steps, a duplicate,
    /// empty or reserved id, an unknown dependency, a cycle (named as a path),
    /// `maxParallel` 0, a step that neither calls nor runs a workflow or does both,
    /// an unknown workflow, workflows that run each other or lie too deep.
    /// `SERVICE_NOT_FOUND` or `OPERATION_NOT_FOUND` for a step, a recovery or a
    /// compensation.
    pub fn finding(
        workflow: &Arc<Workflow>,
        registry: &Registry,
        find: FindWorkflow<'_>,
    ) -> Result<Self, Box<Failure>> {
        Self::of_closed(nesting::closed(workflow, find)?, registry)
    }

    fn of_closed(workflow: Arc<Workflow>, registry: &Registry) -> Result<Self, Box<Failure>> {
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
        for index in 0..steps.len() {
            for dependency in steps[index].dependencies.clone() {
                steps[dependency].dependents.push(index);
            }
        }
        check_acyclic(&steps)?;
        let indices = steps.iter().enumerate();
        Ok(Self {
            id: workflow.id.as_str().into(),
            indices: indices
                .map(|(index, step)| (Arc::clone(&step.id), index))
                .collect(),
            steps,
            workflow,
        })
    }

    /// The index of a step.
    pub(super) fn index(&self, step: &str) -> Option<usize> {
        self.indices.get(step).copied()
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

pub(super) fn invalid(pointer: &str, message: impl Into<String>) -> Box<Failure> {
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
    let pointer = format!("/steps/{index}");
    let task = task(step, &pointer, registry)?;
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
    let of_step = |operation: &str| -> Result<CallName, Box<Failure>> {
        operation.parse().or_else(|_| match &step.service {
            Some(service) => Ok(CallName::new(service, operation)),
            None => Err(invalid(
                &pointer,
                format!(
                    "{operation:?} names no service: the step, which runs a workflow, has none"
                ),
            )),
        })
    };
    let mut recover = Vec::with_capacity(step.recover.len());
    for (position, operation) in step.recover.iter().enumerate() {
        let call = of_step(operation)?;
        check_operation(&call, registry, &format!("{pointer}/recover/{position}"))?;
        recover.push(call);
    }
    let compensation = match (&step.compensation, &task) {
        (None, Task::Workflow(_)) => Some(PlannedCompensation::Workflow),
        (None, Task::Call { .. }) => None,
        (Some(compensation), _) => {
            let (operation, input, at) = match compensation {
                Compensation::Named(operation) => (operation, None, ""),
                Compensation::With(with) => (&with.operation, with.input.clone(), "/operation"),
            };
            let call = of_step(operation)?;
            check_operation(&call, registry, &format!("{pointer}/compensation{at}"))?;
            Some(PlannedCompensation::Call { call, input })
        }
    };
    let input = step.input.clone().unwrap_or_else(|| json!({}));
    Ok(PlannedStep {
        id: step.id.as_str().into(),
        task,
        refers: reference::any(&input),
        input: Arc::new(input),
        dependencies,
        dependents: Vec::new(),
        recover,
        compensation,
    })
}

fn task(step: &Step, pointer: &str, registry: &Registry) -> Result<Task, Box<Failure>> {
    let Some(workflow) = &step.workflow else {
        let (Some(service), Some(operation)) = (&step.service, &step.operation) else {
            let message = format!(
                "step {:?} has neither a service and an operation to call nor a workflow to run",
                step.id
            );
            return Err(invalid(pointer, message));
        };
        let call = CallName::new(service, operation);
        check_call(&call, registry, pointer)?;
        let policy = CallPolicy {
            timeout: step.timeout,
            retry: step.retry,
        };
        return Ok(Task::Call { call, policy });
    };
    let of_calls = [
        ("service", step.service.is_some()),
        ("operation", step.operation.is_some()),
        ("timeout", step.timeout.is_some()),
        ("retry", step.retry.is_some()),
        ("recover", !step.recover.is_empty()),
        ("partiallyEffective", step.partially_effective),
    ];
    if let Some((field, _)) = of_calls.iter().find(|(_, given)| *given) {
        let message = format!(
            "step {:?} runs a workflow, {field:?} is for steps that call",
            step.id
        );
        return Err(invalid(&format!("{pointer}/{field}"), message));
    }
    let SubWorkflow::Defined(inner) = workflow else {
        return Err(invalid(pointer, "its workflow is not defined here"));
    };
    let plan = Plan::of_closed(Arc::clone(inner), registry).map_err(|mut failure| {
        let inner = failure.field.take().unwrap_or_default();
        failure.field = Some(format!("{pointer}/workflow{inner}"));
        failure
    })?;
    Ok(Task::Workflow(Arc::new(plan)))
}

/// Checks a call that is named in two fields, `service` and `operation`.
fn check_call(call: &CallName, registry: &Registry, pointer: &str) -> Result<(), Box<Failure>> {
    registry.check(call).map_err(|unknown| {
        let pointer = format!("{pointer}/{}", unknown.what);
        Box::new(unknown.failure(call).field(pointer))
    })
}

/// Checks a call that is named in one field.
fn check_operation(
    call: &CallName,
    registry: &Registry,
    pointer: &str,
) -> Result<(), Box<Failure>> {
    registry
        .check(call)
        .map_err(|unknown| Box::new(unknown.failure(call).field(pointer)))
}

fn sorted<'a>(indices: &HashMap<&'a str, usize>, but: &str) -> Vec<&'a str> {
    let mut names: Vec<_> = indices.iter().filter(|(name, _)| **name != but).collect();
    names.sort_by_key(|(_, index)| **index);
    names.into_iter().map(|(name, _)| *name).collect()
}

/// Finds a cycle by taking away, again and again, the steps that wait for none that is left.
fn check_acyclic(steps: &[PlannedStep]) -> Result<(), Box<Failure>> {
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

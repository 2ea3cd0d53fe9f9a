use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

use super::{
    check::{Check, cycle, indices, invalid},
    nesting::{self, FindWorkflow},
    workflow::Workflow,
};
use crate::{
    domain::{CallName, Failure},
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
    Workflow(Arc<Plan>),
}

impl PlannedCompensation {
    /// What it calls, unless it undoes a workflow.
    pub fn call(&self) -> Option<&CallName> {
        match self {
            Self::Call { call, .. } => Some(call),
            Self::Workflow(_) => None,
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
    pub fn new(workflow: &Arc<Workflow>, registry: &Registry) -> Result<Self, Box<Failure>> {
        Self::finding(workflow, registry, &|id| {
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
        Self::checked(workflow, registry, find).map_err(|faults| {
            let mut faults = faults.into_iter();
            let mut first = Box::new(faults.next().unwrap_or_else(|| invalid("", "it is faulty")));
            first.causes = faults.collect();
            first
        })
    }

    /// As [`Plan::finding`], with every fault of the definition.
    ///
    /// # Errors
    ///
    /// The faults, at least one.
    pub fn checked(
        workflow: &Arc<Workflow>,
        registry: &Registry,
        find: FindWorkflow<'_>,
    ) -> Result<Self, Vec<Failure>> {
        let mut faults = Vec::new();
        let closed = nesting::closed(workflow, find, &mut faults);
        let plan = Self::of_closed(closed, Some(registry), "", &mut faults);
        match plan {
            Some(plan) if faults.is_empty() => Ok(plan),
            _ => Err(faults),
        }
    }

    /// The plan of a workflow that was checked when its run began; services may have left since.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn recorded(workflow: Arc<Workflow>) -> Result<Self, String> {
        let mut faults = Vec::new();
        Self::of_closed(workflow, None, "", &mut faults).ok_or_else(|| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            faults.join("; ")
        })
    }

    /// The plan of a workflow that stands at a JSON pointer; none if it has faults, which are added.
    ///
    /// Without a registry any service will do.
    pub(super) fn of_closed(
        workflow: Arc<Workflow>,
        registry: Option<&Registry>,
        at: &str,
        faults: &mut Vec<Failure>,
    ) -> Option<Self> {
        let before = faults.len();
        if workflow.id.is_empty() || workflow.id.contains('/') {
            let message = "a workflow's id is not empty and has no slash";
            faults.push(invalid(&format!("{at}/id"), message));
        }
        if workflow.steps.is_empty() {
            let message = "a workflow has at least one step";
            faults.push(invalid(&format!("{at}/steps"), message));
        }
        if workflow.max_parallel == 0 {
            let message = "at least one step runs at a time";
            faults.push(invalid(&format!("{at}/maxParallel"), message));
        }
        let mut check = Check {
            indices: indices(&workflow.steps, at, faults),
            registry,
            faults,
        };
        let mut steps = Vec::with_capacity(workflow.steps.len());
        for (index, step) in workflow.steps.iter().enumerate() {
            steps.extend(check.step(step, index, &format!("{at}/steps/{index}")));
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
        Some(Self {
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

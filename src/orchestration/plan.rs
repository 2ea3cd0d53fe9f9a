use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

use super::{Workflow, wait::Wait};
use crate::{
    domain::{CallName, Failure, code},
    services::CallPolicy,
};

/// A validated workflow, ready to run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) workflow: Arc<Workflow>,
    pub(super) id: Arc<str>,
    pub(super) steps: Vec<PlannedStep>,
    /// The step that is the point of no return.
    pub(super) pivot: Option<usize>,
    /// The types of the events that its steps wait for, and those of the workflows that they run.
    pub(super) event_types: Vec<Arc<str>>,
    /// The index of each step, by id.
    pub(super) indices: HashMap<Arc<str>, usize>,
}

/// A step with its names resolved.
#[derive(Clone, Debug)]
pub(super) struct PlannedStep {
    pub id: Arc<str>,
    pub action: StepAction,
    pub input: Arc<Value>,
    /// Whether the input refers to data of the run.
    pub refers: bool,
    /// The indices of the steps it waits for.
    pub dependencies: Vec<usize>,
    /// The indices of the steps that wait for it.
    pub dependents: Vec<usize>,
    pub recover: Vec<CallName>,
    pub compensation: Option<PlannedCompensation>,
}

/// What a step does.
#[derive(Clone, Debug)]
pub(super) enum StepAction {
    Call { call: CallName, policy: CallPolicy },
    Workflow(Arc<Plan>),
    Wait(Wait),
}

impl PlannedStep {
    /// What it calls, if it makes a call.
    pub fn call(&self) -> Option<&CallName> {
        match &self.action {
            StepAction::Call { call, .. } => Some(call),
            StepAction::Workflow(_) | StepAction::Wait(_) => None,
        }
    }

    /// The workflow it runs, if it runs one.
    pub fn workflow(&self) -> Option<&Arc<Plan>> {
        match &self.action {
            StepAction::Workflow(plan) => Some(plan),
            StepAction::Call { .. } | StepAction::Wait(_) => None,
        }
    }

    /// What it waits for, if it waits.
    pub fn wait(&self) -> Option<&Wait> {
        match &self.action {
            StepAction::Wait(wait) => Some(wait),
            StepAction::Call { .. } | StepAction::Workflow(_) => None,
        }
    }
}

/// A compensation with its names resolved.
#[derive(Clone, Debug)]
pub(super) enum PlannedCompensation {
    Call {
        call: CallName,
        input: Option<Value>,
        policy: Box<CallPolicy>,
    },
    /// The step's child run undoes itself.
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
    /// The index of a step.
    pub(super) fn index(&self, step: &str) -> Option<usize> {
        self.indices.get(step).copied()
    }

    /// The id of the workflow.
    pub fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// The types of the events that its steps wait for.
    #[cfg(feature = "sqlite")]
    pub(crate) fn event_types(&self) -> &[Arc<str>] {
        &self.event_types
    }

    /// The workflow, with the definitions of all that its steps run.
    pub fn workflow(&self) -> &Arc<Workflow> {
        &self.workflow
    }
}

/// A fault of a definition, at a JSON pointer.
pub(super) fn invalid(pointer: &str, message: impl Into<String>) -> Failure {
    Failure::new(code::INVALID_WORKFLOW, message).field(pointer)
}

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::json;

use super::{
    approval::Approval,
    plan::{Plan, PlannedCompensation, PlannedStep, StepAction, invalid},
    wait::Wait,
    workflow::{Compensation, Step, SubWorkflow, Workflow},
};
use crate::{
    domain::{CallName, Failure, did_you_mean, format_duration, refers},
    services::{CallPolicy, Registry},
};

/// Makes the plan of the workflow at a JSON pointer; `None` if it has faults, which are added.
type Build<'a> =
    &'a dyn Fn(Arc<Workflow>, Option<&Registry>, &str, &mut Vec<Failure>) -> Option<Plan>;

/// Resolves the names in the steps of a workflow, and collects those that do not exist.
pub(super) struct StepChecker<'a> {
    pub indices: HashMap<&'a str, usize>,
    pub registry: Option<&'a Registry>,
    pub faults: &'a mut Vec<Failure>,
    /// Makes the plan of a workflow that a step runs.
    pub build: Build<'a>,
}

impl StepChecker<'_> {
    pub fn step(&mut self, step: &Step, index: usize, at: &str) -> Option<PlannedStep> {
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
        self.check_times(step, at);
        if let Some(approval) = &step.approval {
            return self.approval(step, approval, at);
        }
        if let Some(wait) = &step.wait {
            return self.wait(step, wait, at);
        }
        let Some(workflow) = &step.workflow else {
            let (Some(service), Some(operation)) = (&step.service, &step.operation) else {
                let message = format!(
                    "step {id:?} has neither a service and an operation to call, nor a workflow to run, nor anything to wait for or to have approved"
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
        self.refuse_fields(
            |field| format!("step {id:?} runs a workflow: {field:?} is for steps that make a call"),
            &[
                ("service", step.service.is_some()),
                ("operation", step.operation.is_some()),
                ("recover", !step.recover.is_empty()),
                ("partiallyEffective", step.partially_effective),
            ],
            at,
        );
        if id.contains('~') {
            let message =
                format!("the step id {id:?} must not have a tilde, which numbers child runs");
            self.faults.push(invalid(&format!("{at}/id"), message));
        }
        // An id that could not be resolved is a fault already.
        let SubWorkflow::Defined(workflow) = workflow else {
            return None;
        };
        let at = format!("{at}/workflow");
        let plan = (self.build)(Arc::clone(workflow), self.registry, &at, self.faults)?;
        Some(StepAction::Workflow(Arc::new(plan)))
    }

    /// Refuses the fields of steps that do something.
    fn refuse_work(&mut self, step: &Step, what: &str, at: &str) {
        let id = &step.id;
        self.refuse_fields(
            |field| format!("step {id:?} {what}, and so can have no {field:?}"),
            &[
                ("service", step.service.is_some()),
                ("operation", step.operation.is_some()),
                ("workflow", step.workflow.is_some()),
                ("timeout", step.timeout.is_some()),
                ("within", step.within.is_some()),
                ("retry", step.retry.is_some()),
                ("partiallyEffective", step.partially_effective),
            ],
            at,
        );
    }

    fn approval(&mut self, step: &Step, approval: &Approval, at: &str) -> Option<StepAction> {
        const WHAT: &str = "waits for an approval";
        self.refuse_work(step, WHAT, at);
        let id = &step.id;
        self.refuse_fields(
            |field| format!("step {id:?} {WHAT}, and so can have no {field:?}"),
            &[
                ("wait", step.wait.is_some()),
                // Neither may do in place of it what was not approved.
                ("recover", !step.recover.is_empty()),
                ("optional", step.optional),
            ],
            at,
        );
        let (field, message) = if approval.what.trim().is_empty() {
            ("for", "waits for an approval of nothing")
        } else if approval.timeout.is_zero() {
            ("timeout", "waits for an approval for no time")
        } else if approval.approvers.iter().any(|name| name.trim().is_empty()) {
            (
                "approvers",
                "waits for the approval of somebody without a name",
            )
        } else {
            return Some(StepAction::Wait(Wait::Approval(approval.clone())));
        };
        let message = format!("step {id:?} {message}");
        let at = format!("{at}/approval/{field}");
        self.faults.push(invalid(&at, message));
        None
    }

    fn wait(&mut self, step: &Step, wait: &Wait, at: &str) -> Option<StepAction> {
        let id = &step.id;
        self.refuse_work(step, "waits", at);
        let (field, message) = match wait {
            Wait::For(Duration::ZERO) => ("wait", "waits for no time"),
            Wait::Event(event) if event.event.is_empty() => {
                ("wait/event", "waits for an event without a type")
            }
            Wait::Event(event) if event.timeout == Some(Duration::ZERO) => {
                ("wait/timeout", "waits for an event for no time")
            }
            _ => return Some(StepAction::Wait(wait.clone())),
        };
        let message = format!("step {id:?} {message}");
        self.faults.push(invalid(&format!("{at}/{field}"), message));
        None
    }

    fn refuse_fields(&mut self, why: impl Fn(&str) -> String, fields: &[(&str, bool)], at: &str) {
        for (field, _) in fields.iter().filter(|(_, given)| *given) {
            self.faults
                .push(invalid(&format!("{at}/{field}"), why(field)));
        }
    }

    fn check_times(&mut self, step: &Step, at: &str) {
        if let (Some(within), Some(timeout)) = (step.within, step.timeout)
            && within < timeout
        {
            let (within, timeout) = (format_duration(within), format_duration(timeout));
            let message = format!(
                "step {:?} has {within} for all its tries, less than the {timeout} that one may take",
                step.id
            );
            self.faults.push(invalid(&format!("{at}/within"), message));
        }
    }

    /// The step that is the point of no return: it says so, or the workflow that it runs has one.
    pub fn pivot(&mut self, steps: &[Step], planned: &[PlannedStep], at: &str) -> Option<usize> {
        let mut pivots = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            let of_step = planned.iter().find(|planned| *planned.id == *step.id);
            let plan = of_step.and_then(PlannedStep::workflow);
            let has_one = plan.is_some_and(|plan| plan.pivot.is_some());
            if step.pivot || has_one {
                let field = if step.pivot { "pivot" } else { "workflow" };
                pivots.push((index, format!("{at}/steps/{index}/{field}")));
            }
        }
        let first = pivots.first()?.0;
        for (index, pointer) in &pivots {
            let id = &steps[*index].id;
            if *index != first {
                let first = &steps[first].id;
                let message = format!(
                    "step {id:?} is a second pivot, after step {first:?}: a workflow has one point of no return"
                );
                self.faults.push(invalid(pointer, message));
            }
            if steps[*index].optional {
                let message = format!("step {id:?} is the pivot, and so cannot be optional");
                let pointer = format!("{at}/steps/{index}/optional");
                self.faults.push(invalid(&pointer, message));
            }
        }
        Some(first)
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

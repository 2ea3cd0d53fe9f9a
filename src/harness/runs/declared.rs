use std::sync::Arc;

use super::Runs;
use crate::{
    domain::{Failure, did_you_mean},
    orchestration::{CrashPoint, Plan, RunError, SubWorkflow, Workflow},
};

impl Runs {
    /// Makes this the scenario's workflow; its steps can run those that were declared before.
    ///
    /// # Errors
    ///
    /// If references in its inputs lead nowhere. Faults that only its services show are found when
    /// it is to run.
    pub fn declare(&mut self, workflow: Arc<Workflow>) -> Result<(), String> {
        let faults = workflow.reference_faults();
        if !faults.is_empty() {
            let faults = faults.into_iter().map(|fault| {
                let pointer = fault.field.unwrap_or_default();
                format!("\n  at {pointer}: {}", fault.message)
            });
            let faults: String = faults.collect();
            return Err(format!(
                "the workflow {:?} is not valid:{faults}",
                workflow.id
            ));
        }
        self.others.extend(self.workflow.replace(workflow));
        Ok(())
    }

    /// The workflow, to be changed for this scenario.
    ///
    /// # Errors
    ///
    /// If none was declared.
    pub fn workflow_mut(&mut self) -> Result<&mut Workflow, String> {
        self.workflow
            .as_mut()
            .map(Arc::make_mut)
            .ok_or_else(no_workflow)
    }

    /// Declares a crash at a step of the workflow, the next or the n-th time that it gets there.
    ///
    /// # Errors
    ///
    /// If there is no workflow, it has no such step (`<step>/<child's step>` in a child run), or the
    /// step has no compensation.
    pub fn crash(
        &mut self,
        point: CrashPoint,
        step: &str,
        occurrence: Option<u32>,
        at: Arc<str>,
    ) -> Result<(), String> {
        self.check_crash(point, step)?;
        self.crashes.declare(point, step, occurrence, at);
        Ok(())
    }

    /// Checks that the workflow has the step and can crash there.
    pub(super) fn check_crash(&self, point: CrashPoint, step: &str) -> Result<(), String> {
        let mut workflow = Arc::clone(self.workflow.as_ref().ok_or_else(no_workflow)?);
        let mut path = step.split('/').peekable();
        while let Some(id) = path.next() {
            let Some(found) = workflow.steps.iter().find(|step| step.id == id) else {
                let ids = workflow.steps.iter().map(|step| step.id.as_str());
                return Err(format!(
                    "step {id:?} does not exist in workflow {:?}: {}",
                    workflow.id,
                    did_you_mean(id, ids)
                ));
            };
            workflow = match (&found.workflow, path.peek()) {
                (_, None) => {
                    let is_undone = found.compensation.is_some() || found.workflow.is_some();
                    if point.is_compensation() && !is_undone {
                        return Err(format!("step {id:?} has no compensation to crash in"));
                    }
                    break;
                }
                (Some(SubWorkflow::Named(name)), _) => self.find(name)?,
                (Some(SubWorkflow::Defined(child)), _) => Arc::clone(child),
                (None, Some(_)) => return Err(format!("step {id:?} does not run a workflow")),
            };
        }
        Ok(())
    }

    /// The ids of all steps of the workflows that are declared, and of those that they run.
    pub(crate) fn steps(&self) -> Vec<String> {
        let mut open: Vec<_> = self.others.iter().chain(&self.workflow).cloned().collect();
        let mut read = Vec::new();
        let mut steps = Vec::new();
        while let Some(workflow) = open.pop() {
            if read.contains(&workflow) {
                continue;
            }
            for step in &workflow.steps {
                steps.push(step.id.clone());
                open.extend(match &step.workflow {
                    Some(SubWorkflow::Named(name)) => self.find(name).ok(),
                    Some(SubWorkflow::Defined(child)) => Some(Arc::clone(child)),
                    None => None,
                });
            }
            read.push(workflow);
        }
        steps
    }

    pub(super) fn plan(&self) -> Result<Result<Arc<Plan>, RunError>, String> {
        let workflow = self.workflow.as_ref().ok_or_else(no_workflow)?;
        let refused = |failure: Box<Failure>| RunError::Refused(failure);
        let plan = Plan::new(workflow, self.client.registry(), &|id| self.find(id));
        Ok(plan.map(Arc::new).map_err(refused))
    }

    /// A workflow by id: the last one declared, else one of the fixtures.
    fn find(&self, id: &str) -> Result<Arc<Workflow>, String> {
        let declared = || self.others.iter().chain(&self.workflow);
        if let Some(found) = declared().rev().find(|workflow| workflow.id == id) {
            return Ok(Arc::clone(found));
        }
        match &self.fixtures {
            Some(fixtures) => fixtures.workflow(id).map_err(|error| error.to_string()),
            None => {
                let hint = did_you_mean(id, declared().map(|workflow| workflow.id.as_str()));
                Err(format!("workflow {id:?} does not exist: {hint}"))
            }
        }
    }
}

fn no_workflow() -> String {
    "no workflow is declared: begin with `Given the workflow \"<id>\"` or `Given the workflow:`"
        .to_owned()
}

use std::sync::Arc;

use super::Runs;
use crate::{
    domain::{Failure, Locked, code, did_you_mean},
    harness::fixtures::Fixtures,
    orchestration::{CrashPoint, Plan, RunError, SubWorkflow, Workflow},
    services::Registry,
};

/// Whether there are events of a type.
type CheckEvent = Arc<dyn Fn(&str) -> Result<(), Box<Failure>> + Send + Sync>;

/// The workflows that a scenario declares, and those of the fixtures.
///
/// A handle: clones share them.
#[derive(Clone, Default)]
pub(super) struct Declared(Arc<Locked<DeclaredWorkflows>>);

#[derive(Default)]
struct DeclaredWorkflows {
    /// The last is the scenario's workflow; its steps may run those before it.
    workflows: Vec<Arc<Workflow>>,
    fixtures: Option<Fixtures>,
    /// `None` where the Cargo feature `messaging` is off.
    check_event: Option<CheckEvent>,
}

impl Declared {
    pub fn use_fixtures(&self, fixtures: Fixtures) {
        self.0.lock().fixtures = Some(fixtures);
    }

    #[cfg(feature = "messaging")]
    pub fn check_events(&self, check: CheckEvent) {
        self.0.lock().check_event = Some(check);
    }

    fn add(&self, workflow: Arc<Workflow>) -> Result<(), String> {
        let mut declared = self.0.lock();
        let starts = |workflow: &Workflow| workflow.started_by.is_some();
        let mut others = declared.workflows.iter();
        if starts(&workflow) && others.any(|it| it.id == workflow.id && starts(it)) {
            let id = &workflow.id;
            return Err(format!(
                "the workflow {id:?}, whose runs events start, is declared already: runs of both would have the same ids, \
                 \"{id}-<event>\", at /id"
            ));
        }
        declared.workflows.push(workflow);
        Ok(())
    }

    fn change(&self, change: impl FnOnce(&mut Workflow)) -> Result<(), String> {
        let mut declared = self.0.lock();
        let workflow = declared.workflows.last_mut().ok_or_else(no_workflow)?;
        change(Arc::make_mut(workflow));
        Ok(())
    }

    /// The scenario's workflow.
    pub fn last(&self) -> Result<Arc<Workflow>, String> {
        let declared = self.0.lock();
        declared.workflows.last().cloned().ok_or_else(no_workflow)
    }

    /// A workflow by id: the last one declared, else one of the fixtures.
    pub fn find(&self, id: &str) -> Result<Arc<Workflow>, String> {
        let declared = self.0.lock();
        let mut workflows = declared.workflows.iter().rev();
        if let Some(found) = workflows.find(|workflow| workflow.id == id) {
            return Ok(Arc::clone(found));
        }
        match &declared.fixtures {
            Some(fixtures) => fixtures.workflow(id).map_err(|error| error.to_string()),
            None => {
                let ids = declared.workflows.iter().map(|workflow| &*workflow.id);
                let hint = did_you_mean(id, ids);
                Err(format!("workflow {id:?} does not exist: {hint}"))
            }
        }
    }

    /// A plan of a workflow, or why it is refused.
    pub fn plan(
        &self,
        workflow: &Arc<Workflow>,
        registry: &Registry,
    ) -> Result<Arc<Plan>, RunError> {
        let plan = Plan::new(workflow, registry, &|id| self.find(id)).map_err(RunError::Refused)?;
        for (pointer, kind) in plan.workflow().events() {
            let check = self.0.lock().check_event.clone();
            let checked = match check {
                Some(check) => check(kind),
                None => Err(Box::new(Failure::new(
                    code::INVALID_WORKFLOW,
                    "events need the Cargo feature `messaging` of rehearsal, which is off",
                ))),
            };
            checked.map_err(|failure| RunError::Refused(Box::new(failure.field(&pointer))))?;
        }
        Ok(Arc::new(plan))
    }
}

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
        let started_by = workflow.started_by.clone();
        let id = workflow.id.clone();
        self.declared.add(workflow)?;
        if let Some(started_by) = started_by {
            self.start_by_events(id, started_by.event);
        }
        Ok(())
    }

    /// Changes the workflow for this scenario.
    ///
    /// # Errors
    ///
    /// If none was declared.
    pub fn change_workflow(&mut self, change: impl FnOnce(&mut Workflow)) -> Result<(), String> {
        self.declared.change(change)
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
        let workflow = self.declared.last()?;
        let named = format!("workflow {:?}", workflow.id);
        self.check_crash_in(workflow, &named, point, step)
    }

    pub(super) fn check_crash_in(
        &self,
        mut workflow: Arc<Workflow>,
        named: &str,
        point: CrashPoint,
        step: &str,
    ) -> Result<(), String> {
        let mut path = step.split('/').peekable();
        while let Some(id) = path.next() {
            let Some(found) = workflow.steps.iter().find(|step| step.id == id) else {
                let ids = workflow.steps.iter().map(|step| step.id.as_str());
                let hint = did_you_mean(id, ids);
                return Err(format!("step {id:?} does not exist in {named}: {hint}"));
            };
            workflow = match (&found.workflow, path.peek()) {
                (_, None) => {
                    let acts = matches!(point, CrashPoint::BeforeActing | CrashPoint::AfterActing);
                    if acts && found.service.is_none() && found.workflow.is_none() {
                        return Err(format!("step {id:?} waits: no service acts in it"));
                    }
                    let is_undone = found.compensation.is_some() || found.workflow.is_some();
                    if point.is_compensation() && !is_undone {
                        return Err(format!("step {id:?} has no compensation to crash in"));
                    }
                    break;
                }
                (Some(SubWorkflow::Named(name)), _) => self.declared.find(name)?,
                (Some(SubWorkflow::Defined(child)), _) => Arc::clone(child),
                (None, Some(_)) => return Err(format!("step {id:?} does not run a workflow")),
            };
        }
        Ok(())
    }

    /// The ids of all steps of the workflows that are declared, and of those that they run.
    pub(crate) fn steps(&self) -> Vec<String> {
        let workflows = self.workflows();
        let steps = workflows.iter().flat_map(|workflow| &workflow.steps);
        steps.map(|step| step.id.clone()).collect()
    }

    /// The workflows that are declared, and those that they run.
    pub(crate) fn workflows(&self) -> Vec<Arc<Workflow>> {
        let mut open = self.declared.0.lock().workflows.clone();
        let mut read = Vec::new();
        while let Some(workflow) = open.pop() {
            if read.contains(&workflow) {
                continue;
            }
            for step in &workflow.steps {
                open.extend(match &step.workflow {
                    Some(SubWorkflow::Named(name)) => self.declared.find(name).ok(),
                    Some(SubWorkflow::Defined(child)) => Some(Arc::clone(child)),
                    None => None,
                });
            }
            read.push(workflow);
        }
        read
    }

    /// The scenario's workflow.
    ///
    /// # Errors
    ///
    /// If none was declared.
    pub(crate) fn workflow(&self) -> Result<Arc<Workflow>, String> {
        self.declared.last()
    }

    /// A plan of the scenario's workflow, or why it is refused.
    ///
    /// # Errors
    ///
    /// If none was declared.
    pub(crate) fn plan(&self) -> Result<Result<Arc<Plan>, RunError>, String> {
        let workflow = self.declared.last()?;
        Ok(self.declared.plan(&workflow, self.client.registry()))
    }
}

fn no_workflow() -> String {
    "no workflow is declared: begin with `Given the workflow \"<id>\"` or `Given the workflow:`"
        .to_owned()
}

//! The runs that carry out the plans of goals.

use std::sync::Arc;

use super::Runs;
use crate::{
    control::{Coordinator, CoordinatorDefinition},
    domain::Violation,
    orchestration::{CrashPoint, Workflow},
};

impl Runs {
    /// Kills the orchestrator's process.
    pub(crate) fn kill(&self) {
        self.orchestrator().kill();
    }

    /// Whether the orchestrator's process is alive.
    pub(crate) fn is_alive(&self) -> bool {
        self.orchestrator().is_alive()
    }

    /// Has steps about the state and the approvals of a run refer to that of a goal.
    pub(crate) fn refer_to(&mut self, run: Arc<str>) {
        self.of_goal = Some(run);
    }

    /// A coordinator whose plans this orchestrator carries out.
    ///
    /// # Errors
    ///
    /// If its definition is not valid.
    #[doc(hidden)]
    pub fn coordinator(&self, definition: CoordinatorDefinition) -> Result<Coordinator, Violation> {
        Coordinator::new(definition, Arc::clone(&self.orchestrator), &self.client)
    }

    /// Has a coordinator go on with its goals after a restart.
    #[doc(hidden)]
    pub fn set_coordinator(&mut self, coordinator: Arc<Coordinator>) {
        self.coordinator = Some(coordinator);
    }

    /// The plans that the coordinator has yet to have carried out.
    pub(super) fn open_goals(&self) -> Vec<Arc<str>> {
        let coordinator = self.coordinator.as_ref();
        coordinator.map_or_else(Vec::new, |coordinator| coordinator.open())
    }

    /// Declares a crash at a step of a plan, as at one of [a workflow](Self::crash).
    ///
    /// # Errors
    ///
    /// If its workflow has no such step.
    #[doc(hidden)]
    pub fn crash_plan(
        &mut self,
        workflow: &Arc<Workflow>,
        point: CrashPoint,
        step: &str,
        occurrence: Option<u32>,
        at: Arc<str>,
    ) -> Result<(), String> {
        self.check_crash_in(Arc::clone(workflow), "the plan", point, step)?;
        self.crashes.declare(point, step, occurrence, at);
        Ok(())
    }

    /// Declares a crash at a step of a plan that is not known yet.
    pub(crate) fn crash_any_plan(
        &mut self,
        point: CrashPoint,
        step: &str,
        occurrence: Option<u32>,
        at: Arc<str>,
    ) {
        self.crashes.declare(point, step, occurrence, at);
    }
}

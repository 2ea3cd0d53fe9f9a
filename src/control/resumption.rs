//! Goals that failed and are resumed.

use std::sync::Arc;

use super::{
    coordinator::{BegunGoal, Coordinator},
    plan::{GoalPlan, PlanStage, PlanStep},
    router::WorkerAtWork,
};
use crate::{
    domain::{Failure, IndexMap, code},
    orchestration::RunError,
};

impl Coordinator {
    /// Begins to resume a goal that failed, with other steps in place of some that have not completed. Where
    /// its worker is gone, another is chosen; where nobody is left, it fails again and can still be resumed.
    ///
    /// # Errors
    ///
    /// If the plan does not exist, resuming cannot help, a step has completed, or the orchestrator's process is
    /// dead.
    pub fn begin_resumption(
        &self,
        id: &Arc<str>,
        mended: IndexMap<usize, PlanStep>,
    ) -> Result<BegunGoal, RunError> {
        let pursuit = self.pursuit(id);
        let pursuit = pursuit.ok_or_else(|| refused(format!("the plan {id:?} does not exist")))?;
        let mut own = pursuit.lock();
        own.check_resumable().map_err(refused)?;
        let orchestrator = self.orchestrator();
        let plan = self.mended(&own.plan, mended)?;
        let workflow = plan.workflow(&own.definition).map_err(RunError::Refused)?;
        // Before a worker is chosen: a resumption that is refused leaves no decision.
        match own.is_run_as(&workflow) {
            true => orchestrator.ensure_alive()?,
            false => orchestrator.check_mended(id, &workflow)?,
        }
        own.life.begin_again();
        let former = own.routing.clone();
        let routing = match former.filter(|it| self.router.takes_plans(&it.worker)) {
            Some(routing) => routing,
            None => match self.choose(&mut own) {
                Ok(routing) => routing,
                Err(failure) => {
                    // Kept for the next resumption.
                    own.plan.steps = plan.steps;
                    return Ok(BegunGoal::ended(
                        Some(Arc::clone(id)),
                        Ok(own.fail(*failure)),
                    ));
                }
            },
        };
        let orchestrator = orchestrator.as_caller(&routing.worker);
        let run = match own.is_run_as(&workflow) {
            true => orchestrator.resume(id)?,
            false => orchestrator.resume_mended(id, &workflow)?,
        };
        own.plan = plan;
        own.workflow = workflow;
        own.advance(PlanStage::Routed);
        own.routing = Some(routing);
        own.execute();
        let worker = WorkerAtWork::begin(&self.router, own.routing.as_ref());
        drop(own);
        Ok(BegunGoal::executing(Arc::clone(id), pursuit, run, worker))
    }

    /// A plan with other steps in place of some.
    fn mended(
        &self,
        plan: &GoalPlan,
        mended: IndexMap<usize, PlanStep>,
    ) -> Result<GoalPlan, RunError> {
        let mut steps = plan.steps.clone();
        let count = steps.len();
        for (index, step) in mended {
            let own = steps.get_mut(index).ok_or_else(|| {
                let number = index + 1;
                refused(format!(
                    "the plan has {count} steps, so it has no step {number}"
                ))
            })?;
            *own = step;
        }
        GoalPlan::new(Arc::clone(&plan.id), steps, self.registry())
            .map_err(|fault| RunError::Refused(fault.failure(code::VALIDATION_FAILED)))
    }
}

pub(super) fn refused(why: String) -> RunError {
    RunError::Refused(Box::new(Failure::new(code::VALIDATION_FAILED, why)))
}

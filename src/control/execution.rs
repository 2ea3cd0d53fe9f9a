//! Goals whose plans are carried out: to their ends, after a crash, or until they are cancelled.

use std::sync::Arc;

use super::{
    coordinator::{BegunGoal, Coordinator, Progress},
    outcome::GoalOutcome,
    pursuit::Pursuit,
    resumption::refused,
    router::WorkerAtWork,
};
use crate::{
    domain::{LifecycleStage, Locked},
    orchestration::{Outcome, RunError},
};

impl Coordinator {
    /// Drives a goal to its end.
    ///
    /// # Errors
    ///
    /// If the orchestrator crashes.
    pub async fn outcome(&self, begun: BegunGoal) -> Result<GoalOutcome, RunError> {
        let (pursuit, run, _worker) = match begun.progress {
            Progress::Ended(result) => return *result,
            Progress::Executing {
                pursuit,
                run,
                worker,
            } => (pursuit, run, worker),
        };
        let outcome = run.outcome().await?;
        self.conclude(&pursuit, outcome).await?;
        let outcome = pursuit.lock().outcome.clone();
        outcome.ok_or(RunError::Crashed)
    }

    /// Goes on with a goal that a former process left open; returns how its run ended.
    ///
    /// # Errors
    ///
    /// If there is no such goal, or the orchestrator crashes.
    pub async fn take_up(&self, plan: &str) -> Result<Outcome, RunError> {
        let pursuit = self.open_pursuit(plan)?;
        let (orchestrator, has_run, _worker) = {
            let pursuit = pursuit.lock();
            let has_run = pursuit.life.stage() == LifecycleStage::Execute;
            let worker = WorkerAtWork::begin(&self.router, pursuit.routing.as_ref());
            (self.orchestrator_of(&pursuit), has_run, worker)
        };
        let outcome = match has_run {
            true => orchestrator.finish(plan).await?,
            // The process was lost before it began.
            false => self.start(&pursuit)?.outcome().await?,
        };
        self.conclude(&pursuit, outcome).await
    }

    /// Whether a plan has yet to be carried out to its end.
    pub fn is_open(&self, plan: &str) -> bool {
        self.pursuit(plan).is_some_and(|it| it.lock().is_open())
    }

    /// The outcome of a goal by its plan, unless it is still pursued.
    pub fn ended(&self, plan: &str) -> Option<GoalOutcome> {
        let pursuit = self.pursuit(plan)?;
        let pursuit = pursuit.lock();
        pursuit.outcome.clone().filter(|_| !pursuit.is_open())
    }

    /// Asks the goal with a plan to stop.
    ///
    /// # Errors
    ///
    /// If its plan is not being carried out.
    pub fn cancel(&self, plan: &str) -> Result<(), RunError> {
        self.open_pursuit(plan)?;
        self.orchestrator().cancel(plan).map(drop)
    }

    fn open_pursuit(&self, plan: &str) -> Result<Arc<Locked<Pursuit>>, RunError> {
        let open = self.pursuit(plan).filter(|it| it.lock().is_open());
        open.ok_or_else(|| refused(format!("the plan {plan:?} is not being carried out")))
    }

    /// Ends the execution of a plan whose run has ended, or repeats it as often as may help; returns how the
    /// last one ended.
    async fn conclude(
        &self,
        pursuit: &Locked<Pursuit>,
        mut outcome: Outcome,
    ) -> Result<Outcome, RunError> {
        loop {
            let orchestrator = self.orchestrator_of(&pursuit.lock());
            // What ends at the instant of a crash does not count.
            orchestrator.ensure_alive()?;
            if !pursuit.lock().may_repeat(&outcome) {
                pursuit.lock().finish(&outcome);
                return Ok(outcome);
            }
            let run = orchestrator.resume(&outcome.run)?;
            pursuit.lock().repeat();
            outcome = run.outcome().await?;
        }
    }
}

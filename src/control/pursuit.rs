use std::sync::Arc;

use serde_json::json;

use super::{
    definition::{CoordinatorDefinition, ErrorStrategy},
    goal::Goal,
    life::Life,
    outcome::{GoalOutcome, PlanOutcome},
    partial::PartialResult,
    plan::{GoalPlan, PlanStage},
    router::Routing,
};
use crate::{
    domain::{Failure, LifecycleStage, StepStatus, WorkflowStatus, code},
    observability::{ControlEvent, Decision, short_goal},
    orchestration::{Outcome, Plan},
};

/// A goal that has a plan.
pub struct Pursuit {
    pub goal: Goal,
    pub plan: GoalPlan,
    /// What carries out the plan.
    pub workflow: Arc<Plan>,
    pub life: Life,
    /// What it was planned by.
    pub definition: Arc<CoordinatorDefinition>,
    pub routing: Option<Routing>,
    /// How often its execution may still be repeated.
    repeats: u32,
    /// How it ended last.
    pub outcome: Option<GoalOutcome>,
}

impl Pursuit {
    pub fn new(
        goal: Goal,
        plan: GoalPlan,
        workflow: Arc<Plan>,
        life: Life,
        definition: Arc<CoordinatorDefinition>,
    ) -> Self {
        Self {
            goal,
            plan,
            workflow,
            life,
            definition,
            routing: None,
            repeats: 0,
            outcome: None,
        }
    }

    pub fn advance(&mut self, next: PlanStage) {
        let advanced = self.plan.advance(next);
        debug_assert!(advanced.is_ok(), "{advanced:?}");
    }

    /// Whether its plan has yet to be carried out to its end.
    pub fn is_open(&self) -> bool {
        matches!(
            self.life.stage(),
            LifecycleStage::Route | LifecycleStage::Execute
        )
    }

    /// Whether its plan, as far as it was carried out, was carried out by this.
    pub fn is_run_as(&self, workflow: &Plan) -> bool {
        self.workflow.workflow() == workflow.workflow()
    }

    /// Checks that it failed in a way that resuming may help.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    pub fn check_resumable(&self) -> Result<(), String> {
        let partial = self.outcome.as_ref().and_then(|it| it.partial.as_ref());
        let stage = self.life.stage();
        match stage == LifecycleStage::Failed && partial.is_some_and(|it| it.recoverable) {
            true => Ok(()),
            false => Err(format!(
                "the goal is {}, and resuming it cannot help",
                stage.as_str()
            )),
        }
    }

    /// Begins the execution of a plan that is routed.
    pub fn execute(&mut self) {
        self.advance(PlanStage::Executing);
        self.repeats = match self.definition.on_error {
            ErrorStrategy::Retry => self.definition.stage_retries.unwrap_or(1),
            _ => 0,
        };
        self.enter_execution();
    }

    /// Whether the execution that ended so is to be repeated.
    pub fn may_repeat(&self, outcome: &Outcome) -> bool {
        let may_help = outcome.error.as_ref().is_some_and(|it| it.retryable);
        outcome.status == WorkflowStatus::Interrupted && may_help && self.repeats > 0
    }

    /// Begins another execution.
    pub fn repeat(&mut self) {
        self.repeats -= 1;
        self.enter_execution();
    }

    fn enter_execution(&mut self) {
        let data = json!({ "plan": &*self.plan.id });
        self.life.enter(LifecycleStage::Execute, data);
    }

    /// Ends the goal's life because its plan goes no further; what was left of it before still is.
    pub fn fail(&mut self, error: Failure) -> GoalOutcome {
        let plan = || PlanOutcome {
            id: Arc::clone(&self.plan.id),
            stage: self.plan.stage(),
            steps: self.plan.steps.len(),
            completed: Vec::new(),
            failed: Vec::new(),
        };
        let former = self.outcome.take();
        let former = former.unwrap_or_else(|| GoalOutcome {
            plan: Some(plan()),
            worker: self.worker(),
            ..GoalOutcome::new(&self.goal, &self.life)
        });
        let outcome = GoalOutcome {
            error: Some(error),
            took: self.life.took(),
            ..former
        };
        self.end(outcome.clone());
        outcome
    }

    /// Aggregates the results of a plan that was carried out, or says what is left of it.
    pub fn finish(&mut self, outcome: &Outcome) {
        let of_status = |status: StepStatus| -> Vec<Arc<str>> {
            // Without approvals, which call nothing.
            let calls = outcome.steps.iter().filter(|step| step.call.is_some());
            calls
                .filter(|step| step.status == status)
                .map(|step| Arc::clone(&step.id))
                .collect()
        };
        let completed = of_status(StepStatus::Completed);
        let failed = of_status(StepStatus::Failed);
        let last = completed.last().and_then(|id| outcome.data.get(&**id));
        let output = last.cloned();
        let error = outcome.error.clone();
        let denied = error
            .as_ref()
            .is_some_and(|error| *error.code == *code::APPROVAL_DENIED);
        let stage = match outcome.status {
            WorkflowStatus::Completed | WorkflowStatus::Degraded => LifecycleStage::Complete,
            WorkflowStatus::Cancelled => LifecycleStage::Cancelled,
            _ if denied => LifecycleStage::Cancelled,
            _ => LifecycleStage::Failed,
        };
        let partial = (stage != LifecycleStage::Complete).then(|| {
            let cancelled =
                || Box::new(Failure::new(code::CANCELLED, "cancellation was requested"));
            let failure = error.clone().unwrap_or_else(cancelled);
            let total = self.plan.steps.len();
            PartialResult::new(completed.clone(), failed.clone(), total, &failure)
        });
        match stage {
            LifecycleStage::Complete => {
                self.advance(PlanStage::Completed);
                let data = json!({ "steps": completed.len(), "output": output });
                self.life.enter(LifecycleStage::Aggregate, data);
            }
            LifecycleStage::Cancelled => self.advance(PlanStage::Cancelled),
            _ => self.advance(PlanStage::Failed),
        }
        let plan = PlanOutcome {
            id: Arc::clone(&self.plan.id),
            stage: self.plan.stage(),
            steps: self.plan.steps.len(),
            completed,
            failed,
        };
        self.end(GoalOutcome {
            stage,
            plan: Some(plan),
            worker: self.worker(),
            output,
            partial,
            error: error.map(|error| *error),
            ..GoalOutcome::new(&self.goal, &self.life)
        });
    }

    fn worker(&self) -> Option<Arc<str>> {
        let routing = self.routing.as_ref();
        routing.map(|routing| Arc::clone(&routing.worker))
    }

    /// Ends the goal's life.
    fn end(&mut self, outcome: GoalOutcome) {
        let partial = outcome.partial.as_ref();
        let data = match &outcome.error {
            Some(error) => json!({
                "error": &*error.code,
                "recoverable": partial.is_some_and(|it| it.recoverable),
                "strategy": partial.map(|it| it.strategy),
            }),
            None => json!({ "output": outcome.output }),
        };
        self.life.enter(outcome.stage, data);
        self.outcome = Some(outcome);
    }

    /// Records that the plan was made.
    pub fn record_plan(&self) {
        let calls: Vec<_> = self
            .plan
            .steps
            .iter()
            .map(|step| step.call.as_str())
            .collect();
        let shown = short_goal(&self.goal.goal);
        let decision = Decision {
            goal: self.life.goal(),
            trace: Arc::clone(self.life.trace()),
            target: Arc::clone(&self.plan.id),
            reason: match calls.len() {
                1 => format!("1 step for {shown:?}"),
                count => format!("{count} steps for {shown:?}"),
            }
            .into(),
            alternatives: Vec::new(),
            confidence: 1.0,
            metadata: Arc::new(json!({
                "goal": self.goal.goal,
                "planStage": self.plan.stage(),
                "stepCount": calls.len(),
                "calls": calls,
            })),
        };
        self.life.decide(ControlEvent::PlanCreated, decision);
    }
}

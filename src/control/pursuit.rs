use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    goal::Goal,
    life::Life,
    outcome::{GoalOutcome, PlanOutcome},
    partial::PartialResult,
    plan::{GoalPlan, PlanStage},
    router::Routing,
};
use crate::{
    domain::{Failure, LifecycleStage, StepStatus, WorkflowStatus, code},
    observability::{ControlEvent, Decision, Timeline},
    orchestration::Outcome,
};

/// A goal that has a plan.
pub struct Pursuit {
    pub goal: Goal,
    pub plan: GoalPlan,
    pub life: Life,
    pub routing: Option<Routing>,
    pub partial: Option<PartialResult>,
    pub began: Duration,
}

impl Pursuit {
    pub fn advance(&mut self, next: PlanStage) {
        let advanced = self.plan.advance(next);
        debug_assert!(advanced.is_ok(), "{advanced:?}");
    }

    /// Ends the goal's life.
    pub fn ended(
        &mut self,
        stage: LifecycleStage,
        output: Option<Value>,
        error: Option<Failure>,
        timeline: &Timeline,
    ) -> GoalOutcome {
        let took = timeline.now().saturating_sub(self.began);
        let data = match &error {
            Some(error) => json!({
                "error": &*error.code,
                "recoverable": self.partial.as_ref().is_some_and(|it| it.recoverable),
                "strategy": self.partial.as_ref().map(|it| it.strategy),
            }),
            None => json!({ "output": output }),
        };
        self.life.enter(stage, data);
        GoalOutcome {
            goal: self.goal.goal.clone(),
            trace: Arc::clone(self.life.trace()),
            stage,
            plan: Some(PlanOutcome {
                id: Arc::clone(&self.plan.id),
                stage: self.plan.stage(),
                steps: self.plan.steps.len(),
                completed: Vec::new(),
                failed: Vec::new(),
            }),
            worker: self.routing.as_ref().map(|it| Arc::clone(&it.worker)),
            output,
            partial: self.partial.clone(),
            error,
            took,
        }
    }

    /// Aggregates the results of a plan that was carried out, or says what is left of it.
    pub fn finish(&mut self, outcome: &Outcome, timeline: &Timeline) -> GoalOutcome {
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
        self.partial = (stage != LifecycleStage::Complete).then(|| {
            let cancelled = || Failure::new(code::CANCELLED, "cancellation was requested");
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
        let mut goal = self.ended(stage, output, error, timeline);
        if let Some(plan) = &mut goal.plan {
            plan.completed = completed;
            plan.failed = failed;
        }
        goal
    }

    /// Records that the plan was made.
    pub fn record_plan(&self) {
        const SHOWN: usize = 50;
        let calls: Vec<_> = self
            .plan
            .steps
            .iter()
            .map(|step| step.call.as_str())
            .collect();
        let shown: String = self.goal.goal.chars().take(SHOWN).collect();
        let decision = Decision {
            trace: Arc::clone(self.life.trace()),
            target: Arc::clone(&self.plan.id),
            reason: match calls.len() {
                1 => format!("1 step for {:?}", shown.trim_end()),
                count => format!("{count} steps for {:?}", shown.trim_end()),
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

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::definition::{CoordinatorDefinition, ErrorStrategy};
use crate::{
    domain::{CallName, Failure, Violation, code},
    orchestration::{OnFailure, Plan, Step, Workflow},
    services::Registry,
};

/// A step of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanStep {
    pub call: CallName,
    /// What is sent, which may refer to the goal's input and to the replies of the steps before it.
    pub input: Value,
}

/// The stage of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanStage {
    /// Made.
    Created,
    /// Somebody is to carry it out.
    Routed,
    /// Its steps run.
    Executing,
    /// All of them have.
    Completed,
    /// One failed.
    Failed,
    /// It is not carried out.
    Cancelled,
}

impl PlanStage {
    /// Every stage.
    pub const ALL: [Self; 6] = [
        Self::Created,
        Self::Routed,
        Self::Executing,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Routed => "routed",
            Self::Executing => "executing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The table of transitions.
    pub fn can_become(self, next: Self) -> bool {
        use PlanStage as P;
        matches!(
            (self, next),
            (P::Created, P::Routed | P::Cancelled)
                | (P::Routed, P::Executing | P::Cancelled)
                | (P::Executing, P::Completed | P::Failed | P::Cancelled)
        )
    }
}

/// A plan cannot go from one stage to another.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a plan that is {} cannot become {}: {}", .from.as_str(), .to.as_str(), legal(*.from))]
pub struct IllegalStage {
    from: PlanStage,
    to: PlanStage,
}

fn legal(from: PlanStage) -> String {
    let next = PlanStage::ALL.into_iter().filter(|it| from.can_become(*it));
    let next: Vec<_> = next.map(PlanStage::as_str).collect();
    match next.is_empty() {
        true => "it has ended".to_owned(),
        false => format!("expected {}", next.join(" or ")),
    }
}

/// What is done to reach a goal.
#[derive(Clone, Debug)]
pub struct GoalPlan {
    /// Its id, which is that of its run.
    pub id: Arc<str>,
    pub steps: Vec<PlanStep>,
    stage: PlanStage,
}

impl GoalPlan {
    /// A plan of steps.
    ///
    /// # Errors
    ///
    /// If there are none, or a call does not exist.
    pub fn new(id: Arc<str>, steps: Vec<PlanStep>, registry: &Registry) -> Result<Self, Violation> {
        if steps.is_empty() {
            return Err(Violation::new("", "a plan needs at least one step"));
        }
        for (index, step) in steps.iter().enumerate() {
            registry
                .check(&step.call)
                .map_err(|unknown| Violation::new(format!("/{index}/call"), unknown.to_string()))?;
        }
        Ok(Self {
            id,
            steps,
            stage: PlanStage::Created,
        })
    }

    /// The id of a step in the plan's run: `step_<n>_<operation>`, from 1.
    pub fn step_id(&self, index: usize) -> String {
        format!("step_{}_{}", index + 1, self.steps[index].call.operation())
    }

    /// What its steps call.
    pub fn calls(&self) -> Vec<CallName> {
        self.steps.iter().map(|step| step.call.clone()).collect()
    }

    pub fn stage(&self) -> PlanStage {
        self.stage
    }

    /// Goes to another stage.
    ///
    /// # Errors
    ///
    /// If it cannot, with the stages that it can go to.
    pub fn advance(&mut self, next: PlanStage) -> Result<(), IllegalStage> {
        if !self.stage.can_become(next) {
            return Err(IllegalStage {
                from: self.stage,
                to: next,
            });
        }
        self.stage = next;
        Ok(())
    }

    /// The workflow that carries it out, ready to run: one step after the other, each after its approval where it
    /// needs one, and a partial result where one fails.
    ///
    /// # Errors
    ///
    /// If a reference in an input leads nowhere.
    pub fn workflow(&self, by: &CoordinatorDefinition) -> Result<Arc<Plan>, Box<Failure>> {
        let policy = by.approval.as_ref();
        let approval = |id: String, what: String| {
            policy.map(|policy| Step {
                id,
                approval: Some(policy.approval(what)),
                ..Step::default()
            })
        };
        let mut steps = Vec::new();
        if policy.is_some_and(|policy| policy.plan) {
            let calls: Vec<_> = self.steps.iter().map(|step| step.call.as_str()).collect();
            steps.extend(approval("approve_plan".to_owned(), calls.join(", then ")));
        }
        let needs_approval = |call: &CallName| {
            let mut operations = policy.into_iter().flat_map(|policy| &policy.operations);
            operations.any(|operation| operation == call.as_str())
        };
        let falls_back = by.on_error == ErrorStrategy::Fallback;
        for (index, step) in self.steps.iter().enumerate() {
            if needs_approval(&step.call) {
                let what = format!("{} of {}", step.call, step.input);
                steps.extend(approval(format!("approve_step_{}", index + 1), what));
            }
            let alternative = by.alternatives.get(step.call.as_str());
            steps.push(Step {
                id: self.step_id(index),
                service: Some(step.call.service().to_owned()),
                operation: Some(step.call.operation().to_owned()),
                // As it is read from a journal.
                input: Some(step.input.clone()).filter(|input| !input.is_null()),
                optional: by.on_error == ErrorStrategy::Continue,
                retry: by.retry.clone(),
                recover: alternative
                    .filter(|_| falls_back)
                    .cloned()
                    .into_iter()
                    .collect(),
                ..Step::default()
            });
        }
        let workflow = Workflow {
            on_failure: OnFailure::Keep,
            ..Workflow::new(&self.id, steps)
        };
        if let Some(fault) = workflow.reference_faults().into_iter().next() {
            return Err(Box::new(fault));
        }
        // Its calls were checked; one that is gone when it runs fails like any other.
        let invalid = |why: String| Box::new(Failure::new(code::INVALID_WORKFLOW, why));
        let plan = Plan::from_journal(Arc::new(workflow)).map_err(invalid)?;
        Ok(Arc::new(plan))
    }
}

#[cfg(test)]
mod tests {
    use super::{PlanStage::*, *};

    #[test]
    fn only_the_seven_edges_between_stages_of_a_plan_exist() {
        let allowed = [
            (Created, Routed),
            (Created, Cancelled),
            (Routed, Executing),
            (Routed, Cancelled),
            (Executing, Completed),
            (Executing, Failed),
            (Executing, Cancelled),
        ];
        for from in PlanStage::ALL {
            for to in PlanStage::ALL {
                let mut plan = GoalPlan {
                    id: "plan-1".into(),
                    steps: Vec::new(),
                    stage: from,
                };
                let is_allowed = allowed.contains(&(from, to));
                assert_eq!(plan.advance(to).is_ok(), is_allowed, "{from:?} -> {to:?}");
                assert_eq!(plan.stage(), if is_allowed { to } else { from });
            }
        }
    }

    #[test]
    fn refused_stage_names_those_that_are_legal() {
        let refused = |from, to| IllegalStage { from, to }.to_string();
        assert_eq!(
            refused(Created, Failed),
            "a plan that is created cannot become failed: expected routed or cancelled"
        );
        assert_eq!(
            refused(Completed, Routed),
            "a plan that is completed cannot become routed: it has ended"
        );
    }
}

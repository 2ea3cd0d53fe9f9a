use std::{sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::Value;

use super::{goal::Goal, life::Life, partial::PartialResult, plan::PlanStage};
use crate::domain::{Failure, LifecycleStage, duration_text};

/// The outcome of a goal.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GoalOutcome {
    /// The goal, in words.
    pub goal: String,
    /// Its trace.
    pub trace: Arc<str>,
    /// How its life ended: complete, failed or cancelled.
    pub stage: LifecycleStage,
    /// Its plan, if one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanOutcome>,
    /// Who carried it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<Arc<str>>,
    /// The reply of its last step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// What is left of it, unless it is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<PartialResult>,
    /// Why it was not reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// How long it took, from its beginning or its resumption.
    #[serde(with = "duration_text")]
    pub took: Duration,
}

impl GoalOutcome {
    /// That of a goal of which nothing was done.
    pub(super) fn new(goal: &Goal, life: &Life) -> Self {
        Self {
            goal: goal.goal.clone(),
            trace: Arc::clone(life.trace()),
            stage: LifecycleStage::Failed,
            plan: None,
            worker: None,
            output: None,
            partial: None,
            error: None,
            took: life.took(),
        }
    }
}

/// The outcome of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanOutcome {
    /// Its id.
    pub id: Arc<str>,
    /// Its stage.
    pub stage: PlanStage,
    /// How many steps it has.
    pub steps: usize,
    /// The steps that completed.
    pub completed: Vec<Arc<str>>,
    /// The steps that failed.
    pub failed: Vec<Arc<str>>,
}

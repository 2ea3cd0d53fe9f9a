use std::{sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::Value;

use super::redaction::{redact_text, redact_with_texts};
use crate::domain::{ApprovalStatus, LifecycleStage, Severity, shown_duration};

/// What a control plane does, on the timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(
    tag = "event",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum ControlEvent {
    /// A goal entered a stage of its life.
    StageEntered {
        /// The number of the goal, which tells goals of one trace apart.
        #[serde(skip)]
        goal: u64,
        trace: Arc<str>,
        stage: LifecycleStage,
        /// What there is to say of the stage.
        data: Arc<Value>,
    },
    /// A plan was made for a goal; the target is its id, which is that of its run.
    PlanCreated(Decision),
    /// Who carries out a plan was chosen.
    RouteDecided(Decision),
    ApprovalRequested {
        request: Arc<str>,
        /// What is asked for.
        operation: Arc<str>,
        risk: Severity,
        /// When it is no longer waited for, as an offset on the clock.
        #[serde(serialize_with = "shown_duration::serialize")]
        until: Duration,
    },
    ApprovalEnded {
        request: Arc<str>,
        status: ApprovalStatus,
        /// Who answered; `system` where nobody did.
        approver: Arc<str>,
        reason: Arc<str>,
    },
    /// An answer that did not count: it was late, by the wrong person or without a reason.
    ApprovalRefused {
        request: Arc<str>,
        approver: Arc<str>,
        reason: Arc<str>,
    },
    /// Most of a ceiling is used; once for each.
    BudgetWarning(BudgetUse),
    /// More than a ceiling is used; once for each.
    BudgetExceeded(BudgetUse),
}

/// What was decided for a goal, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The number of the goal.
    #[serde(skip)]
    pub goal: u64,
    /// The trace of the goal.
    pub trace: Arc<str>,
    /// What was chosen.
    pub target: Arc<str>,
    /// Why.
    pub reason: Arc<str>,
    /// What could have been chosen instead.
    pub alternatives: Vec<Arc<str>>,
    /// How sure the choice is, 0 to 1.
    pub confidence: f64,
    /// Whatever else is worth keeping.
    pub metadata: Arc<Value>,
}

/// The beginning of a goal, for people.
pub fn short_goal(goal: &str) -> &str {
    const SHOWN: usize = 50;
    let end = goal.char_indices().nth(SHOWN);
    goal[..end.map_or(goal.len(), |(end, _)| end)].trim_end()
}

/// The scope of the budget of all calls.
pub const ALL_CALLS: &str = "all calls";

/// What calls have used of a ceiling of their budget.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BudgetUse {
    /// The calls that the budget is for: `all calls`, or those of the run with this id.
    pub scope: Arc<str>,
    /// The name of the ceiling.
    pub ceiling: &'static str,
    /// The service, where each has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Arc<str>>,
    /// The operation, where each has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<Arc<str>>,
    /// How much was used: a number; of time, how much has passed.
    pub used: Value,
    /// How much may be used.
    pub limit: Value,
}

impl ControlEvent {
    /// Replaces the secrets in what the event holds, in its texts too.
    pub fn redact(&mut self) {
        let hide = |text: &mut Arc<str>| {
            if let Some(shown) = redact_text(text) {
                *text = shown.into();
            }
        };
        match self {
            Self::StageEntered { data, .. } => *data = redact_with_texts(data),
            Self::PlanCreated(decision) | Self::RouteDecided(decision) => {
                hide(&mut decision.reason);
                decision.metadata = redact_with_texts(&decision.metadata);
            }
            Self::ApprovalRequested { operation, .. } => hide(operation),
            Self::ApprovalEnded { reason, .. } | Self::ApprovalRefused { reason, .. } => {
                hide(reason);
            }
            Self::BudgetWarning(_) | Self::BudgetExceeded(_) => {}
        }
    }
}

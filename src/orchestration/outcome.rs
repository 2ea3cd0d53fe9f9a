use std::{sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::{Map, Value};

use super::state::{RunState, Stop};
use crate::{
    clock::Clock,
    domain::{CallName, Failure, StepStatus, WorkflowStatus, duration_text},
    observability::redact,
};

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The workflow's id.
    pub workflow: Arc<str>,
    /// The run's id.
    pub run: Arc<str>,
    /// How it ended.
    pub status: WorkflowStatus,
    /// RFC 3339 timestamp of its start.
    pub started_at: String,
    /// How long it took, compensation included.
    #[serde(with = "duration_text")]
    pub took: Duration,
    /// The input under `input`, the replies under their steps; secrets are redacted.
    pub data: Map<String, Value>,
    /// The steps, in order of declaration.
    pub steps: Vec<StepOutcome>,
    /// The compensations, in the order they started.
    pub compensations: Vec<CompensationOutcome>,
    /// The first failure; later ones stand with their steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// The steps in the order they completed.
    #[serde(skip)]
    pub order: Vec<Arc<str>>,
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepOutcome {
    /// The step.
    pub id: Arc<str>,
    /// What was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallName>,
    /// The workflow that ran in place of a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Arc<str>>,
    /// How it ended, compensation included.
    pub status: StepStatus,
    /// How long its call took, retries included.
    #[serde(with = "duration_text")]
    pub took: Duration,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// What a compensation came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompensationOutcome {
    /// The step that was to be undone.
    pub step: Arc<str>,
    /// What was called; nothing where the workflow that the step ran undid itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallName>,
    /// How long it took, retries included.
    #[serde(with = "duration_text")]
    pub took: Duration,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

impl Outcome {
    pub(super) fn of(state: &RunState) -> Self {
        let plan = &state.plan;
        let mut data = Map::new();
        data.insert("input".to_owned(), Value::clone(&redact(&state.input)));
        for (step, planned) in state.steps.iter().zip(&plan.steps) {
            if let Some(reply) = &step.reply {
                data.insert(planned.id.to_string(), Value::clone(&redact(reply)));
            }
        }
        let unboxed = |failure: &Option<Box<Failure>>| failure.as_deref().cloned();
        let took = |from: Option<Duration>, to: Option<Duration>| {
            to.unwrap_or_default()
                .saturating_sub(from.unwrap_or_default())
        };
        let steps = state.steps.iter().zip(&plan.steps);
        Self {
            workflow: Arc::clone(&plan.id),
            run: Arc::clone(&state.run),
            status: state.status,
            started_at: Clock::timestamp(state.started_at),
            took: took(Some(state.started_at), state.ended_at),
            data,
            steps: steps
                .map(|(step, planned)| StepOutcome {
                    id: Arc::clone(&planned.id),
                    call: planned.call().cloned(),
                    workflow: planned.workflow().map(|plan| Arc::clone(plan.id())),
                    status: step.status,
                    took: took(step.started_at, step.ended_at),
                    error: unboxed(&step.failure),
                })
                .collect(),
            compensations: state
                .compensated
                .iter()
                .filter_map(|&index| {
                    let step = &state.steps[index];
                    Some(CompensationOutcome {
                        step: Arc::clone(&plan.steps[index].id),
                        call: plan.steps[index].compensation.as_ref()?.call().cloned(),
                        took: took(step.compensation_started_at, step.compensation_ended_at),
                        error: unboxed(&step.compensation_failure),
                    })
                })
                .collect(),
            error: match state.stop {
                Some(Stop::Failed(step)) => unboxed(&state.steps[step].failure),
                Some(Stop::Cancelled | Stop::Undone) | None => None,
            },
            order: state
                .ended
                .iter()
                .filter(|&&step| state.steps[step].reply.is_some())
                .map(|&step| Arc::clone(&plan.steps[step].id))
                .collect(),
        }
    }
}

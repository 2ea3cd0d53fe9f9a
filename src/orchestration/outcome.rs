use std::{sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    Plan, RunError,
    journal::inner_run,
    plan::PlannedCompensation,
    state::{RunState, Stop},
};
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
    /// The compensations, in the order they started, those of runs within it too.
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
    /// The step that was to be undone; `<step>/<its step>` where a step ran a workflow.
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
    /// What a run came to; `inner` finds the runs within it.
    ///
    /// # Errors
    ///
    /// If one of those cannot be read.
    pub(super) fn of(state: &RunState, inner: FindRun<'_>) -> Result<Self, RunError> {
        let plan = &state.plan;
        let mut data = Map::new();
        data.insert("input".to_owned(), Value::clone(&redact(&state.input)));
        for (step, planned) in state.steps.iter().zip(&plan.steps) {
            if let Some(reply) = &step.reply {
                data.insert(planned.id.to_string(), Value::clone(&redact(reply)));
            }
        }
        let steps = state.steps.iter().zip(&plan.steps);
        let compensations = compensations(state, inner, "")?;
        Ok(Self {
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
            compensations: compensations.into_iter().map(|(_, it)| it).collect(),
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
        })
    }
}

/// Finds a run within another by its id and its plan.
type FindRun<'a> = &'a dyn Fn(&str, &Arc<Plan>) -> Result<Option<RunState>, RunError>;

/// The compensations of a run and of those within it, by start, which stands before each.
///
/// A run within has undone what it did by itself before the run around it begins to, or does so when
/// its turn comes there.
fn compensations(
    state: &RunState,
    inner: FindRun<'_>,
    path: &str,
) -> Result<Vec<(Option<Duration>, CompensationOutcome)>, RunError> {
    let within = |step: usize, time: usize| {
        let planned = &state.plan.steps[step];
        let Some(plan) = planned.workflow() else {
            return Ok(Vec::new());
        };
        match inner(&inner_run(&state.run, &planned.id, time), plan)? {
            Some(found) => compensations(&found, inner, &format!("{path}{}/", planned.id)),
            None => Ok(Vec::new()),
        }
    };
    let has_its_turn = |step: usize| {
        let undoes_itself = matches!(
            state.plan.steps[step].compensation,
            Some(PlannedCompensation::Workflow(_))
        );
        undoes_itself && state.steps[step].compensation_started_at.is_some()
    };
    let mut by_themselves = Vec::new();
    for (index, step) in state.steps.iter().enumerate() {
        let last = step.inners - usize::from(has_its_turn(index));
        for time in 1..=last {
            by_themselves.push(within(index, time)?);
        }
    }
    by_themselves.sort_by_key(|of_one| of_one.first().map(|(started_at, _)| *started_at));
    let mut all: Vec<_> = by_themselves.into_iter().flatten().collect();
    for &index in &state.compensated {
        let (planned, step) = (&state.plan.steps[index], &state.steps[index]);
        if has_its_turn(index) {
            all.extend(within(index, step.inners)?);
        }
        let compensation = CompensationOutcome {
            step: format!("{path}{}", planned.id).into(),
            call: planned
                .compensation
                .as_ref()
                .and_then(|it| it.call().cloned()),
            took: took(step.compensation_started_at, step.compensation_ended_at),
            error: unboxed(&step.compensation_failure),
        };
        all.push((step.compensation_started_at, compensation));
    }
    Ok(all)
}

fn took(from: Option<Duration>, to: Option<Duration>) -> Duration {
    to.unwrap_or_default()
        .saturating_sub(from.unwrap_or_default())
}

fn unboxed(failure: &Option<Box<Failure>>) -> Option<Failure> {
    failure.as_deref().cloned()
}

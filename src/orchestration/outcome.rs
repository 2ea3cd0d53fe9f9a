use std::{sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    JournalError, Plan,
    journal::child_run_id,
    plan::PlannedCompensation,
    state::{RunState, StopReason},
};
use crate::{
    clock::Clock,
    domain::{
        CallName, Failure, StepStatus, WorkflowStatus, code, duration_text, opt_duration_text,
    },
    observability::{WaitHead, redact},
};

/// The result of a run.
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
    /// The compensations, in the order they started, including those of child runs.
    pub compensations: Vec<CompensationOutcome>,
    /// The steps that are deferred, in order of declaration.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deferred: Vec<DeferredStep>,
    /// The first failure; later ones are with their steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Box<Failure>>,
    /// The steps in the order they completed.
    #[serde(skip)]
    pub order: Vec<Arc<str>>,
}

/// The result of a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepOutcome {
    /// The step.
    pub id: Arc<str>,
    /// What was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallName>,
    /// The workflow that ran instead of a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Arc<str>>,
    /// How it ended, compensation included.
    pub status: StepStatus,
    /// How long its call took, retries included.
    #[serde(with = "duration_text")]
    pub took: Duration,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Box<Failure>>,
    /// When it is resumed at the latest, as an offset on the clock; it failed for ever unless given.
    #[serde(with = "opt_duration_text", skip_serializing_if = "Option::is_none")]
    pub resumes_at: Option<Duration>,
}

/// A step that waits for one that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeferredStep {
    /// The step.
    pub step: Arc<str>,
    /// The steps that failed and that it depends on, directly or through others.
    pub depends_on: Vec<Arc<str>>,
}

impl DeferredStep {
    fn all_of(state: &RunState) -> Vec<Self> {
        let id = |step: usize| Arc::clone(&state.plan.steps[step].id);
        let deferred = state.with_status(StepStatus::Deferred);
        deferred
            .map(|step| Self {
                step: id(step),
                depends_on: state.deferring(step).into_iter().map(id).collect(),
            })
            .collect()
    }
}

/// The result of a compensation.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompensationOutcome {
    /// The step that was to be undone; `<step>/<child's step>` in a child run.
    pub step: Arc<str>,
    /// What was called; nothing where a child run undid itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallName>,
    /// How long it took, retries included.
    #[serde(with = "duration_text")]
    pub took: Duration,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Box<Failure>>,
}

impl Outcome {
    /// The result of a run.
    ///
    /// # Errors
    ///
    /// If a child run cannot be loaded.
    pub(super) fn of(state: &RunState, load_child: LoadChild<'_>) -> Result<Self, JournalError> {
        let plan = &state.plan;
        let mut data = Map::new();
        data.insert("input".to_owned(), Value::clone(&redact(&state.input)));
        for (step, planned) in state.steps.iter().zip(&plan.steps) {
            if let Some(reply) = &step.reply {
                data.insert(planned.id.to_string(), Value::clone(&redact(reply)));
            }
        }
        let steps = state.steps.iter().zip(&plan.steps);
        let compensations = compensations(state, load_child, "")?;
        Ok(Self {
            workflow: Arc::clone(&plan.id),
            run: Arc::clone(&state.run),
            status: state.shown_status(),
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
                    error: step.failure.clone(),
                    resumes_at: step.next_resumption(),
                })
                .collect(),
            compensations: compensations.into_iter().map(|(_, it)| it).collect(),
            deferred: DeferredStep::all_of(state),
            error: match state.stop {
                Some(StopReason::Failed(step)) => state.steps[step].failure.clone(),
                Some(StopReason::Exhausted) => Some(Box::new(recovery_exhausted(state))),
                Some(StopReason::Cancelled | StopReason::Undone | StopReason::Stopped) => None,
                None => state.kept_failure(),
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

/// The state of a run at some time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// The workflow's id.
    pub workflow: Arc<str>,
    /// The run's id.
    pub run: Arc<str>,
    /// The run's status.
    pub status: WorkflowStatus,
    /// The time since it started, or that it took.
    #[serde(with = "duration_text")]
    pub elapsed: Duration,
    /// Steps that are running.
    pub current: Vec<Arc<str>>,
    /// Steps that have not started.
    pub pending: Vec<Arc<str>>,
    /// Steps that completed.
    pub completed: Vec<Arc<str>>,
    /// Steps that failed.
    pub failed: Vec<Arc<str>>,
    /// Steps that are deferred, since one that they depend on failed.
    pub deferred: Vec<Arc<str>>,
    /// Steps that were undone.
    pub compensated: Vec<Arc<str>>,
    /// What it waits for, and until when; those of child runs too.
    pub waits: Vec<WaitHead>,
    /// Which steps that failed are resumed.
    pub resumptions: Vec<ResumptionView>,
}

/// When a step that failed is resumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResumptionView {
    /// The step.
    pub step: Arc<str>,
    /// When at the latest, as an offset on the clock.
    #[serde(with = "duration_text")]
    pub at: Duration,
}

impl RunView {
    pub(super) fn of(state: &RunState, now: Duration, waits: Vec<WaitHead>) -> Self {
        let named = |status: StepStatus| {
            state
                .with_status(status)
                .map(|step| Arc::clone(&state.plan.steps[step].id))
                .collect()
        };
        Self {
            workflow: Arc::clone(&state.plan.id),
            run: Arc::clone(&state.run),
            status: state.shown_status(),
            elapsed: state
                .ended_at
                .unwrap_or(now)
                .saturating_sub(state.started_at),
            current: named(StepStatus::Running),
            pending: named(StepStatus::Pending),
            completed: named(StepStatus::Completed),
            failed: named(StepStatus::Failed),
            deferred: named(StepStatus::Deferred),
            compensated: named(StepStatus::Compensated),
            waits,
            resumptions: state
                .steps
                .iter()
                .zip(&state.plan.steps)
                .filter_map(|(step, planned)| {
                    Some(ResumptionView {
                        step: Arc::clone(&planned.id),
                        at: step.next_resumption()?,
                    })
                })
                .collect(),
        }
    }
}

/// Loads a child run by its id and its plan.
type LoadChild<'a> = &'a dyn Fn(&str, &Arc<Plan>) -> Result<Option<RunState>, JournalError>;

/// The compensations of a run and of its child runs, each after the time it started, in that order.
///
/// A child run that failed has undone itself before its parent compensates; one that completed is
/// undone as a compensation of its parent.
fn compensations(
    state: &RunState,
    load_child: LoadChild<'_>,
    path: &str,
) -> Result<Vec<(Option<Duration>, CompensationOutcome)>, JournalError> {
    let of_child = |step: usize, number: u32| {
        let planned = &state.plan.steps[step];
        let Some(plan) = planned.workflow() else {
            return Ok(Vec::new());
        };
        match load_child(&child_run_id(&state.run, &planned.id, number), plan)? {
            Some(child) => compensations(&child, load_child, &format!("{path}{}/", planned.id)),
            None => Ok(Vec::new()),
        }
    };
    let is_undone_here = |step: usize| {
        let undoes_workflow = matches!(
            state.plan.steps[step].compensation,
            Some(PlannedCompensation::Workflow(_))
        );
        undoes_workflow && state.steps[step].undo.is_some()
    };
    let mut of_children = Vec::new();
    for (index, step) in state.steps.iter().enumerate() {
        let last = step.child_count - u32::from(is_undone_here(index));
        for number in 1..=last {
            of_children.push(of_child(index, number)?);
        }
    }
    of_children.sort_by_key(|of_one| of_one.first().map(|(started_at, _)| *started_at));
    let mut all: Vec<_> = of_children.into_iter().flatten().collect();
    for &index in &state.compensated {
        let (planned, step) = (&state.plan.steps[index], &state.steps[index]);
        if is_undone_here(index) {
            all.extend(of_child(index, step.child_count)?);
        }
        let undo = step.undo.as_ref();
        let started_at = undo.map(|undo| undo.started_at);
        let compensation = CompensationOutcome {
            step: format!("{path}{}", planned.id).into(),
            call: planned
                .compensation
                .as_ref()
                .and_then(|it| it.call().cloned()),
            took: took(started_at, undo.and_then(|undo| undo.ended_at)),
            error: undo.and_then(|undo| undo.failure.clone()),
        };
        all.push((started_at, compensation));
    }
    Ok(all)
}

/// The error of a run that crashed too often, at the step that was running then.
fn recovery_exhausted(state: &RunState) -> Failure {
    let default = match state.plan.workflow.max_recoveries {
        Some(_) => "",
        None => ", the default",
    };
    let most = state.max_recoveries();
    let message = format!("it was recovered {most} times, the most that it may be{default}");
    let failure = Failure::new(code::RECOVERY_EXHAUSTED, message);
    let mut failed = state.ended.iter().rev();
    let at = failed.find(|step| state.steps[**step].failure.is_some());
    match at.and_then(|step| state.plan.steps[*step].call()) {
        Some(call) => failure.at(call),
        None => failure,
    }
}

fn took(from: Option<Duration>, to: Option<Duration>) -> Duration {
    to.unwrap_or_default()
        .saturating_sub(from.unwrap_or_default())
}

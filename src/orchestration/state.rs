use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::{Map, Value};

use super::{Entry, OnFailure, OnParallelFailure, Plan, plan::PlannedStep};
use crate::domain::{Failure, StepStatus, WorkflowStatus};

/// What the entries of a run's journal add up to.
///
/// The same for a run that is under way and for one that is read back after a crash.
#[derive(Debug)]
pub(super) struct RunState {
    pub plan: Arc<Plan>,
    pub run: Arc<str>,
    pub input: Arc<Value>,
    pub status: WorkflowStatus,
    pub started_at: Duration,
    /// Where the deadline is counted from: the start, or the last resumption.
    pub counts_from: Duration,
    pub ended_at: Option<Duration>,
    pub steps: Vec<StepState>,
    /// Steps that can start as far as the others go, by declaration.
    ready: BTreeSet<usize>,
    /// Steps that are under way, by declaration.
    running: BTreeSet<usize>,
    /// The step that has its second chance now, on its own.
    alone: Option<usize>,
    /// Steps in the order they ended.
    pub ended: Vec<usize>,
    /// Compensations in the order they started.
    pub compensated: Vec<usize>,
    /// Why no new step starts.
    pub stop: Option<Stop>,
    /// Whether someone asked for its end, be it behind a failure.
    pub cancelled: bool,
}

/// Why no new step starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// This step failed first.
    Failed(usize),
    /// Someone asked.
    Cancelled,
    /// The run around it is undone, and this one with it.
    Undone,
}

/// One step of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct StepState {
    pub status: StepStatus,
    pub started_at: Option<Duration>,
    pub ended_at: Option<Duration>,
    pub reply: Option<Arc<Value>>,
    /// Whether it made do: with a breaker's fallback, or a workflow that is degraded.
    pub degraded: bool,
    /// The run of the workflow that it runs, the last one where it ran again.
    pub inner: Option<Arc<str>>,
    /// How many such runs there have been.
    pub inners: usize,
    /// How many of the steps that it waits for are not done.
    waits: usize,
    pub failure: Option<Box<Failure>>,
    /// Whether a failure that no longer counts left its effect in doubt.
    pub in_doubt: bool,
    /// Whether another step ran beside it.
    pub beside_others: bool,
    /// Whether it has had its second chance, on its own.
    pub ran_again: bool,
    pub compensation_started_at: Option<Duration>,
    pub compensation_ended_at: Option<Duration>,
    pub compensation_failure: Option<Box<Failure>>,
}

impl RunState {
    /// The state after a run's first entry.
    pub fn new(plan: Arc<Plan>, run: Arc<str>, input: Arc<Value>, at: Duration) -> Self {
        let waits = |step: &PlannedStep| StepState {
            waits: step.dependencies.len(),
            ..StepState::default()
        };
        let steps: Vec<StepState> = plan.steps.iter().map(waits).collect();
        Self {
            ready: (0..steps.len())
                .filter(|&step| steps[step].waits == 0)
                .collect(),
            running: BTreeSet::new(),
            alone: None,
            steps,
            plan,
            run,
            input,
            status: WorkflowStatus::Running,
            started_at: at,
            counts_from: at,
            ended_at: None,
            ended: Vec::new(),
            compensated: Vec::new(),
            stop: None,
            cancelled: false,
        }
    }

    /// Takes in an entry.
    ///
    /// # Errors
    ///
    /// If it cannot follow those before it: says why.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), String> {
        match entry {
            Entry::Started { .. } => return Err("it starts twice".to_owned()),
            Entry::StepStarted { step, inner, at } => {
                let again = self.step(*step)?.status == StepStatus::Failed;
                self.advance(*step, StepStatus::Running)?;
                let taken_up = self.ready.remove(step);
                let mut others = self.running.iter().filter(|other| *other != step);
                let other = others.next().copied();
                // Where there are more, they have started beside each other.
                if let (Some(only), None) = (other, others.next()) {
                    self.steps[only].beside_others = true;
                }
                self.running.insert(*step);
                let state = &mut self.steps[*step];
                state.beside_others |= other.is_some();
                if again && !taken_up {
                    state.ran_again = true;
                    self.alone = Some(*step);
                }
                if state.inner != *inner {
                    state.inner.clone_from(inner);
                    state.inners += 1;
                }
                state.started_at.get_or_insert(*at);
                if again {
                    // Its failure no longer counts; that of another may, and its doubt does.
                    let failure = state.failure.take();
                    state.in_doubt |= failure.is_some_and(|failure| failure.in_doubt);
                    self.ended.retain(|ended| ended != step);
                    self.stop = self.first_failure().map(Stop::Failed);
                }
            }
            Entry::StepCompleted {
                step,
                reply,
                degraded,
                at,
            } => {
                let state = self.advance(*step, StepStatus::Completed)?;
                state.degraded = *degraded;
                state.reply = Some(Arc::clone(reply));
                state.ended_at = Some(*at);
                self.has_ended(*step);
                self.is_done(*step);
            }
            Entry::StepFailed { step, failure, at } => {
                let state = self.advance(*step, StepStatus::Failed)?;
                let mut failure = failure.clone();
                failure.in_doubt |= state.in_doubt;
                state.failure = Some(failure);
                state.ended_at = Some(*at);
                self.has_ended(*step);
                if self.plan.workflow.steps[*step].optional {
                    self.is_done(*step);
                } else {
                    self.stop.get_or_insert(Stop::Failed(*step));
                }
            }
            Entry::CancellationRequested { .. } => {
                self.cancelled = true;
                self.stop.get_or_insert(Stop::Cancelled);
            }
            Entry::CompensationStarted { step, at } => {
                let state = self.advance(*step, StepStatus::Compensating)?;
                if state.compensation_started_at.is_none() {
                    state.compensation_started_at = Some(*at);
                    self.compensated.push(*step);
                }
            }
            Entry::CompensationEnded { step, failure, at } => {
                let next = match failure {
                    None => StepStatus::Compensated,
                    Some(_) => StepStatus::CompensationFailed,
                };
                let state = self.advance(*step, next)?;
                state.compensation_failure = failure.clone();
                state.compensation_ended_at = Some(*at);
            }
            Entry::Ended { status, at } => {
                self.become_status(*status)?;
                self.ended_at = Some(*at);
                if *status != WorkflowStatus::Interrupted {
                    for state in &mut self.steps {
                        if state.status == StepStatus::Pending {
                            state.status = StepStatus::Skipped;
                        }
                    }
                }
            }
            Entry::Resumed { at } => {
                self.become_status(WorkflowStatus::Running)?;
                self.counts_from = *at;
                self.ended_at = None;
                self.stop = None;
                for (step, state) in self.steps.iter_mut().enumerate() {
                    if state.status == StepStatus::Failed {
                        // What passed meanwhile is no part of what the step takes.
                        state.started_at = None;
                        state.beside_others = false;
                        state.ran_again = false;
                        if !self.plan.workflow.steps[step].optional {
                            self.ready.insert(step);
                        }
                    }
                }
            }
            Entry::UndoRequested { .. } => {
                self.become_status(WorkflowStatus::Running)?;
                self.ended_at = None;
                self.stop = Some(Stop::Undone);
            }
        }
        Ok(())
    }

    fn has_ended(&mut self, step: usize) {
        self.running.remove(&step);
        self.alone = self.alone.filter(|alone| *alone != step);
        self.ended.push(step);
    }

    /// Lets those that wait for a step know that it is done: it completed, or failed and was optional.
    fn is_done(&mut self, step: usize) {
        for &dependent in &self.plan.steps[step].dependents {
            let state = &mut self.steps[dependent];
            state.waits = state.waits.saturating_sub(1);
            if state.waits == 0 {
                self.ready.insert(dependent);
            }
        }
    }

    fn step(&self, step: usize) -> Result<&StepState, String> {
        self.steps
            .get(step)
            .ok_or_else(|| format!("there is no step {step}"))
    }

    fn advance(&mut self, step: usize, next: StepStatus) -> Result<&mut StepState, String> {
        let from = self.step(step)?.status;
        if !from.can_become(next) {
            let id = &self.plan.steps[step].id;
            return Err(format!(
                "the step {id:?} cannot go from {} to {}",
                from.as_str(),
                next.as_str()
            ));
        }
        let state = &mut self.steps[step];
        state.status = next;
        Ok(state)
    }

    fn become_status(&mut self, next: WorkflowStatus) -> Result<(), String> {
        if !self.status.can_become(next) {
            return Err(format!(
                "a run cannot go from {} to {}",
                self.status.as_str(),
                next.as_str()
            ));
        }
        self.status = next;
        Ok(())
    }

    /// The first failure that counts: of a step that is not optional, and not taken up again.
    fn first_failure(&self) -> Option<usize> {
        self.ended.iter().copied().find(|&step| {
            self.steps[step].status == StepStatus::Failed
                && !self.plan.workflow.steps[step].optional
                && !self.ready.contains(&step)
        })
    }

    /// The steps that are under way.
    pub fn running(&self) -> impl Iterator<Item = usize> + '_ {
        self.running.iter().copied()
    }

    pub fn with_status(&self, status: StepStatus) -> impl Iterator<Item = usize> + '_ {
        (0..self.steps.len()).filter(move |&step| self.steps[step].status == status)
    }

    /// The steps that can start, by declaration: what they wait for is done, nothing stops the run,
    /// and none has its second chance now.
    ///
    /// A failed step that was optional counts as done. A run that was resumed takes up the others
    /// that failed.
    pub fn ready(&self) -> impl Iterator<Item = usize> + '_ {
        let none = self.stop.is_some() || self.alone.is_some();
        self.ready.iter().copied().filter(move |_| !none)
    }

    /// The next failed step of a parallel group that gets a second chance, by declaration.
    ///
    /// There is none once one was lost. A run that is resumed has them anew.
    pub fn second_chance(&self) -> Option<usize> {
        let falls_back =
            self.plan.workflow.on_parallel_failure == Some(OnParallelFailure::Sequential);
        if !falls_back || self.cancelled {
            return None;
        }
        // One that was lost stays the first, so that none behind it has its turn.
        let first = self
            .with_status(StepStatus::Failed)
            .find(|&step| !self.plan.workflow.steps[step].optional)?;
        let state = &self.steps[first];
        (state.beside_others && !state.ran_again).then_some(first)
    }

    /// Whether what was done is to be undone, once nothing runs any more.
    ///
    /// A run that is cancelled, or undone with the one around it, goes back also where a failure would leave a partial result.
    pub fn goes_back(&self) -> bool {
        let compensates = self.plan.workflow.on_failure == OnFailure::Compensate;
        match self.stop {
            None => false,
            Some(Stop::Undone) => true,
            Some(Stop::Failed(_) | Stop::Cancelled) => compensates || self.cancelled,
        }
    }

    /// Steps to undo, newest first: completed ones, and failed ones that may have had an effect.
    pub fn to_compensate(&self) -> Vec<usize> {
        let undone = |&step: &usize| {
            let state = &self.steps[step];
            let due = match state.status {
                StepStatus::Completed | StepStatus::Compensating => true,
                StepStatus::Failed => {
                    self.plan.workflow.steps[step].partially_effective
                        || state
                            .failure
                            .as_ref()
                            .is_some_and(|failure| failure.in_doubt)
                }
                _ => false,
            };
            due && self.plan.steps[step].compensation.is_some()
        };
        self.ended.iter().rev().copied().filter(undone).collect()
    }

    /// How a run that has nothing left to do ends.
    pub fn final_status(&self) -> WorkflowStatus {
        let failed = self
            .with_status(StepStatus::CompensationFailed)
            .next()
            .is_some();
        let made_do = |step: &StepState| step.status == StepStatus::Failed || step.degraded;
        match self.stop {
            None if self.steps.iter().any(made_do) => WorkflowStatus::Degraded,
            None => WorkflowStatus::Completed,
            Some(_) if failed => WorkflowStatus::Failed,
            Some(Stop::Cancelled) => WorkflowStatus::Cancelled,
            Some(Stop::Undone) => WorkflowStatus::RolledBack,
            Some(Stop::Failed(_)) if self.goes_back() => WorkflowStatus::RolledBack,
            Some(Stop::Failed(_)) => WorkflowStatus::Interrupted,
        }
    }

    /// What the run's data holds under a name: the input, or a completed step's reply.
    pub fn data(&self, name: &str) -> Option<&Arc<Value>> {
        if name == "input" {
            return Some(&self.input);
        }
        self.steps[self.plan.index(name)?].reply.as_ref()
    }

    /// All that the run's data holds.
    pub fn data_so_far(&self) -> Value {
        let mut data = Map::new();
        data.insert("input".to_owned(), Value::clone(&self.input));
        for (step, planned) in self.steps.iter().zip(&self.plan.steps) {
            if let Some(reply) = &step.reply {
                data.insert(planned.id.to_string(), Value::clone(reply));
            }
        }
        Value::Object(data)
    }
}

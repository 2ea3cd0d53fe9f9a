use std::{
    collections::BTreeSet,
    pin::pin,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use serde_json::{Map, Value};
use tokio::sync::Notify;

use super::{JournalEntry, OnFailure, OnParallelFailure, Plan, plan::PlannedStep};
use crate::{
    domain::{Failure, Locked, StepStatus, WorkflowStatus},
    services::Tries,
};

/// A run's state, and word that it is lost.
#[derive(Debug)]
pub(super) struct SharedState {
    state: Locked<RunState>,
    lost: Notify,
}

impl SharedState {
    pub fn new(state: RunState) -> Self {
        Self {
            state: Locked::new(state),
            lost: Notify::new(),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, RunState> {
        self.state.lock()
    }

    /// Wakes those that wait for the run to be lost, if it is.
    pub fn notify_if_lost(&self) {
        if self.lock().is_lost() {
            self.lost.notify_waiters();
        }
    }

    /// Waits until the run is lost.
    pub async fn is_lost(&self) {
        let mut notified = pin!(self.lost.notified());
        loop {
            // Before the state is read, so that no word is missed.
            notified.as_mut().enable();
            if self.lock().is_lost() {
                return;
            }
            notified.as_mut().await;
            notified.set(self.lost.notified());
        }
    }
}

/// The state of a run: all its journal entries, applied in order.
///
/// The same for a run in progress and for one that is loaded after a crash.
#[derive(Debug)]
pub(super) struct RunState {
    pub plan: Arc<Plan>,
    pub run: Arc<str>,
    pub input: Arc<Value>,
    pub status: WorkflowStatus,
    pub started_at: Duration,
    /// What the deadline is relative to: the start, or the last resumption.
    pub deadline_base: Duration,
    pub ended_at: Option<Duration>,
    pub steps: Vec<StepState>,
    /// Steps whose dependencies are done, in order of declaration.
    ready: BTreeSet<usize>,
    /// Running steps, in order of declaration.
    running: BTreeSet<usize>,
    /// The step that is being retried alone after its parallel group failed.
    sequential_retry: Option<usize>,
    /// Steps in the order they ended.
    pub ended: Vec<usize>,
    /// Compensations in the order they started.
    pub compensated: Vec<usize>,
    /// Why no new step starts.
    pub stop: Option<StopReason>,
    /// Whether cancellation was requested, even after a failure.
    pub cancelled: bool,
    /// How often it was taken up after a crash.
    pub recoveries: u32,
}

/// How often a run may be taken up after a crash where its workflow does not say.
const MAX_RECOVERIES: u32 = 10;

/// Why no new step starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopReason {
    /// This step failed first.
    Failed(usize),
    /// Cancellation was requested.
    Cancelled,
    /// The parent run is undone, and this one with it.
    Undone,
    /// The parent run goes no further; what becomes of this one is up to it.
    Stopped,
    /// It was taken up after crashes as often as it may be.
    Exhausted,
}

/// One step of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct StepState {
    pub status: StepStatus,
    pub started_at: Option<Duration>,
    pub ended_at: Option<Duration>,
    pub reply: Option<Arc<Value>>,
    /// Whether a breaker's fallback replaced its reply, or its child run is degraded.
    pub degraded: bool,
    /// The id of its child run, the latest if there were several.
    pub child_run: Option<Arc<str>>,
    /// How many child runs there have been.
    pub child_count: usize,
    /// How many of its dependencies are not done.
    waits: usize,
    pub failure: Option<Box<Failure>>,
    /// Whether an earlier failure, superseded since, left its effect in doubt.
    pub in_doubt: bool,
    /// What is known of the tries of the call that is being made, the step's or its compensation's.
    pub tries: Tries,
    /// Whether another step ran at the same time.
    pub ran_concurrently: bool,
    /// Whether it has been retried alone.
    pub retried_alone: bool,
    pub compensation_started_at: Option<Duration>,
    pub compensation_ended_at: Option<Duration>,
    pub compensation_failure: Option<Box<Failure>>,
    /// Whether its compensation, which failed, is taken up again.
    pub undone_again: bool,
}

impl StepState {
    /// Notes that a call starts, again if a crash cut it off.
    fn begin_tries(&mut self, is_cut_off: bool) {
        if !is_cut_off {
            self.tries = Tries::default();
        } else if self.tries.due.is_none() {
            self.tries.cut_off += 1;
        }
    }
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
            sequential_retry: None,
            steps,
            plan,
            run,
            input,
            status: WorkflowStatus::Running,
            started_at: at,
            deadline_base: at,
            ended_at: None,
            ended: Vec::new(),
            compensated: Vec::new(),
            stop: None,
            cancelled: false,
            recoveries: 0,
        }
    }

    /// Applies an entry.
    ///
    /// # Errors
    ///
    /// Why it cannot follow those before it.
    pub fn apply(&mut self, entry: &JournalEntry) -> Result<(), String> {
        match entry {
            JournalEntry::Started { .. } => return Err("it starts twice".to_owned()),
            JournalEntry::StepStarted {
                step,
                child_run,
                at,
            } => {
                let was = self.step(*step)?.status;
                let again = was == StepStatus::Failed;
                self.transition_step(*step, StepStatus::Running)?
                    .begin_tries(was == StepStatus::Running);
                let was_ready = self.ready.remove(step);
                let mut others = self.running.iter().filter(|other| *other != step);
                let other = others.next().copied();
                // If there are more, they are marked already.
                if let (Some(only), None) = (other, others.next()) {
                    self.steps[only].ran_concurrently = true;
                }
                self.running.insert(*step);
                let state = &mut self.steps[*step];
                state.ran_concurrently |= other.is_some();
                if again && !was_ready {
                    state.retried_alone = true;
                    self.sequential_retry = Some(*step);
                }
                if state.child_run != *child_run {
                    state.child_run.clone_from(child_run);
                    state.child_count += 1;
                }
                state.started_at.get_or_insert(*at);
                if again {
                    // Its failure no longer counts, but its doubt does, and another step's failure may.
                    let failure = state.failure.take();
                    state.in_doubt |= failure.is_some_and(|failure| failure.in_doubt);
                    self.ended.retain(|ended| ended != step);
                    self.stop = self.first_failure().map(StopReason::Failed);
                }
            }
            JournalEntry::RetryScheduled {
                step, failure, due, ..
            } => {
                let tries = &mut self.calling(*step)?.tries;
                tries.failures.push(Failure::clone(failure));
                tries.due = Some(*due);
            }
            JournalEntry::RetryStarted { step, .. } => self.calling(*step)?.tries.due = None,
            JournalEntry::StepCompleted {
                step,
                reply,
                degraded,
                in_doubt,
                at,
            } => {
                let state = self.transition_step(*step, StepStatus::Completed)?;
                state.tries = Tries::default();
                state.in_doubt |= *in_doubt;
                state.degraded = *degraded;
                state.reply = Some(Arc::clone(reply));
                state.ended_at = Some(*at);
                self.record_end(*step);
                self.release_dependents(*step);
            }
            JournalEntry::StepFailed { step, failure, at } => {
                let state = self.transition_step(*step, StepStatus::Failed)?;
                state.tries = Tries::default();
                let mut failure = failure.clone();
                failure.in_doubt |= state.in_doubt;
                state.failure = Some(failure);
                state.ended_at = Some(*at);
                self.record_end(*step);
                if self.plan.workflow.steps[*step].optional {
                    self.release_dependents(*step);
                } else {
                    self.stop.get_or_insert(StopReason::Failed(*step));
                }
            }
            JournalEntry::CancellationRequested { .. } => {
                if self.status == WorkflowStatus::Interrupted {
                    self.transition_to(WorkflowStatus::Running)?;
                    self.ended_at = None;
                    self.stop = None;
                }
                self.cancelled = true;
                self.stop.get_or_insert(StopReason::Cancelled);
            }
            JournalEntry::Recovered { .. } => {
                self.recoveries += 1;
                let most = self.plan.workflow.max_recoveries.unwrap_or(MAX_RECOVERIES);
                if self.recoveries > most {
                    self.stop.get_or_insert(StopReason::Exhausted);
                }
            }
            JournalEntry::Stopped { .. } => {
                self.stop.get_or_insert(StopReason::Stopped);
            }
            JournalEntry::CompensationStarted { step, at } => {
                let was = self.step(*step)?.status;
                let state = self.transition_step(*step, StepStatus::Compensating)?;
                state.begin_tries(was == StepStatus::Compensating);
                let is_first = state.compensation_started_at.is_none();
                if is_first || was == StepStatus::CompensationFailed {
                    state.compensation_started_at = Some(*at);
                    state.undone_again = false;
                }
                if is_first {
                    self.compensated.push(*step);
                }
            }
            JournalEntry::CompensationEnded { step, failure, at } => {
                let next = match failure {
                    None => StepStatus::Compensated,
                    Some(_) => StepStatus::CompensationFailed,
                };
                let state = self.transition_step(*step, next)?;
                state.tries = Tries::default();
                state.compensation_failure = failure.clone();
                state.compensation_ended_at = Some(*at);
            }
            JournalEntry::Ended { status, at } => {
                self.transition_to(*status)?;
                self.ended_at = Some(*at);
                if *status != WorkflowStatus::Interrupted {
                    for state in &mut self.steps {
                        if state.status == StepStatus::Pending {
                            state.status = StepStatus::Skipped;
                        }
                    }
                }
            }
            JournalEntry::Resumed { .. } if self.status == WorkflowStatus::Failed => {
                self.transition_to(WorkflowStatus::Running)?;
                self.ended_at = None;
                for state in &mut self.steps {
                    state.undone_again = state.status == StepStatus::CompensationFailed;
                }
            }
            JournalEntry::Resumed { at } => {
                self.transition_to(WorkflowStatus::Running)?;
                self.deadline_base = *at;
                self.ended_at = None;
                self.stop = None;
                for (step, state) in self.steps.iter_mut().enumerate() {
                    if state.status == StepStatus::Failed {
                        // The time until the resumption does not count.
                        state.started_at = None;
                        state.ran_concurrently = false;
                        state.retried_alone = false;
                        if !self.plan.workflow.steps[step].optional {
                            self.ready.insert(step);
                        }
                    }
                }
            }
            JournalEntry::UndoRequested { .. } => {
                // A crash may have cut it off before it ended.
                if self.status != WorkflowStatus::Running {
                    self.transition_to(WorkflowStatus::Running)?;
                }
                self.ended_at = None;
                self.stop = Some(StopReason::Undone);
            }
        }
        Ok(())
    }

    fn record_end(&mut self, step: usize) {
        self.running.remove(&step);
        self.sequential_retry = self.sequential_retry.filter(|retry| *retry != step);
        self.ended.push(step);
    }

    /// Marks as ready the steps that waited only for this one, which completed or was optional.
    fn release_dependents(&mut self, step: usize) {
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

    /// A step whose call, or whose compensation's, is being made.
    fn calling(&mut self, step: usize) -> Result<&mut StepState, String> {
        match self.step(step)?.status {
            StepStatus::Running | StepStatus::Compensating => Ok(&mut self.steps[step]),
            other => {
                let id = &self.plan.steps[step].id;
                Err(format!(
                    "the step {id:?} is {}, it has no retries",
                    other.as_str()
                ))
            }
        }
    }

    fn transition_step(&mut self, step: usize, next: StepStatus) -> Result<&mut StepState, String> {
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

    fn transition_to(&mut self, next: WorkflowStatus) -> Result<(), String> {
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

    /// The first failure that counts: of a step that is not optional and not about to run again.
    fn first_failure(&self) -> Option<usize> {
        self.ended.iter().copied().find(|&step| {
            self.steps[step].status == StepStatus::Failed
                && !self.plan.workflow.steps[step].optional
                && !self.ready.contains(&step)
        })
    }

    /// The steps that are running, in order of declaration.
    pub fn running(&self) -> impl Iterator<Item = usize> + '_ {
        self.running.iter().copied()
    }

    pub fn with_status(&self, status: StepStatus) -> impl Iterator<Item = usize> + '_ {
        (0..self.steps.len()).filter(move |&step| self.steps[step].status == status)
    }

    /// The steps that can start, in order of declaration: their dependencies are done, nothing stops
    /// the run, and no step is being retried alone.
    ///
    /// An optional step that failed counts as done; the other failed steps of a resumed run are
    /// ready to run again.
    pub fn ready(&self) -> impl Iterator<Item = usize> + '_ {
        let blocked = self.stop.is_some() || self.sequential_retry.is_some();
        self.ready.iter().copied().filter(move |_| !blocked)
    }

    /// The next failed step of a parallel group that is retried alone, in order of declaration.
    ///
    /// There is none once such a retry failed. Resuming the run allows them again.
    pub fn next_sequential_retry(&self) -> Option<usize> {
        let retries = self.plan.workflow.on_parallel_failure == Some(OnParallelFailure::Sequential);
        if !retries || self.cancelled {
            return None;
        }
        // A step whose retry failed stays the first, so that no later one is retried.
        let first = self
            .with_status(StepStatus::Failed)
            .find(|&step| !self.plan.workflow.steps[step].optional)?;
        let state = &self.steps[first];
        (state.ran_concurrently && !state.retried_alone).then_some(first)
    }

    /// Whether the run is lost: no step starts, and no call is retried.
    ///
    /// A parallel group that failed is not, as long as its failed steps can be retried alone.
    pub fn is_lost(&self) -> bool {
        match self.stop {
            None => false,
            Some(StopReason::Failed(_)) => self.next_sequential_retry().is_none(),
            Some(_) => true,
        }
    }

    /// Whether steps are to be undone, once nothing is running.
    ///
    /// A run that is cancelled, or undone with its parent, is compensated even if a failure would
    /// leave a partial result. One that completes without some of its optional steps undoes what
    /// those may have done.
    pub fn should_compensate(&self) -> bool {
        let compensates = self.plan.workflow.on_failure == OnFailure::Compensate;
        match self.stop {
            None => (0..self.steps.len()).any(|step| self.is_to_be_undone(step)),
            Some(StopReason::Undone | StopReason::Exhausted) => true,
            Some(StopReason::Stopped) => false,
            Some(StopReason::Failed(_) | StopReason::Cancelled) => compensates || self.cancelled,
        }
    }

    /// Steps to undo, newest first: completed ones, and failed ones that may have had an effect.
    pub fn to_compensate(&self) -> Vec<usize> {
        let undone = |step: &usize| self.is_to_be_undone(*step);
        self.ended.iter().rev().copied().filter(undone).collect()
    }

    fn is_to_be_undone(&self, step: usize) -> bool {
        let state = &self.steps[step];
        let planned = &self.plan.steps[step];
        let is_due = match state.status {
            // A fallback that stood in for the reply has done nothing.
            StepStatus::Completed if state.degraded && planned.call().is_some() => state.in_doubt,
            StepStatus::Completed => true,
            StepStatus::Compensating => return true,
            StepStatus::CompensationFailed => state.undone_again,
            StepStatus::Failed => {
                self.plan.workflow.steps[step].partially_effective
                    || state
                        .failure
                        .as_ref()
                        .is_some_and(|failure| failure.in_doubt)
            }
            _ => false,
        };
        // What completed stays where the run completes.
        let completes = self.stop.is_none() && state.status == StepStatus::Completed;
        is_due && !completes && planned.compensation.is_some()
    }

    /// The status with which a run that has nothing left to do ends.
    pub fn final_status(&self) -> WorkflowStatus {
        let failed = self
            .with_status(StepStatus::CompensationFailed)
            .next()
            .is_some();
        let is_degraded = |step: &StepState| step.failure.is_some() || step.degraded;
        match self.stop {
            None if failed => WorkflowStatus::Failed,
            None if self.steps.iter().any(is_degraded) => WorkflowStatus::Degraded,
            None => WorkflowStatus::Completed,
            Some(_) if failed => WorkflowStatus::Failed,
            Some(StopReason::Cancelled) => WorkflowStatus::Cancelled,
            Some(StopReason::Undone | StopReason::Exhausted) => WorkflowStatus::RolledBack,
            Some(StopReason::Stopped) => WorkflowStatus::Interrupted,
            Some(StopReason::Failed(_)) if self.should_compensate() => WorkflowStatus::RolledBack,
            Some(StopReason::Failed(_)) => WorkflowStatus::Interrupted,
        }
    }

    /// The run's data under a name: the input, or a completed step's reply.
    pub fn data(&self, name: &str) -> Option<&Arc<Value>> {
        if name == "input" {
            return Some(&self.input);
        }
        self.steps[self.plan.index(name)?].reply.as_ref()
    }

    /// All of the run's data.
    pub fn all_data(&self) -> Value {
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

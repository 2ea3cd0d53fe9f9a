//! What the journal of a run says, entry by entry.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    JournalEntry, Plan,
    journal::{Parties, RunStart},
    plan::PlannedStep,
    step_set::StepSet,
    step_state::StepState,
    wait::Wait,
};
use crate::domain::{Failure, StepStatus, WorkflowStatus};

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
    pub ready: StepSet,
    /// Running steps, in order of declaration.
    running: StepSet,
    /// The step that is being retried alone after its parallel group failed.
    pub sequential_retry: Option<usize>,
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
    pub parties: Option<Box<Parties>>,
    /// The number of the first event that its waits may take.
    pub events_from: u64,
    /// The numbers of the events that they have taken.
    pub taken: BTreeSet<u64>,
}

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

impl RunState {
    /// The state after a run's first entry.
    pub fn new(plan: Arc<Plan>, run: Arc<str>, start: RunStart) -> Self {
        let waits = |step: &PlannedStep| StepState {
            waits: u32::try_from(step.dependencies.len()).unwrap_or(u32::MAX),
            ..StepState::default()
        };
        let steps: Vec<StepState> = plan.steps.iter().map(waits).collect();
        Self {
            ready: (0..steps.len())
                .filter(|&step| steps[step].waits == 0)
                .collect(),
            running: StepSet::default(),
            sequential_retry: None,
            steps,
            plan,
            run,
            input: start.input,
            status: WorkflowStatus::Running,
            started_at: start.at,
            deadline_base: start.at,
            ended_at: None,
            ended: Vec::new(),
            compensated: Vec::new(),
            stop: None,
            cancelled: false,
            recoveries: 0,
            parties: start.parties,
            events_from: start.events_from,
            taken: BTreeSet::new(),
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
                due,
                at,
            } => {
                let was = self.step(*step)?.status;
                let again = was == StepStatus::Failed;
                self.transition_step(*step, StepStatus::Running)?
                    .begin_tries(was == StepStatus::Running);
                let was_ready = self.ready.remove(*step);
                let (other, another) = {
                    let mut others = self.running.iter().filter(|other| other != step);
                    (others.next(), others.next())
                };
                // If there are more, they are marked already.
                if let (Some(only), None) = (other, another) {
                    self.steps[only].ran_concurrently = true;
                }
                self.running.insert(*step);
                let asks = matches!(self.plan.steps[*step].wait(), Some(Wait::Approval(_)));
                let is_resumed = again && self.plan.degrades();
                let state = &mut self.steps[*step];
                // An approval that was not given is asked for anew.
                state.child_count += u32::from(again && asks);
                state.ran_concurrently |= other.is_some();
                if is_resumed {
                    // The time until the resumption does not count.
                    state.started_at = None;
                } else if again && !was_ready {
                    state.retried_alone = true;
                    self.sequential_retry = Some(*step);
                }
                state.set_child_run(child_run.as_ref());
                state.due = *due;
                state.started_at.get_or_insert(*at);
                if again {
                    // Its failure no longer counts, but its doubt does, and another step's failure may.
                    let failure = state.failure.take();
                    state.in_doubt |= failure.is_some_and(|failure| failure.in_doubt);
                    self.ended.retain(|ended| ended != step);
                    if !is_resumed {
                        self.stop = self.first_failure().map(StopReason::Failed);
                    }
                }
            }
            JournalEntry::RetryScheduled {
                step, failure, due, ..
            } => {
                let tries = self.calling(*step)?.tries.get_or_insert_default();
                tries.failures.push(Failure::clone(failure));
                tries.due = Some(*due);
            }
            JournalEntry::RetryStarted {
                step, child_run, ..
            } => {
                let state = self.calling(*step)?;
                if let Some(tries) = &mut state.tries {
                    tries.due = None;
                }
                state.set_child_run(child_run.as_ref());
            }
            JournalEntry::StepCompleted {
                step,
                reply,
                degraded,
                in_doubt,
                event,
                at,
            } => {
                self.taken.extend(event);
                let state = self.transition_step(*step, StepStatus::Completed)?;
                state.tries = None;
                state.resumption = None;
                state.in_doubt |= *in_doubt;
                state.degraded = *degraded;
                state.reply = Some(Arc::clone(reply));
                state.ended_at = Some(*at);
                self.record_end(*step);
                self.release_dependents(*step);
            }
            JournalEntry::StepFailed {
                step,
                failure,
                is_past_pivot,
                resumes_at,
                awaits_service,
                at,
            } => {
                let waits = self.plan.steps[*step].wait().is_some();
                let state = self.transition_step(*step, StepStatus::Failed)?;
                state.tries = None;
                let mut failure = failure.clone();
                failure.in_doubt |= state.in_doubt;
                state.failure = Some(failure);
                state.is_past_pivot |= is_past_pivot;
                // A wait that was cut short goes on where it was; all else has its time anew.
                state.due = state.due.filter(|due| waits && *at < *due);
                state.ended_at = Some(*at);
                self.record_end(*step);
                if self.plan.workflow.steps[*step].optional {
                    self.release_dependents(*step);
                } else if self.plan.degrades() {
                    self.keep_failed(*step, *resumes_at, *awaits_service, *at);
                } else {
                    self.stop.get_or_insert(StopReason::Failed(*step));
                }
            }
            JournalEntry::CancellationRequested { .. } => {
                if self.status.can_be_resumed() {
                    self.transition_to(WorkflowStatus::Running)?;
                    self.ended_at = None;
                    self.stop = None;
                }
                self.cancelled = true;
                self.stop.get_or_insert(StopReason::Cancelled);
            }
            JournalEntry::Recovered { .. } => {
                self.recoveries += 1;
                if self.recoveries > self.max_recoveries() && !self.is_lost() {
                    self.stop = Some(StopReason::Exhausted);
                }
            }
            JournalEntry::Stopped { .. } => {
                if !self.is_lost() {
                    self.stop = Some(StopReason::Stopped);
                }
            }
            JournalEntry::CompensationStarted { step, at } => {
                let was = self.step(*step)?.status;
                let state = self.transition_step(*step, StepStatus::Compensating)?;
                state.begin_tries(was == StepStatus::Compensating);
                let is_first = state.undo.is_none();
                let undo = state.undo.get_or_insert_default();
                if is_first || was == StepStatus::CompensationFailed {
                    undo.started_at = *at;
                    undo.again = false;
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
                state.tries = None;
                let undo = state.undo.get_or_insert_default();
                undo.failure.clone_from(failure);
                undo.ended_at = Some(*at);
            }
            JournalEntry::Ended { status, at } => {
                self.transition_to(*status)?;
                self.ended_at = Some(*at);
                if !status.can_be_resumed() {
                    for state in &mut self.steps {
                        if state.status.has_yet_to_start() {
                            state.status = StepStatus::Skipped;
                        }
                    }
                }
            }
            JournalEntry::Resumed { .. } if self.status == WorkflowStatus::Failed => {
                self.transition_to(WorkflowStatus::Running)?;
                self.ended_at = None;
                for state in &mut self.steps {
                    if let Some(undo) = &mut state.undo {
                        undo.again = state.status == StepStatus::CompensationFailed;
                    }
                }
            }
            JournalEntry::Resumed { workflow, at } => {
                self.take_deferred_up();
                if let Some(workflow) = workflow {
                    self.mend(Arc::new(Plan::from_journal(Arc::clone(workflow))?));
                }
                self.transition_to(WorkflowStatus::Running)?;
                self.deadline_base = *at;
                self.ended_at = None;
                self.stop = None;
                self.cancelled = false;
                self.recoveries = 0;
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
        self.running.remove(step);
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

    /// The steps that are running, in order of declaration.
    pub fn running(&self) -> impl Iterator<Item = usize> + '_ {
        self.running.iter()
    }

    pub fn with_status(&self, status: StepStatus) -> impl Iterator<Item = usize> + '_ {
        (0..self.steps.len()).filter(move |&step| self.steps[step].status == status)
    }

    /// The run's data under a name: the input, or a completed step's reply.
    pub fn data(&self, name: &str) -> Option<&Arc<Value>> {
        if name == "input" {
            return Some(&self.input);
        }
        self.steps[self.plan.index(name)?].reply.as_ref()
    }
}

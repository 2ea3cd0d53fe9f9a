//! Projections: the progress of each one through the stored events, and the read model that it
//! builds.

mod definition;
mod projector;
mod read_model;
mod status;
mod task;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use chrono::DateTime;
use serde_json::Value;
use tokio::sync::Notify;

use self::read_model::{APPLY, BatchProgress, RESET, ReadModel};
pub use self::{
    definition::{HandlerDefinition, ProjectionDefinition},
    projector::Projector,
    status::{ProjectionError, ProjectionFailure, ProjectionStatus},
};
use crate::{
    clock::{Clock, EPOCH},
    domain::{CallName, Failure, Locked},
    observability::{EventKind, Timeline},
};

/// With more recent errors than this, a projection is paused.
const MAX_ERRORS: usize = 10;

/// One projection and its progress.
struct Projection {
    definition: Arc<ProjectionDefinition>,
    apply: CallName,
    reset: Option<CallName>,
    /// `None` if another service receives the events.
    read_model: Option<ReadModel>,
    timeline: Timeline,
    /// Wakes its task early, because of a rebuild or a resume.
    wake: Notify,
    /// Notifies the projector that a projection has made progress.
    progressed: Arc<Notify>,
    state: Locked<ProjectionState>,
}

#[derive(Debug)]
struct ProjectionState {
    status: ProjectionStatus,
    task: TaskState,
    /// The position of the last event that was applied.
    checkpoint: u64,
    /// The position of the last event that was applied or skipped.
    position: u64,
    /// Counts rebuilds: actions that began in an earlier generation are stale.
    generation: u64,
    rebuild: Option<Rebuild>,
    /// When the recent errors happened.
    errors: VecDeque<Duration>,
    failure: Option<ProjectionFailure>,
}

/// What a projection's task is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TaskState {
    Active,
    /// Without work until the next event.
    Idle,
    /// It waits to retry.
    Waiting,
}

#[derive(Clone, Copy, Debug)]
struct Rebuild {
    /// The read model has not been reset yet.
    to_reset: bool,
    /// The position at which the rebuild is complete.
    target: u64,
    /// How many events were applied since the reset.
    applied: u64,
    /// It was paused when the rebuild began.
    was_paused: bool,
}

/// What a projection's task has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NextAction {
    Reset { generation: u64 },
    Read { after: u64, generation: u64 },
    Wait,
}

/// What an attempt to apply events means for the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ApplyResult {
    Applied,
    /// Retry after the delay.
    Retry,
    /// The projection was paused or rebuilt meanwhile: ask for the next action.
    Stale,
}

impl Projection {
    fn new(
        definition: Arc<ProjectionDefinition>,
        read_model: Option<ReadModel>,
        timeline: Timeline,
        progressed: Arc<Notify>,
    ) -> Self {
        let own = |operation| CallName::new(&definition.name, operation);
        let (apply, reset) = match &definition.target {
            Some(target) => (target.clone(), definition.reset.clone()),
            None => (own(APPLY), Some(own(RESET))),
        };
        Self {
            definition,
            apply,
            reset,
            read_model,
            timeline,
            wake: Notify::new(),
            progressed,
            state: Locked::new(ProjectionState {
                status: ProjectionStatus::Running,
                task: TaskState::Idle,
                checkpoint: 0,
                position: 0,
                generation: 0,
                rebuild: None,
                errors: VecDeque::new(),
                failure: None,
            }),
        }
    }

    fn name(&self) -> &Arc<str> {
        &self.definition.name
    }

    /// Whether it only waits, given the position of the last event.
    fn is_idle(&self, last: u64) -> bool {
        let state = self.state.lock();
        match state.task {
            TaskState::Active => false,
            TaskState::Waiting => true,
            TaskState::Idle => state.is_done(last),
        }
    }

    /// Whether it is paused or has applied all events, given the position of the last one.
    fn has_caught_up(&self, last: u64) -> bool {
        let state = self.state.lock();
        state.task == TaskState::Idle && state.is_done(last)
    }

    /// Begins the next action, given the position of the last event.
    fn next_action(&self, last: u64) -> NextAction {
        let mut state = self.state.lock();
        let generation = state.generation;
        let next = match (state.status, state.rebuild) {
            (ProjectionStatus::Paused, _) => NextAction::Wait,
            (_, Some(Rebuild { to_reset: true, .. })) => NextAction::Reset { generation },
            _ if state.position < last => NextAction::Read {
                after: state.position,
                generation,
            },
            _ => NextAction::Wait,
        };
        state.task = match next {
            NextAction::Wait => TaskState::Idle,
            NextAction::Reset { .. } | NextAction::Read { .. } => TaskState::Active,
        };
        drop(state);
        self.progressed.notify_waiters();
        next
    }

    fn begin_wait(&self) {
        self.state.lock().task = TaskState::Waiting;
        self.progressed.notify_waiters();
    }

    /// Ends a wait; false if the retry is stale.
    fn end_wait(&self, generation: u64) -> bool {
        let mut state = self.state.lock();
        state.task = TaskState::Active;
        state.is_current(generation)
    }

    /// The checkpoint to continue after; `None` if the generation is stale.
    fn current_checkpoint(&self, generation: u64) -> Option<u64> {
        let state = self.state.lock();
        state.is_current(generation).then_some(state.checkpoint)
    }

    /// Whether its read model receives many events in one call.
    fn is_replaying(&self) -> bool {
        self.read_model.is_some() && self.state.lock().rebuild.is_some()
    }

    fn record_reset(&self, generation: u64) {
        let mut state = self.state.lock();
        if !state.is_current(generation) {
            return;
        }
        if let Some(rebuild) = &mut state.rebuild {
            rebuild.to_reset = false;
        }
        self.end_rebuild(&mut state);
    }

    /// Records that events were applied or skipped, `event` last.
    fn record_progress(
        &self,
        progress: &BatchProgress,
        event: Option<&Value>,
        generation: u64,
    ) -> ApplyResult {
        let mut state = self.state.lock();
        if !state.is_current(generation) {
            return ApplyResult::Stale;
        }
        state.position = progress.position;
        if progress.applied > 0 {
            state.checkpoint = progress.checkpoint;
            state.failure = None;
        }
        match (&mut state.rebuild, event) {
            // A rebuild is recorded when it ends; the age of its events is irrelevant.
            (Some(rebuild), _) => rebuild.applied += progress.applied,
            (None, Some(event)) if progress.applied > 0 => {
                self.timeline.record(EventKind::ProjectionAdvanced {
                    projection: Arc::clone(self.name()),
                    checkpoint: progress.checkpoint,
                    kind: kind_of(event),
                    lag: self.lag(event),
                });
            }
            (None, _) => {}
        }
        self.end_rebuild(&mut state);
        ApplyResult::Applied
    }

    fn record_failure(
        &self,
        position: u64,
        event: &Value,
        error: Failure,
        generation: u64,
    ) -> ApplyResult {
        let now = self.timeline.now();
        let mut state = self.state.lock();
        if !state.is_current(generation) {
            return ApplyResult::Stale;
        }
        let before = state
            .failure
            .as_ref()
            .filter(|failure| failure.position == position);
        let retries = before.map_or(0, |failure| failure.retries + 1);
        // A breaker or a bulkhead that refused the call says nothing about the event.
        let was_refused = error.executions == 0 && error.retryable;
        self.timeline.record(EventKind::ProjectionFailed {
            projection: Arc::clone(self.name()),
            position,
            kind: kind_of(event),
            code: Arc::clone(&error.code),
            retries,
        });
        state.failure = Some(ProjectionFailure {
            projection: Arc::clone(self.name()),
            position,
            event: event.clone(),
            error,
            timestamp: Clock::timestamp(now),
            retries,
        });
        if was_refused {
            return ApplyResult::Retry;
        }
        let window = self.definition.error_window;
        state.errors.push_back(now);
        state.errors.retain(|at| now.saturating_sub(*at) <= window);
        if state.errors.len() <= MAX_ERRORS {
            return ApplyResult::Retry;
        }
        state.transition_to(ProjectionStatus::Paused);
        self.timeline.record(EventKind::ProjectionPaused {
            projection: Arc::clone(self.name()),
            errors: u32::try_from(state.errors.len()).unwrap_or(u32::MAX),
        });
        ApplyResult::Stale
    }

    /// Continues after a pause and clears the earlier errors; false if it is not paused.
    fn resume(&self) -> bool {
        let mut state = self.state.lock();
        if state.status != ProjectionStatus::Paused {
            return false;
        }
        state.errors.clear();
        let next = match state.rebuild {
            Some(_) => ProjectionStatus::Rebuilding,
            None => ProjectionStatus::Running,
        };
        state.transition_to(next);
        // Until its task notices.
        state.task = TaskState::Active;
        self.record_resumed();
        drop(state);
        self.wake.notify_one();
        true
    }

    /// Starts again from the first event; the rebuild is complete at a position.
    fn rebuild(&self, target: u64) {
        let mut state = self.state.lock();
        let was_paused = state.status == ProjectionStatus::Paused
            || state.rebuild.is_some_and(|rebuild| rebuild.was_paused);
        state.transition_to(ProjectionStatus::Rebuilding);
        state.generation += 1;
        state.checkpoint = 0;
        state.position = 0;
        state.errors.clear();
        state.failure = None;
        state.rebuild = Some(Rebuild {
            to_reset: true,
            target,
            applied: 0,
            was_paused,
        });
        state.task = TaskState::Active;
        drop(state);
        self.wake.notify_one();
    }

    /// Ends the rebuild if it is complete.
    fn end_rebuild(&self, state: &mut ProjectionState) {
        let position = state.position;
        let is_complete = |rebuild: &mut Rebuild| !rebuild.to_reset && position >= rebuild.target;
        let Some(rebuild) = state.rebuild.take_if(is_complete) else {
            return;
        };
        state.transition_to(ProjectionStatus::Running);
        self.timeline.record(EventKind::ProjectionRebuilt {
            projection: Arc::clone(self.name()),
            events: rebuild.applied,
            checkpoint: state.checkpoint,
        });
        if rebuild.was_paused {
            self.record_resumed();
        }
    }

    fn record_resumed(&self) {
        self.timeline.record(EventKind::ProjectionResumed {
            projection: Arc::clone(self.name()),
        });
    }

    fn lag(&self, event: &Value) -> Duration {
        let time = event["time"].as_str();
        let time = time.and_then(|time| DateTime::parse_from_rfc3339(time).ok());
        let happened = time.and_then(|time| (time.to_utc() - EPOCH).to_std().ok());
        self.timeline
            .now()
            .saturating_sub(happened.unwrap_or_default())
    }
}

impl ProjectionState {
    /// Whether it is paused or has applied all events, given the position of the last one.
    fn is_done(&self, last: u64) -> bool {
        self.status == ProjectionStatus::Paused || self.position >= last
    }

    /// Whether an action that began in a generation is still valid.
    fn is_current(&self, generation: u64) -> bool {
        self.generation == generation && self.status != ProjectionStatus::Paused
    }

    fn transition_to(&mut self, next: ProjectionStatus) {
        debug_assert!(self.status.can_become(next), "{:?} → {next:?}", self.status);
        self.status = next;
    }
}

fn kind_of(event: &Value) -> Arc<str> {
    event["type"].as_str().unwrap_or_default().into()
}

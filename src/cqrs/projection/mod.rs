//! Projections: the progress of each one through the stored events, and the read model that it
//! builds.

mod definition;
mod progress;
mod projector;
mod read_model;
mod running;
mod status;
mod task;

use std::{sync::Arc, time::Duration};

use chrono::DateTime;
use serde_json::Value;
use tokio::sync::Notify;

pub use self::{
    definition::{HandlerDefinition, ProjectionDefinition, RebuildMode},
    projector::Projector,
    status::{ProjectionError, ProjectionFailure, ProjectionStatus},
};
use self::{
    progress::{ApplyResult, NextAction, ProjectionState, Rebuild, TaskState},
    read_model::{APPLY, BatchProgress, RESET, ReadModel},
};
use crate::{
    clock::{Clock, EPOCH},
    cqrs::store::LastPosition,
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
    positions: LastPosition,
    /// Wakes its task early, because of a rebuild or a resume.
    wake: Notify,
    /// Notifies the projector that a projection has made progress.
    progressed: Arc<Notify>,
    state: Locked<ProjectionState>,
}

impl Projection {
    fn new(
        definition: Arc<ProjectionDefinition>,
        read_model: Option<ReadModel>,
        timeline: Timeline,
        positions: LastPosition,
        progressed: Arc<Notify>,
        state: ProjectionState,
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
            positions,
            wake: Notify::new(),
            progressed,
            state: Locked::new(state),
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

    /// The position of the event to continue after: the last that was applied or set aside; `None` if
    /// the generation is stale.
    fn last_settled(&self, generation: u64) -> Option<u64> {
        let state = self.state.lock();
        let set_aside = state.set_aside.last().map_or(0, |event| event.position);
        let last = state.checkpoint.max(set_aside);
        state.is_current(generation).then_some(last)
    }

    /// Ends the rebuild if it is complete; returns whether it goes on.
    fn is_rebuilding(&self) -> bool {
        let mut state = self.state.lock();
        self.end_rebuild(&mut state);
        state.rebuild.is_some()
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
        self.advance(&mut state, progress, event);
        ApplyResult::Applied
    }

    /// Moves on by what was applied or skipped, and records that, with the last event if it was applied.
    fn advance(
        &self,
        state: &mut ProjectionState,
        progress: &BatchProgress,
        event: Option<&Value>,
    ) {
        state.position = progress.position;
        state
            .missing
            .take_if(|missing| *missing <= progress.position);
        state.checkpoint = progress.checkpoint.unwrap_or(state.checkpoint);
        let position = state.position;
        state
            .failure
            .take_if(|failure| failure.position <= position);
        if let Some(rebuild) = &mut state.rebuild {
            // A rebuild is recorded when it ends; the age of its events is irrelevant.
            rebuild.applied += progress.applied;
        } else if let (Some(checkpoint), Some(event)) = (progress.checkpoint, event) {
            self.timeline.record(EventKind::ProjectionAdvanced {
                projection: Arc::clone(self.name()),
                checkpoint,
                kind: kind_of(event),
                lag: self.lag(event),
            });
        }
        self.end_rebuild(state);
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
        state.resume();
        self.record_resumed();
        drop(state);
        self.wake.notify_one();
        true
    }

    /// Starts again from the first event; the rebuild is complete at a position.
    fn rebuild(&self, target: u64) {
        self.state.lock().begin_rebuild(Some(target), true);
        self.wake.notify_one();
    }

    /// Passes over the event that holds it back, and continues; false if none does.
    ///
    /// One that its read model has applied, though no answer said so, is not passed over.
    fn set_aside(&self) -> bool {
        let mut state = self.state.lock();
        let Some(failure) = state.failure.take() else {
            return false;
        };
        let position = failure.position;
        state.generation += 1;
        let read_model = self.read_model.as_ref();
        let kind = kind_of(&failure.event);
        let is_handled = self.definition.handles.contains_key(&*kind);
        let (progress, event) = if read_model.is_none_or(|own| own.skip(position)) {
            self.timeline.record(EventKind::EventSetAside {
                projection: Arc::clone(self.name()),
                position,
                kind,
                code: Arc::clone(&failure.error.code),
            });
            state.set_aside.push(failure);
            (BatchProgress::skipped(position), None)
        } else if is_handled {
            (BatchProgress::applied(position), Some(failure.event))
        } else {
            (BatchProgress::skipped(position), None)
        };
        if state.status == ProjectionStatus::Paused {
            state.resume();
            self.record_resumed();
        }
        state.errors.clear();
        state.task = TaskState::Active;
        self.advance(&mut state, &progress, event.as_ref());
        drop(state);
        self.wake.notify_one();
        true
    }

    /// Holds before a position that the store has not given, though it has given a later one.
    fn hold(&self, missing: u64, found: Option<u64>, generation: u64) {
        let mut state = self.state.lock();
        if !state.is_current(generation) || state.missing == Some(missing) {
            return;
        }
        state.missing = Some(missing);
        let found = match found {
            Some(found) => format!("the store gave the one at {found}"),
            None => "the store gave none".to_owned(),
        };
        self.timeline.record(EventKind::Warning {
            about: Arc::clone(self.name()),
            message: format!(
                "the event at position {missing} is missing, {found}; it is waited for"
            ),
        });
    }

    /// Ends the rebuild if it is complete.
    fn end_rebuild(&self, state: &mut ProjectionState) {
        let position = state.position;
        let is_complete = |rebuild: &mut Rebuild| {
            !rebuild.to_reset && position >= rebuild.target.unwrap_or_else(|| self.positions.get())
        };
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

fn kind_of(event: &Value) -> Arc<str> {
    event["type"].as_str().unwrap_or_default().into()
}

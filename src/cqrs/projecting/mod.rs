//! One projection at work: what it is to do, and what came of it.

mod fate;
mod next;
mod rebuild;
mod state;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::DateTime;
use serde_json::Value;
use tokio::sync::Notify;

use self::state::{Activity, State};
pub(super) use self::{fate::Fate, next::Next};
use super::{
    ProjectionFailure, ProjectionPolicy, ProjectionStatus, projection_service::ProjectionService,
    replayed::Replayed,
};
use crate::{
    clock::{Clock, EPOCH},
    domain::{CallName, Failure},
    observability::{EventKind, Timeline},
};

/// One projection: where it stands, and who waits for it.
pub(super) struct Projecting {
    pub name: Arc<str>,
    pub handles: HashSet<String>,
    pub apply: CallName,
    pub reset: Option<CallName>,
    pub policy: ProjectionPolicy,
    /// What keeps its read model; `None` where another service does.
    pub read_model: Option<ProjectionService>,
    pub timeline: Timeline,
    /// Something else is to be done than what its task waits for.
    pub wake: Notify,
    /// Some projection stands elsewhere than before.
    pub moved: Arc<Notify>,
    state: Mutex<State>,
}

impl Projecting {
    pub fn new(
        name: Arc<str>,
        handles: HashSet<String>,
        (apply, reset): (CallName, Option<CallName>),
        policy: ProjectionPolicy,
        read_model: Option<ProjectionService>,
        (timeline, moved): (Timeline, Arc<Notify>),
    ) -> Self {
        Self {
            name,
            handles,
            apply,
            reset,
            policy,
            read_model,
            timeline,
            wake: Notify::new(),
            moved,
            state: Mutex::new(State::new()),
        }
    }

    pub fn status(&self) -> ProjectionStatus {
        self.lock().status()
    }

    pub fn checkpoint(&self) -> u64 {
        self.lock().checkpoint
    }

    pub fn failure(&self) -> Option<ProjectionFailure> {
        self.lock().failure.clone()
    }

    /// Whether it has nothing to do but wait, where the last event is at a position.
    pub fn is_quiet(&self, last: u64) -> bool {
        let state = self.lock();
        match state.activity {
            Activity::Working => false,
            Activity::Waiting => true,
            Activity::Idle => state.is_at_rest(last),
        }
    }

    /// Whether it has taken all events, the last of them at a position, or is paused.
    pub fn has_caught_up(&self, last: u64) -> bool {
        let state = self.lock();
        state.activity == Activity::Idle && state.is_at_rest(last)
    }

    /// What is to be done, where the last event is at a position.
    pub fn next(&self, last: u64) -> Next {
        let mut state = self.lock();
        let next = state.next(last);
        state.activity = match next {
            Next::Nothing => Activity::Idle,
            Next::Reset { .. } | Next::Read { .. } => Activity::Working,
        };
        drop(state);
        self.moved.notify_waiters();
        next
    }

    /// It waits to try again.
    pub fn waits(&self) {
        self.lock().activity = Activity::Waiting;
        self.moved.notify_waiters();
    }

    /// It goes on, no longer waiting; false if what it waited for no longer matters.
    pub fn goes_on(&self, generation: u64) -> bool {
        let mut state = self.lock();
        state.activity = Activity::Working;
        state.is_current(generation)
    }

    /// It has forgotten all events.
    pub fn was_reset(&self, generation: u64) {
        let mut state = self.lock();
        if !state.is_current(generation) {
            return;
        }
        if let Some(rebuild) = &mut state.rebuild {
            rebuild.to_reset = false;
        }
        self.end_rebuild(&mut state);
    }

    /// The checkpoint that an event comes after; `None` if the event no longer matters.
    pub fn before(&self, generation: u64) -> Option<u64> {
        let state = self.lock();
        state.is_current(generation).then_some(state.checkpoint)
    }

    /// An event that it does not handle.
    pub fn passes_by(&self, position: u64, generation: u64) -> Fate {
        let mut state = self.lock();
        if !state.is_current(generation) {
            return Fate::Moot;
        }
        state.cursor = position;
        self.end_rebuild(&mut state);
        Fate::Done
    }

    /// An event was applied.
    pub fn advances(&self, position: u64, event: &Value, generation: u64) -> Fate {
        let mut state = self.lock();
        if !state.is_current(generation) {
            return Fate::Moot;
        }
        state.cursor = position;
        state.checkpoint = position;
        state.failure = None;
        match &mut state.rebuild {
            // Of a replay the end is told; how old its events are says nothing.
            Some(rebuild) => rebuild.applied += 1,
            None => self.timeline.record(EventKind::ProjectionAdvanced {
                projection: Arc::clone(&self.name),
                checkpoint: position,
                kind: kind_of(event),
                lag: self.lag(event),
            }),
        }
        self.end_rebuild(&mut state);
        Fate::Done
    }

    /// Whether events are handed over many at once.
    pub fn replays(&self) -> bool {
        self.read_model.is_some() && self.lock().rebuild.is_some()
    }

    /// Events up to a position were passed by or applied, so many of them, the last one at a checkpoint.
    pub fn has_replayed(&self, replayed: &Replayed, generation: u64) -> Fate {
        let mut state = self.lock();
        if !state.is_current(generation) {
            return Fate::Moot;
        }
        state.cursor = replayed.position;
        state.checkpoint = replayed.checkpoint;
        if replayed.applied > 0 {
            state.failure = None;
        }
        if let Some(rebuild) = &mut state.rebuild {
            rebuild.applied += replayed.applied;
        }
        self.end_rebuild(&mut state);
        Fate::Done
    }

    /// An event could not be applied.
    pub fn fails(&self, position: u64, event: &Value, error: Failure, generation: u64) -> Fate {
        let now = self.timeline.now();
        let mut state = self.lock();
        if !state.is_current(generation) {
            return Fate::Moot;
        }
        let before = state
            .failure
            .as_ref()
            .filter(|failure| failure.position == position);
        let retries = before.map_or(0, |failure| failure.retries + 1);
        self.timeline.record(EventKind::ProjectionFailed {
            projection: Arc::clone(&self.name),
            position,
            kind: kind_of(event),
            code: Arc::clone(&error.code),
            retries,
        });
        state.failure = Some(ProjectionFailure {
            projection: Arc::clone(&self.name),
            position,
            event: event.clone(),
            error,
            timestamp: Clock::timestamp(now),
            retries,
        });
        let errors = state.count_error(now, self.policy.error_window);
        if errors <= ProjectionPolicy::MOST_ERRORS {
            return Fate::Again;
        }
        state.pause();
        self.timeline.record(EventKind::ProjectionPaused {
            projection: Arc::clone(&self.name),
            errors: u32::try_from(errors).unwrap_or(u32::MAX),
        });
        Fate::Moot
    }

    /// Goes on after a pause, its earlier errors forgiven; false if it is not paused.
    pub fn resume(&self) -> bool {
        let mut state = self.lock();
        if !state.resume() {
            return false;
        }
        self.record_resumed();
        drop(state);
        self.wake.notify_one();
        true
    }

    /// Begins anew with the first event, up to one at a position.
    pub fn rebuild(&self, target: u64) {
        self.lock().begin_rebuild(target);
        self.wake.notify_one();
    }

    fn end_rebuild(&self, state: &mut State) {
        let Some(rebuild) = state.end_rebuild() else {
            return;
        };
        self.timeline.record(EventKind::ProjectionRebuilt {
            projection: Arc::clone(&self.name),
            events: rebuild.applied,
            checkpoint: state.checkpoint,
        });
        if rebuild.was_paused {
            self.record_resumed();
        }
    }

    fn record_resumed(&self) {
        self.timeline.record(EventKind::ProjectionResumed {
            projection: Arc::clone(&self.name),
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

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kind_of(event: &Value) -> Arc<str> {
    event["type"].as_str().unwrap_or_default().into()
}

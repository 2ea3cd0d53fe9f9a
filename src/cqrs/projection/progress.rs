use std::{collections::VecDeque, time::Duration};

use super::{ProjectionFailure, ProjectionStatus};

/// How far a projection is.
#[derive(Clone, Debug)]
pub(super) struct ProjectionState {
    pub status: ProjectionStatus,
    pub task: TaskState,
    /// The position of the last event that was applied.
    pub checkpoint: u64,
    /// The position of the last event that was applied, skipped or set aside.
    pub position: u64,
    /// Counts rebuilds and events that were set aside: actions that began in an earlier generation are
    /// stale.
    pub generation: u64,
    pub rebuild: Option<Rebuild>,
    /// When the recent errors happened.
    pub errors: VecDeque<Duration>,
    pub failure: Option<ProjectionFailure>,
    /// The events that were set aside, in order.
    pub set_aside: Vec<ProjectionFailure>,
    /// The position that it waits for, because the store has given it a later one.
    pub missing: Option<u64>,
}

/// What a projection's task is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TaskState {
    Active,
    /// Without work until the next event.
    Idle,
    /// It waits to retry.
    Waiting,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Rebuild {
    /// The read model has not been reset yet.
    pub to_reset: bool,
    /// The position at which the rebuild is complete; `None` for the last one, whatever it is by then.
    pub target: Option<u64>,
    /// How many events were applied since the reset.
    pub applied: u64,
    /// It was paused when the rebuild began.
    pub was_paused: bool,
}

/// What a projection's task has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextAction {
    Reset { generation: u64 },
    Read { after: u64, generation: u64 },
    Wait,
}

/// What an attempt to apply events means for the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApplyResult {
    Applied,
    /// Retry after the delay.
    Retry,
    /// The projection was paused or rebuilt meanwhile: ask for the next action.
    Stale,
}

impl ProjectionState {
    /// Before the first event.
    pub fn new() -> Self {
        Self {
            status: ProjectionStatus::Running,
            task: TaskState::Idle,
            checkpoint: 0,
            position: 0,
            generation: 0,
            rebuild: None,
            errors: VecDeque::new(),
            failure: None,
            set_aside: Vec::new(),
            missing: None,
        }
    }

    /// Starts again from the first event.
    pub fn begin_rebuild(&mut self, target: Option<u64>, to_reset: bool) {
        let was_paused = self.status == ProjectionStatus::Paused
            || self.rebuild.is_some_and(|rebuild| rebuild.was_paused);
        self.transition_to(ProjectionStatus::Rebuilding);
        *self = Self {
            status: self.status,
            task: TaskState::Active,
            generation: self.generation + 1,
            rebuild: Some(Rebuild {
                to_reset,
                target,
                applied: 0,
                was_paused,
            }),
            ..Self::new()
        };
    }

    /// Ends a pause, and forgets the earlier errors.
    pub fn resume(&mut self) {
        self.errors.clear();
        let next = match self.rebuild {
            Some(_) => ProjectionStatus::Rebuilding,
            None => ProjectionStatus::Running,
        };
        self.transition_to(next);
        // Until its task notices.
        self.task = TaskState::Active;
    }

    /// Whether it is paused or has applied all events, given the position of the last one.
    pub fn is_done(&self, last: u64) -> bool {
        self.status == ProjectionStatus::Paused || self.position >= last
    }

    /// Whether an action that began in a generation is still valid.
    pub fn is_current(&self, generation: u64) -> bool {
        self.generation == generation && self.status != ProjectionStatus::Paused
    }

    pub fn transition_to(&mut self, next: ProjectionStatus) {
        debug_assert!(self.status.can_become(next), "{:?} → {next:?}", self.status);
        self.status = next;
    }
}

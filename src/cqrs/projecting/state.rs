use std::{collections::VecDeque, time::Duration};

use super::{Next, rebuild::Rebuild};
use crate::cqrs::{ProjectionFailure, ProjectionStatus};

/// Where a projection stands.
#[derive(Debug)]
pub(super) struct State {
    status: ProjectionStatus,
    pub activity: Activity,
    /// The position of the event that was applied last.
    pub checkpoint: u64,
    /// The position of the event that was applied last, or passed by since.
    pub cursor: u64,
    /// How often it was rebuilt.
    generation: u64,
    pub rebuild: Option<Rebuild>,
    /// When it failed, as far as that is recent.
    errors: VecDeque<Duration>,
    pub failure: Option<ProjectionFailure>,
}

/// What a projection's task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    Working,
    /// There is nothing to do.
    Idle,
    /// It waits to try again.
    Waiting,
}

impl State {
    /// Of a projection that took no event yet.
    pub fn new() -> Self {
        Self {
            status: ProjectionStatus::Running,
            activity: Activity::Idle,
            checkpoint: 0,
            cursor: 0,
            generation: 0,
            rebuild: None,
            errors: VecDeque::new(),
            failure: None,
        }
    }

    pub fn status(&self) -> ProjectionStatus {
        self.status
    }

    /// Whether it is paused, or has taken all events, the last of them at a position.
    pub fn is_at_rest(&self, last: u64) -> bool {
        self.status == ProjectionStatus::Paused || self.cursor >= last
    }

    /// Whether what began in a generation still matters.
    pub fn is_current(&self, generation: u64) -> bool {
        self.generation == generation && self.status != ProjectionStatus::Paused
    }

    /// What is to be done, where the last event is at a position.
    pub fn next(&self, last: u64) -> Next {
        let generation = self.generation;
        match (self.status, self.rebuild) {
            (ProjectionStatus::Paused, _) => Next::Nothing,
            (_, Some(Rebuild { to_reset: true, .. })) => Next::Reset { generation },
            _ if self.cursor < last => Next::Read {
                after: self.cursor,
                generation,
            },
            _ => Next::Nothing,
        }
    }

    /// Notes an error, and forgets those that lie further back than the window; says how many are
    /// left.
    pub fn count_error(&mut self, now: Duration, window: Duration) -> usize {
        self.errors.push_back(now);
        self.errors.retain(|at| now.saturating_sub(*at) <= window);
        self.errors.len()
    }

    pub fn pause(&mut self) {
        self.become_(ProjectionStatus::Paused);
    }

    /// Goes on after a pause, its earlier errors forgiven; false if it is not paused.
    pub fn resume(&mut self) -> bool {
        if self.status != ProjectionStatus::Paused {
            return false;
        }
        self.errors.clear();
        self.become_(match self.rebuild {
            Some(_) => ProjectionStatus::Rebuilding,
            None => ProjectionStatus::Running,
        });
        // Until its task has seen it.
        self.activity = Activity::Working;
        true
    }

    /// Begins anew with the first event, up to one at a position.
    pub fn begin_rebuild(&mut self, target: u64) {
        let was_paused = match (self.status, self.rebuild) {
            (ProjectionStatus::Paused, _) => true,
            (_, rebuild) => rebuild.is_some_and(|rebuild| rebuild.was_paused),
        };
        self.become_(ProjectionStatus::Rebuilding);
        self.generation += 1;
        self.checkpoint = 0;
        self.cursor = 0;
        self.errors.clear();
        self.failure = None;
        self.rebuild = Some(Rebuild::new(target, was_paused));
        self.activity = Activity::Working;
    }

    /// Ends a rebuild that is over.
    pub fn end_rebuild(&mut self) -> Option<Rebuild> {
        let cursor = self.cursor;
        let over = self.rebuild.take_if(|rebuild| rebuild.is_over(cursor))?;
        self.become_(ProjectionStatus::Running);
        Some(over)
    }

    fn become_(&mut self, next: ProjectionStatus) {
        debug_assert!(self.status.can_become(next), "{:?} → {next:?}", self.status);
        self.status = next;
    }
}

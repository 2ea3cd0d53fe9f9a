use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use serde_json::Value;
use smallvec::SmallVec;

use super::{
    step_set::number,
    timers::{Timer, Timers},
};
use crate::{clock::Clock, observability::WaitHead, resilience::LAST_TURNS};

/// The open waits of a run: data, so that none needs a future of its own.
#[derive(Default)]
pub(super) struct OpenWaits {
    timers: Timers,
    /// In the order in which they began. Most runs have one at a time.
    events: SmallVec<[EventWaiting; 1]>,
}

/// An open wait for an event.
pub(super) struct EventWaiting {
    /// Its number in few bytes: the waits of a run are part of its task.
    step: u32,
    /// When it began in this process, as an offset on the clock.
    pub began: Duration,
    pub head: Arc<WaitHead>,
    /// What it waits for is known already.
    pub answered: Option<Arc<Value>>,
    /// Whether the events that have come so far are not the right ones.
    pub is_checked: bool,
    /// How many turns of the runtime an event has left to come once the time is over.
    pub turns: Option<u8>,
}

impl EventWaiting {
    pub fn new(
        step: usize,
        began: Duration,
        head: Arc<WaitHead>,
        answered: Option<Arc<Value>>,
    ) -> Self {
        Self {
            step: number(step),
            began,
            head,
            answered,
            is_checked: false,
            turns: None,
        }
    }

    pub fn step(&self) -> usize {
        self.step as usize
    }
}

impl OpenWaits {
    pub fn is_empty(&self) -> bool {
        self.timers.is_empty() && self.events.is_empty()
    }

    pub fn events(&mut self) -> &mut [EventWaiting] {
        &mut self.events
    }

    pub fn add_timer(&mut self, timer: Timer) {
        self.timers.add(timer);
    }

    pub fn add_event(&mut self, wait: EventWaiting) {
        if let Some(until) = wait.head.until {
            let (step, began) = (wait.step(), wait.began);
            self.timers.add(Timer { until, step, began });
        }
        self.events.push(wait);
    }

    pub fn take_event(&mut self, place: usize) -> EventWaiting {
        let wait = self.events.remove(place);
        if wait.head.until.is_some() && wait.turns.is_none() {
            self.timers.remove(wait.step());
        }
        wait
    }

    /// Gives a wait whose time was over a new end.
    pub fn prolong(&mut self, place: usize, until: Duration) {
        let wait = &mut self.events[place];
        wait.turns = None;
        let (step, began) = (wait.step(), wait.began);
        self.timers.add(Timer { until, step, began });
    }

    /// Takes a wait for a time, whether or not that has come.
    pub fn take_timer(&mut self) -> Option<Timer> {
        self.timers.pop()
    }

    /// Takes the first wait for a time when that has come; those for events that have no more time have
    /// their last turns from then on.
    pub fn poll_timers(&mut self, clock: &Clock, cx: &mut Context<'_>) -> Poll<Timer> {
        while let Poll::Ready(timer) = self.timers.poll_next(clock, cx) {
            match self
                .events
                .iter_mut()
                .find(|wait| wait.step() == timer.step)
            {
                Some(wait) => wait.turns = Some(LAST_TURNS),
                None => return Poll::Ready(timer),
            }
        }
        Poll::Pending
    }

    /// The place of a wait for an event whose time is over, and the last turns with it.
    pub fn timed_out(&self) -> Option<usize> {
        self.events.iter().position(|wait| wait.turns == Some(0))
    }

    /// Counts a turn; whether any wait has turns left.
    pub fn turn(&mut self) -> bool {
        let left = self
            .events
            .iter_mut()
            .filter_map(|wait| wait.turns.as_mut());
        left.map(|turns| *turns -= 1).count() > 0
    }
}

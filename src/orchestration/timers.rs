use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Sleep, sleep_until};

use crate::clock::Clock;

/// The times at which waits of a run end, with one sleep for all.
#[derive(Default)]
pub(super) struct Timers {
    open: BinaryHeap<Reverse<Timer>>,
    /// Until the first of them.
    sleep: Option<Pin<Box<Sleep>>>,
}

/// When a wait ends; the first to end is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Timer {
    /// When it ends, as an offset on the clock.
    pub until: Duration,
    pub step: usize,
    /// When it began in this process.
    pub began: Duration,
}

impl Timers {
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub fn add(&mut self, timer: Timer) {
        if self.open.is_empty() {
            // Most runs have one at a time.
            self.open.reserve_exact(1);
        }
        self.open.push(Reverse(timer));
    }

    /// Takes the first, whether or not its time has come.
    pub fn pop(&mut self) -> Option<Timer> {
        self.open.pop().map(|Reverse(timer)| timer)
    }

    pub fn remove(&mut self, step: usize) {
        self.open.retain(|Reverse(timer)| timer.step != step);
    }

    /// Takes the first once its time has come; pending for ever if there is none.
    pub fn poll_next(&mut self, clock: &Clock, cx: &mut Context<'_>) -> Poll<Timer> {
        let Some(&Reverse(first)) = self.open.peek() else {
            return Poll::Pending;
        };
        if clock.now() < first.until {
            let at = clock.at(first.until);
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
            if sleep.deadline() != at {
                sleep.as_mut().reset(at);
            }
            ready!(sleep.as_mut().poll(cx));
        }
        self.open.pop();
        Poll::Ready(first)
    }
}

use std::{
    pin::pin,
    sync::{
        MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    task::Context,
};

use futures::task::AtomicWaker;
use tokio::sync::Notify;

use super::{inbox::Listens, state::RunState};
use crate::domain::Locked;

/// A run's state, and the signals to what drives it.
#[derive(Debug)]
pub(super) struct SharedState {
    state: Locked<RunState>,
    lost: Notify,
    driver: AtomicWaker,
    event_came: AtomicBool,
}

impl SharedState {
    pub fn new(state: RunState) -> Self {
        Self {
            state: Locked::new(state),
            lost: Notify::new(),
            driver: AtomicWaker::new(),
            event_came: AtomicBool::new(false),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, RunState> {
        self.state.lock()
    }

    /// Signals that the run is lost, if it is.
    pub fn notify_if_lost(&self) {
        if self.lock().is_lost() {
            self.lost.notify_waiters();
            self.wake();
        }
    }

    /// Has what drives the run woken when the run is lost, an event comes that it waits for, or its process
    /// dies.
    pub fn driven_by(&self, cx: &Context<'_>) {
        self.driver.register(cx.waker());
    }

    /// Whether an event of those that it waits for has come since this was asked last.
    pub fn has_event_come(&self) -> bool {
        self.event_came.swap(false, Ordering::AcqRel)
    }

    /// Wakes what drives the run.
    pub fn wake(&self) {
        self.driver.wake();
    }

    /// Waits until the run is lost.
    pub async fn is_lost(&self) {
        let mut notified = pin!(self.lost.notified());
        loop {
            // Before the state is read, so that no signal is missed.
            notified.as_mut().enable();
            if self.lock().is_lost() {
                return;
            }
            notified.as_mut().await;
            notified.set(self.lost.notified());
        }
    }
}

impl Listens for SharedState {
    fn event_came(&self) {
        self.event_came.store(true, Ordering::Release);
        self.wake();
    }
}

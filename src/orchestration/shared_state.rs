use std::{pin::pin, sync::MutexGuard, task::Context};

use futures::task::AtomicWaker;
use tokio::sync::Notify;

use super::state::RunState;
use crate::domain::Locked;

/// A run's state, and the signals to what drives it.
#[derive(Debug)]
pub(super) struct SharedState {
    state: Locked<RunState>,
    lost: Notify,
    driver: AtomicWaker,
}

impl SharedState {
    pub fn new(state: RunState) -> Self {
        Self {
            state: Locked::new(state),
            lost: Notify::new(),
            driver: AtomicWaker::new(),
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

    /// Has what drives the run woken when the run is lost, or its process dies.
    pub fn driven_by(&self, cx: &Context<'_>) {
        self.driver.register(cx.waker());
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

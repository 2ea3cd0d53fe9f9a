use std::{pin::pin, sync::MutexGuard};

use tokio::sync::Notify;

use super::state::RunState;
use crate::domain::Locked;

/// A run's state, and a signal that it is lost.
#[derive(Debug)]
pub(super) struct SharedState {
    state: Locked<RunState>,
    lost: Notify,
}

impl SharedState {
    pub fn new(state: RunState) -> Self {
        Self {
            state: Locked::new(state),
            lost: Notify::new(),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, RunState> {
        self.state.lock()
    }

    /// Signals that the run is lost, if it is.
    pub fn notify_if_lost(&self) {
        if self.lock().is_lost() {
            self.lost.notify_waiters();
        }
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

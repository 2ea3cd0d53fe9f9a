use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Notify;

/// The position of the event that was stored last, as it grows.
///
/// A handle: clones share it. Those who wait are woken in the order in which they began to, which a
/// `watch` channel leaves to chance.
#[derive(Clone, Debug, Default)]
pub(super) struct Positions {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    last: AtomicU64,
    moved: Notify,
}

impl Positions {
    /// The last position; 0 before the first event.
    pub fn last(&self) -> u64 {
        self.shared.last.load(Ordering::Relaxed)
    }

    /// It is there now.
    pub fn set(&self, last: u64) {
        self.shared.last.store(last, Ordering::Relaxed);
        self.shared.moved.notify_waiters();
    }

    /// Waits until it is elsewhere than when it was last seen.
    pub async fn moved_from(&self, seen: u64) {
        loop {
            // It hears of what comes from here on, so that nothing can come between.
            let moved = self.shared.moved.notified();
            if self.last() != seen {
                return;
            }
            moved.await;
        }
    }
}

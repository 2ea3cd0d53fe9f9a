use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// What is in progress between publishers and handlers.
///
/// A handle: clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct MessageActivity {
    working: Arc<Gauge>,
    deferred: Arc<Gauge>,
}

#[derive(Debug, Default)]
struct Gauge {
    count: AtomicUsize,
    empty: Notify,
}

/// Counts as activity while it lives.
#[derive(Debug)]
pub struct ActivityGuard(Arc<Gauge>);

impl MessageActivity {
    /// Something in progress: an event on its way, a handler at work.
    pub fn begin_work(&self) -> ActivityGuard {
        ActivityGuard::new(&self.working)
    }

    /// Something put off: an event for a bus that is away, a dead letter for its queue, a delivery to
    /// a paused subscription.
    pub fn defer(&self) -> ActivityGuard {
        ActivityGuard::new(&self.deferred)
    }

    /// Waits until nothing is in progress.
    pub async fn idle(&self) {
        self.working.empty().await;
    }

    /// Waits until nothing is in progress and nothing is deferred.
    pub async fn drained(&self) {
        loop {
            self.idle().await;
            if self.deferred.is_empty() {
                return;
            }
            self.deferred.empty().await;
        }
    }
}

impl Gauge {
    fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    async fn empty(&self) {
        loop {
            let empty = self.empty.notified();
            if self.is_empty() {
                return;
            }
            empty.await;
        }
    }
}

impl ActivityGuard {
    fn new(gauge: &Arc<Gauge>) -> Self {
        gauge.count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(gauge))
    }
}

impl Clone for ActivityGuard {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for ActivityGuard {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.empty.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn idle_after_all_work_and_drained_once_nothing_is_deferred() {
        let activity = MessageActivity::default();
        let is_idle = || activity.idle().now_or_never().is_some();
        let is_drained = || activity.drained().now_or_never().is_some();
        assert!(is_idle() && is_drained());
        let work = activity.begin_work();
        let more = work.clone();
        drop(work);
        assert!(!is_idle() && !is_drained());
        let deferred = activity.defer();
        drop(more);
        assert!(is_idle() && !is_drained());
        drop(deferred);
        assert!(is_drained());
    }
}

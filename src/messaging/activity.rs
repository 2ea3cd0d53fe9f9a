use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// What is under way between a publisher and its handlers.
///
/// A handle: clones share what they count.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    work: Gauge,
    debt: Gauge,
}

#[derive(Clone, Debug, Default)]
struct Gauge {
    level: Arc<Level>,
}

#[derive(Debug, Default)]
struct Level {
    count: AtomicUsize,
    empty: Notify,
}

/// One of those that a gauge counts; as long as it lives.
#[derive(Debug)]
pub struct Counted(Arc<Level>);

impl Activity {
    /// Something that goes on until it is dropped: an event on its way, a handler at work.
    pub fn at_work(&self) -> Counted {
        self.work.count()
    }

    /// Something that is owed until it is dropped and waits for better times: an event for a bus
    /// that is away, a dead letter for its queue, a delivery for a subscription that is paused.
    pub fn owed(&self) -> Counted {
        self.debt.count()
    }

    /// Waits until nothing goes on.
    pub async fn quiet(&self) {
        self.work.empty().await;
    }

    /// Waits until nothing goes on and nothing is owed.
    pub async fn settled(&self) {
        loop {
            self.quiet().await;
            if self.debt.is_empty() {
                return;
            }
            self.debt.empty().await;
        }
    }
}

impl Gauge {
    fn count(&self) -> Counted {
        self.level.count.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(&self.level))
    }

    fn is_empty(&self) -> bool {
        self.level.count.load(Ordering::Relaxed) == 0
    }

    async fn empty(&self) {
        loop {
            let empty = self.level.empty.notified();
            if self.is_empty() {
                return;
            }
            empty.await;
        }
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Counted {
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
    async fn it_is_quiet_once_all_work_is_done_and_settled_once_nothing_is_owed() {
        let activity = Activity::default();
        let is_quiet = || activity.quiet().now_or_never().is_some();
        let is_settled = || activity.settled().now_or_never().is_some();
        assert!(is_quiet() && is_settled());
        let work = activity.at_work();
        let more = work.clone();
        drop(work);
        assert!(!is_quiet() && !is_settled());
        let debt = activity.owed();
        drop(more);
        assert!(is_quiet() && !is_settled());
        drop(debt);
        assert!(is_settled());
    }
}

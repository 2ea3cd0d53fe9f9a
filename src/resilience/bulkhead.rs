use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many calls to a service may run concurrently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BulkheadPolicy {
    /// Calls that run at the same time.
    pub max_concurrent_calls: NonZeroU32,
    /// Calls that may wait for their turn; without it, any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_size: Option<u32>,
}

impl BulkheadPolicy {
    /// A limit on concurrent calls, with any number waiting.
    pub const fn of(max_concurrent_calls: NonZeroU32) -> Self {
        Self {
            max_concurrent_calls,
            queue_size: None,
        }
    }
}

/// A limit on concurrent calls, first come first served.
///
/// A handle: clones share the limit.
#[derive(Clone, Debug)]
pub struct Bulkhead {
    policy: BulkheadPolicy,
    turns: Arc<Semaphore>,
    /// Calls that run or wait.
    ///
    /// Counted separately, because the semaphore does not tell how many wait, and may have given a
    /// turn to a call that has not been polled since.
    inside: Arc<AtomicU64>,
}

/// The bulkhead's queue is full.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "the bulkhead is full: {} run, {} wait",
    .0.max_concurrent_calls,
    .0.queue_size.unwrap_or_default()
)]
pub struct BulkheadFull(pub BulkheadPolicy);

/// The right to run; given back when dropped.
#[derive(Debug)]
#[must_use = "a permit that is dropped is given back"]
pub struct BulkheadPermit {
    // Dropped before the turn: who takes the turn must not find the slot still counted.
    _slot: BulkheadSlot,
    _turn: OwnedSemaphorePermit,
}

impl Bulkhead {
    /// An empty bulkhead.
    pub fn new(policy: BulkheadPolicy) -> Self {
        let turns = usize::try_from(policy.max_concurrent_calls.get())
            .map_or(Semaphore::MAX_PERMITS, |turns| {
                turns.min(Semaphore::MAX_PERMITS)
            });
        Self {
            policy,
            turns: Arc::new(Semaphore::new(turns)),
            inside: Arc::default(),
        }
    }

    /// Its policy.
    pub fn policy(&self) -> BulkheadPolicy {
        self.policy
    }

    /// Waits for a turn. Dropping the future leaves the queue.
    ///
    /// # Errors
    ///
    /// Immediately, if the queue is full.
    pub async fn enter(&self) -> Result<BulkheadPermit, BulkheadFull> {
        let full = BulkheadFull(self.policy);
        let slot = BulkheadSlot::take(&self.inside, self.slots()).ok_or(full)?;
        match Arc::clone(&self.turns).acquire_owned().await {
            Ok(turn) => Ok(BulkheadPermit {
                _slot: slot,
                _turn: turn,
            }),
            // Only a closed semaphore refuses, and nothing closes this one.
            Err(_) => Err(full),
        }
    }

    /// How many calls wait for their turn.
    #[cfg(test)]
    pub fn waiting(&self) -> u64 {
        let running = u64::from(self.policy.max_concurrent_calls.get());
        self.inside.load(Ordering::Acquire).saturating_sub(running)
    }

    fn slots(&self) -> u64 {
        let running = u64::from(self.policy.max_concurrent_calls.get());
        self.policy
            .queue_size
            .map_or(u64::MAX, |queue| running + u64::from(queue))
    }
}

/// A slot of a call that runs or waits; freed when dropped.
#[derive(Debug)]
struct BulkheadSlot(Arc<AtomicU64>);

impl BulkheadSlot {
    fn take(inside: &Arc<AtomicU64>, slots: u64) -> Option<Self> {
        inside
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| {
                (taken < slots).then(|| taken + 1)
            })
            .ok()
            .map(|_| Self(Arc::clone(inside)))
    }
}

impl Drop for BulkheadSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, time::Duration};

    use futures::{FutureExt as _, future::join_all};
    use tokio::time::sleep;

    use super::*;
    use crate::clock::Clock;

    fn bulkhead(max_concurrent_calls: u32, queue_size: Option<u32>) -> Bulkhead {
        Bulkhead::new(BulkheadPolicy {
            max_concurrent_calls: NonZeroU32::new(max_concurrent_calls).unwrap(),
            queue_size,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn calls_run_in_order_and_never_exceed_the_limit() {
        let clock = Clock::start();
        let bulkhead = bulkhead(5, None);
        let entered = RefCell::new(Vec::new());
        join_all((0..15_u64).map(|number| {
            let (bulkhead, entered) = (&bulkhead, &entered);
            async move {
                let permit = bulkhead.enter().await.unwrap();
                entered.borrow_mut().push((number, clock.now().as_secs()));
                sleep(Duration::from_secs(1)).await;
                drop(permit);
            }
        }))
        .await;
        let expected: Vec<_> = (0..15).map(|number| (number, number / 5)).collect();
        assert_eq!(entered.into_inner(), expected);
        assert_eq!(clock.now(), Duration::from_secs(3));
        assert_eq!(bulkhead.waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn full_queue_refuses_immediately() {
        let bulkhead = bulkhead(1, Some(1));
        let running = bulkhead.enter().await.unwrap();
        let mut waiting = Box::pin(bulkhead.enter());
        assert!(waiting.as_mut().now_or_never().is_none());
        assert_eq!(bulkhead.waiting(), 1);
        let error = bulkhead.enter().await.unwrap_err();
        assert_eq!(error.to_string(), "the bulkhead is full: 1 run, 1 wait");
        drop(running);
        assert_eq!(
            bulkhead.waiting(),
            0,
            "the turn is given, though not yet taken"
        );
        let mut next = Box::pin(bulkhead.enter());
        assert!(
            next.as_mut().now_or_never().is_none(),
            "no jumping the queue"
        );
        drop(waiting.await.unwrap());
        drop(next.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn abandoned_wait_frees_its_slot() {
        let bulkhead = bulkhead(1, Some(1));
        let running = bulkhead.enter().await.unwrap();
        for _ in 0..3 {
            let mut waiting = Box::pin(bulkhead.enter());
            assert!(waiting.as_mut().now_or_never().is_none());
            assert_eq!(bulkhead.waiting(), 1);
            drop(waiting);
            assert_eq!(bulkhead.waiting(), 0);
        }
        let mut given = Box::pin(bulkhead.enter());
        assert!(given.as_mut().now_or_never().is_none());
        drop(running);
        drop(given);
        assert!(
            bulkhead.enter().now_or_never().is_some(),
            "its turn is not lost"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn queue_of_zero_refuses_instead_of_waiting() {
        let bulkhead = bulkhead(2, Some(0));
        let (first, _second) = (
            bulkhead.enter().await.unwrap(),
            bulkhead.enter().await.unwrap(),
        );
        assert!(bulkhead.enter().await.is_err());
        drop(first);
        assert!(bulkhead.enter().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn largest_limits_are_accepted() {
        let bulkhead = bulkhead(u32::MAX, Some(u32::MAX));
        assert!(bulkhead.enter().await.is_ok());
        assert_eq!(bulkhead.waiting(), 0);
    }

    #[test]
    fn policy_is_read_and_written_as_json() {
        let policy: BulkheadPolicy =
            serde_json::from_str(r#"{"maxConcurrentCalls": 5, "queueSize": 0}"#).unwrap();
        assert_eq!(policy, bulkhead(5, Some(0)).policy());
        assert_eq!(
            serde_json::to_string(&BulkheadPolicy::of(NonZeroU32::new(5).unwrap())).unwrap(),
            r#"{"maxConcurrentCalls":5}"#
        );
        for (bad, message) in [
            (r#"{"maxConcurrentCalls": 0}"#, "expected a nonzero u32"),
            (r#"{"maxConcurrentCalls": -1}"#, "invalid value"),
            (
                r#"{"maxConcurrentCalls": 1, "queue": 1}"#,
                "unknown field `queue`",
            ),
            ("{}", "missing field `maxConcurrentCalls`"),
        ] {
            let error = serde_json::from_str::<BulkheadPolicy>(bad).unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
        }
    }
}

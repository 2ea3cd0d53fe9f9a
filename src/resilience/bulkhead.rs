use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::PolicyError;

/// How many calls to a service may run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    try_from = "UncheckedPolicy"
)]
pub struct BulkheadPolicy {
    /// Calls that run at the same time; at least 1.
    pub max_concurrent_calls: u32,
    /// Calls that may wait for their turn; without it, any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_size: Option<u32>,
}

impl BulkheadPolicy {
    /// That many calls at once, and any number waiting.
    pub const fn of(max_concurrent_calls: u32) -> Self {
        Self {
            max_concurrent_calls,
            queue_size: None,
        }
    }

    /// Checks what text and code can say but must not.
    ///
    /// # Errors
    ///
    /// If no call at all could ever run.
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.max_concurrent_calls == 0 {
            return Err(PolicyError::BadValue {
                field: "maxConcurrentCalls",
                reason: "expected a whole number from 1, found 0".to_owned(),
            });
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UncheckedPolicy {
    max_concurrent_calls: u32,
    queue_size: Option<u32>,
}

impl TryFrom<UncheckedPolicy> for BulkheadPolicy {
    type Error = PolicyError;

    fn try_from(unchecked: UncheckedPolicy) -> Result<Self, PolicyError> {
        let policy = Self {
            max_concurrent_calls: unchecked.max_concurrent_calls,
            queue_size: unchecked.queue_size,
        };
        policy.check().map(|()| policy)
    }
}

/// A limit on calls at once, first come first served.
///
/// A handle: clones share the limit.
#[derive(Clone, Debug)]
pub struct Bulkhead {
    policy: BulkheadPolicy,
    turns: Arc<Semaphore>,
    /// Calls that run or wait.
    ///
    /// Counted apart from the semaphore, which does not tell how many wait,
    /// and whose turn may be given to a call that does not know of it yet.
    inside: Arc<AtomicU64>,
}

/// As many calls wait for the bulkhead as may.
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
    // Before the turn: who takes the turn must not find the place still counted.
    _place: Place,
    _turn: OwnedSemaphorePermit,
}

impl Bulkhead {
    /// A bulkhead that nobody has entered; one for no call at once lets one run.
    pub fn new(policy: BulkheadPolicy) -> Self {
        let turns = usize::try_from(policy.max_concurrent_calls.max(1))
            .map_or(Semaphore::MAX_PERMITS, |turns| {
                turns.min(Semaphore::MAX_PERMITS)
            });
        Self {
            policy,
            turns: Arc::new(Semaphore::new(turns)),
            inside: Arc::default(),
        }
    }

    /// The policy it keeps.
    pub fn policy(&self) -> BulkheadPolicy {
        self.policy
    }

    /// Waits for a turn. Dropping the future leaves the queue.
    ///
    /// # Errors
    ///
    /// At once, if as many calls wait as may.
    pub async fn enter(&self) -> Result<BulkheadPermit, BulkheadFull> {
        let full = BulkheadFull(self.policy);
        let place = Place::take(&self.inside, self.places()).ok_or(full)?;
        match Arc::clone(&self.turns).acquire_owned().await {
            Ok(turn) => Ok(BulkheadPermit {
                _place: place,
                _turn: turn,
            }),
            // Only a closed semaphore refuses, and nothing closes this one.
            Err(_) => Err(full),
        }
    }

    /// How many calls wait for their turn.
    pub fn waiting(&self) -> u64 {
        let running = u64::from(self.policy.max_concurrent_calls.max(1));
        self.inside.load(Ordering::Acquire).saturating_sub(running)
    }

    fn places(&self) -> u64 {
        let running = u64::from(self.policy.max_concurrent_calls.max(1));
        self.policy
            .queue_size
            .map_or(u64::MAX, |queue| running + u64::from(queue))
    }
}

/// A place inside, running or waiting; left when dropped.
#[derive(Debug)]
struct Place(Arc<AtomicU64>);

impl Place {
    fn take(inside: &Arc<AtomicU64>, places: u64) -> Option<Self> {
        inside
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| {
                (taken < places).then(|| taken + 1)
            })
            .ok()
            .map(|_| Self(Arc::clone(inside)))
    }
}

impl Drop for Place {
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
            max_concurrent_calls,
            queue_size,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn calls_run_in_order_and_never_more_than_allowed() {
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
    async fn a_full_queue_refuses_at_once() {
        let bulkhead = bulkhead(1, Some(1));
        let running = bulkhead.enter().await.unwrap();
        let mut waiting = Box::pin(bulkhead.enter());
        assert!(waiting.as_mut().now_or_never().is_none());
        assert_eq!(bulkhead.waiting(), 1);
        let error = bulkhead.enter().await.unwrap_err();
        assert_eq!(error.to_string(), "the bulkhead is full: 1 run, 1 wait");
        drop(running);
        assert_eq!(bulkhead.waiting(), 0, "the turn is given, if not yet taken");
        let mut next = Box::pin(bulkhead.enter());
        assert!(
            next.as_mut().now_or_never().is_none(),
            "no jumping the queue"
        );
        drop(waiting.await.unwrap());
        drop(next.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_that_gives_up_leaves_its_place() {
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
    async fn without_a_queue_nobody_waits() {
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
    async fn the_largest_limits_are_fine() {
        let bulkhead = bulkhead(u32::MAX, Some(u32::MAX));
        assert!(bulkhead.enter().await.is_ok());
        assert_eq!(bulkhead.waiting(), 0);
    }

    #[test]
    fn a_policy_is_plain_data() {
        let policy: BulkheadPolicy =
            serde_json::from_str(r#"{"maxConcurrentCalls": 5, "queueSize": 0}"#).unwrap();
        assert_eq!(policy, bulkhead(5, Some(0)).policy());
        assert_eq!(
            serde_json::to_string(&BulkheadPolicy::of(5)).unwrap(),
            r#"{"maxConcurrentCalls":5}"#
        );
        for (bad, message) in [
            (
                r#"{"maxConcurrentCalls": 0}"#,
                "expected a whole number from 1",
            ),
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

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use futures::FutureExt as _;
use serde::{Deserialize, Serialize};
use tokio::{task::unconstrained, time::sleep};

use crate::domain::{duration_text, format_duration};

/// How long an execution may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timeout(#[serde(with = "duration_text")] pub Duration);

/// An execution took longer than this timeout.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("no answer within {}", format_duration(*.0))]
pub struct TimedOut(pub Duration);

/// How many tasks an answer, or an event, at the very instant at which the time for it is over may pass
/// through.
///
/// What another task does at that instant is there only once that task has run, and virtual time stands
/// still meanwhile.
pub const LAST_TURNS: u8 = 8;

impl Timeout {
    /// Runs a future to its end, or up to the timeout, where it is dropped.
    ///
    /// An answer at exactly the timeout wins. A timeout of zero fails without
    /// starting the future.
    ///
    /// # Errors
    ///
    /// If the future does not end in time.
    pub async fn run<F: Future>(self, future: F) -> Result<F::Output, TimedOut> {
        if self.0.is_zero() {
            return Err(TimedOut(self.0));
        }
        let mut future = pin!(future);
        // Most futures are ready immediately: only the others need a timer.
        let mut timer = pin!(None);
        let in_time = poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            if timer.is_none() {
                timer.set(Some(unconstrained(sleep(self.0))));
            }
            match timer.as_mut().as_pin_mut() {
                Some(timer) => timer.poll(context).map(|()| None),
                None => Poll::Pending,
            }
        });
        if let Some(output) = in_time.await {
            return Ok(output);
        }
        last_turns(future).await.ok_or(TimedOut(self.0))
    }
}

async fn last_turns<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    for _ in 0..LAST_TURNS {
        tokio::task::yield_now().await;
        if let Some(output) = future.as_mut().now_or_never() {
            return Some(output);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::sync::oneshot;

    use super::*;
    use crate::clock::Clock;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn answer_at_exactly_the_timeout_wins() {
        let clock = Clock::start();
        let timeout = Timeout(SECOND);
        assert_eq!(timeout.run(sleep(SECOND)).await, Ok(()));
        assert_eq!(clock.now(), SECOND);
        let halves = async {
            sleep(SECOND / 2).await;
            sleep(SECOND / 2).await;
        };
        assert_eq!(timeout.run(halves).await, Ok(()));
        assert_eq!(clock.now(), 2 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn answer_at_exactly_the_timeout_wins_through_other_tasks() {
        let clock = Clock::start();
        let (inner, from_inner) = oneshot::channel();
        let (outer, from_outer) = oneshot::channel();
        let answer = async {
            tokio::spawn(async move {
                let answer: u32 = from_inner.await.unwrap();
                outer.send(answer).unwrap();
            });
            tokio::spawn(async move {
                sleep(SECOND).await;
                inner.send(7).unwrap();
            });
            from_outer.await
        };
        assert_eq!(Timeout(SECOND).run(answer).await, Ok(Ok(7)));
        assert_eq!(clock.now(), SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn later_answer_times_out() {
        let clock = Clock::start();
        let late = sleep(SECOND + Duration::from_millis(1));
        let error = Timeout(SECOND).run(late).await.unwrap_err();
        assert_eq!(error, TimedOut(SECOND));
        assert_eq!(error.to_string(), "no answer within 1 s");
        assert_eq!(clock.now(), SECOND, "waiting ends with the timeout");
    }

    #[tokio::test(start_paused = true)]
    async fn timeout_of_zero_fails_without_starting() {
        let started = Cell::new(false);
        let future = async { started.set(true) };
        let result = Timeout(Duration::ZERO).run(future).await;
        assert_eq!(result, Err(TimedOut(Duration::ZERO)));
        assert!(!started.get());
    }

    #[test]
    fn timeout_is_text_in_json() {
        let timeout: Timeout = serde_json::from_str("\"1.5 s\"").unwrap();
        assert_eq!(timeout, Timeout(Duration::from_millis(1_500)));
        assert_eq!(serde_json::to_value(timeout).unwrap(), "1s 500ms");
        assert!(serde_json::from_str::<Timeout>("5").is_err());
    }
}

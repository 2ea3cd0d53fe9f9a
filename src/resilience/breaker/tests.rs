use proptest::prelude::*;

use BreakerState::{Closed, HalfOpen, Open};

use super::{super::WindowKind, *};
use crate::clock::Clock;

mod model;

const QUICK: Duration = Duration::ZERO;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn advance(duration: Duration) {
    tokio::time::advance(duration).await;
}

fn breaker(policy: BreakerPolicy) -> Breaker {
    assert_eq!(policy.check(), Ok(()));
    Breaker::new("AgentService".into(), policy, Timeline::new(Clock::start()))
}

fn fail(breaker: &Breaker, times: u32) {
    for _ in 0..times {
        breaker.acquire().unwrap().failed(QUICK);
    }
}

fn succeed(breaker: &Breaker) {
    breaker.acquire().unwrap().succeeded(QUICK);
}

fn events(breaker: &Breaker) -> Vec<(u64, BreakerState)> {
    breaker.core.timeline.read(|events| {
        events
            .iter()
            .map(|event| {
                let state = match &event.kind {
                    EventKind::BreakerOpened { .. } => Open,
                    EventKind::BreakerHalfOpened { .. } => HalfOpen,
                    EventKind::BreakerClosed { .. } => Closed,
                    other => panic!("{other:?}"),
                };
                (event.at.as_millis() as u64, state)
            })
            .collect()
    })
}

#[tokio::test(start_paused = true)]
async fn threshold_opens_the_breaker_and_refusals_name_the_service() {
    let breaker = breaker(BreakerPolicy::opening_after(3, seconds(5)));
    fail(&breaker, 2);
    assert_eq!(breaker.state(), Closed);
    fail(&breaker, 1);
    assert_eq!(breaker.state(), Open);
    let refusal = breaker.acquire().unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the circuit breaker on \"AgentService\" is open"
    );
    assert_eq!(events(&breaker), [(0, Open)]);
}

#[tokio::test(start_paused = true)]
async fn ignored_and_dropped_permits_do_not_count() {
    let breaker = breaker(BreakerPolicy::opening_after(3, seconds(5)));
    fail(&breaker, 2);
    breaker.acquire().unwrap().ignored();
    drop(breaker.acquire().unwrap());
    assert_eq!(breaker.state(), Closed);
    fail(&breaker, 1);
    assert_eq!(breaker.state(), Open);
}

#[tokio::test(start_paused = true)]
async fn elapsed_recovery_half_opens_and_two_successes_close() {
    let breaker = breaker(BreakerPolicy::opening_after(2, seconds(3)));
    fail(&breaker, 2);
    advance(seconds(3) - Duration::from_millis(1)).await;
    assert_eq!(breaker.state(), Open);
    assert!(breaker.acquire().is_err());
    advance(Duration::from_millis(1)).await;
    assert_eq!(breaker.state(), HalfOpen);
    assert_eq!(events(&breaker), [(0, Open)], "reading records nothing");
    advance(seconds(1)).await;
    succeed(&breaker);
    assert_eq!(breaker.state(), HalfOpen);
    succeed(&breaker);
    assert_eq!(breaker.state(), Closed);
    assert_eq!(
        events(&breaker),
        [(0, Open), (4_000, HalfOpen), (4_000, Closed)]
    );
    fail(&breaker, 1);
    assert_eq!(breaker.state(), Closed, "earlier failures are forgotten");
}

#[tokio::test(start_paused = true)]
async fn failure_while_half_open_restarts_the_recovery() {
    let breaker = breaker(BreakerPolicy::opening_after(1, seconds(5)));
    fail(&breaker, 1);
    advance(seconds(7)).await;
    succeed(&breaker);
    fail(&breaker, 1);
    advance(seconds(4)).await;
    assert_eq!(breaker.state(), Open);
    advance(seconds(1)).await;
    succeed(&breaker);
    assert_eq!(
        breaker.state(),
        HalfOpen,
        "the earlier success is forgotten"
    );
    assert_eq!(
        events(&breaker),
        [
            (0, Open),
            (7_000, HalfOpen),
            (7_000, Open),
            (12_000, HalfOpen)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn half_open_breaker_limits_concurrent_calls() {
    let breaker = breaker(BreakerPolicy {
        permitted_calls: 2,
        success_threshold: 3,
        ..BreakerPolicy::opening_after(1, seconds(5))
    });
    fail(&breaker, 1);
    advance(seconds(5)).await;
    let first = breaker.acquire().unwrap();
    let second = breaker.acquire().unwrap();
    let refusal = breaker.acquire().unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the circuit breaker on \"AgentService\" is half-open"
    );
    first.ignored();
    let third = breaker.acquire().unwrap();
    assert!(breaker.acquire().is_err());
    drop(second);
    third.succeeded(QUICK);
    succeed(&breaker);
    assert_eq!(breaker.state(), HalfOpen);
    succeed(&breaker);
    assert_eq!(breaker.state(), Closed);
}

#[tokio::test(start_paused = true)]
async fn outcome_of_an_earlier_state_does_not_count() {
    let breaker = breaker(BreakerPolicy {
        permitted_calls: 2,
        ..BreakerPolicy::opening_after(1, seconds(5))
    });
    let slow_success = breaker.acquire().unwrap();
    let slow_failure = breaker.acquire().unwrap();
    fail(&breaker, 1);
    advance(seconds(5)).await;
    let probe = breaker.acquire().unwrap();
    let lost_probe = breaker.acquire().unwrap();
    slow_success.succeeded(seconds(5));
    slow_failure.failed(seconds(5));
    assert_eq!(breaker.state(), HalfOpen);
    assert!(breaker.acquire().is_err(), "nor are their slots freed");
    probe.succeeded(QUICK);
    succeed(&breaker);
    assert_eq!(breaker.state(), Closed);
    lost_probe.failed(QUICK);
    assert_eq!(breaker.state(), Closed);
}

#[tokio::test(start_paused = true)]
async fn probe_beyond_the_longest_wait_reopens_the_breaker() {
    let breaker = breaker(BreakerPolicy {
        max_half_open_wait: Some(seconds(2)),
        ..BreakerPolicy::opening_after(1, seconds(5))
    });
    fail(&breaker, 1);
    advance(seconds(5)).await;
    let probe = breaker.acquire().unwrap();
    advance(seconds(2)).await;
    assert_eq!(breaker.state(), HalfOpen, "at exactly the limit");
    advance(Duration::from_millis(1)).await;
    assert_eq!(breaker.state(), Open);
    assert_eq!(
        breaker.acquire().unwrap_err().state,
        Open,
        "the refusal agrees"
    );
    advance(seconds(5) - Duration::from_millis(2)).await;
    assert_eq!(breaker.state(), Open);
    advance(Duration::from_millis(1)).await;
    assert_eq!(
        breaker.state(),
        HalfOpen,
        "open since the longest wait ended"
    );
    succeed(&breaker);
    probe.succeeded(seconds(7));
    assert_eq!(breaker.state(), HalfOpen, "the lost probe ended too late");
    assert_eq!(
        events(&breaker),
        [
            (0, Open),
            (5_000, HalfOpen),
            (7_001, Open),
            (12_000, HalfOpen)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn probe_that_ends_at_exactly_the_longest_wait_counts() {
    let breaker = breaker(BreakerPolicy {
        max_half_open_wait: Some(seconds(2)),
        success_threshold: 1,
        ..BreakerPolicy::opening_after(1, seconds(5))
    });
    fail(&breaker, 1);
    advance(seconds(5)).await;
    let probe = breaker.acquire().unwrap();
    advance(seconds(2)).await;
    probe.succeeded(seconds(2));
    assert_eq!(breaker.state(), Closed);
}

#[tokio::test(start_paused = true)]
async fn lost_probe_leaves_the_breaker_half_open_after_another_recovery() {
    let breaker = breaker(BreakerPolicy {
        max_half_open_wait: Some(seconds(2)),
        ..BreakerPolicy::opening_after(1, seconds(5))
    });
    fail(&breaker, 1);
    advance(seconds(5)).await;
    let _lost = breaker.acquire().unwrap();
    advance(seconds(60)).await;
    assert_eq!(breaker.state(), HalfOpen);
    succeed(&breaker);
    assert_eq!(
        events(&breaker),
        [
            (0, Open),
            (5_000, HalfOpen),
            (65_000, Open),
            (65_000, HalfOpen)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn slow_calls_open_the_breaker() {
    let breaker = breaker(BreakerPolicy {
        window: WindowKind::Rate,
        minimum_calls: Some(2),
        slow_call_duration: Some(seconds(1)),
        slow_call_rate_threshold: Some(50.0),
        ..BreakerPolicy::opening_after(5, seconds(5))
    });
    let call = |took| breaker.acquire().unwrap().succeeded(took);
    call(seconds(1));
    call(seconds(1));
    assert_eq!(breaker.state(), Closed, "exactly the limit is not slow");
    call(seconds(2));
    assert_eq!(breaker.state(), Closed, "a third");
    call(seconds(2));
    assert_eq!(breaker.state(), Open, "a half");
    advance(seconds(5)).await;
    call(seconds(2));
    assert_eq!(breaker.state(), Open, "a slow probe has not recovered");
}

#[tokio::test(start_paused = true)]
async fn recovery_of_zero_half_opens_immediately() {
    let breaker = breaker(BreakerPolicy::opening_after(1, Duration::ZERO));
    fail(&breaker, 1);
    assert_eq!(breaker.state(), HalfOpen);
    succeed(&breaker);
    succeed(&breaker);
    assert_eq!(breaker.state(), Closed);
}

#[tokio::test(start_paused = true)]
async fn unchecked_extreme_settings_work() {
    let policy = BreakerPolicy {
        success_threshold: 0,
        permitted_calls: 0,
        max_half_open_wait: Some(Duration::MAX),
        ..BreakerPolicy::opening_after(0, seconds(1))
    };
    let breaker = Breaker::new("S".into(), policy, Timeline::new(Clock::start()));
    succeed(&breaker);
    assert_eq!(breaker.state(), Closed);
    fail(&breaker, 1);
    assert_eq!(breaker.state(), Open);
    advance(seconds(1)).await;
    succeed(&breaker);
    assert_eq!(breaker.state(), Closed);
}

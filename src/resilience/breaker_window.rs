use std::{collections::VecDeque, time::Duration};

use super::{BreakerPolicy, WindowKind, WindowSize};

/// The calls that a closed breaker counts.
#[derive(Debug)]
pub(super) enum Window {
    Consecutive { failures: u32, threshold: u32 },
    Rate(RateWindow),
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CallOutcome {
    pub(super) failed: bool,
    pub(super) slow: bool,
}

impl Window {
    pub(super) fn new(policy: &BreakerPolicy) -> Self {
        match policy.window {
            WindowKind::Consecutive => Self::Consecutive {
                failures: 0,
                threshold: policy.failure_threshold,
            },
            WindowKind::Rate => Self::Rate(RateWindow::new(policy)),
        }
    }

    /// Counts a call that ended now, and returns whether the breaker must open.
    pub(super) fn record(&mut self, now: Duration, outcome: CallOutcome) -> bool {
        match self {
            Self::Consecutive {
                failures,
                threshold,
            } => {
                if outcome.failed {
                    *failures = failures.saturating_add(1);
                } else {
                    *failures = 0;
                }
                outcome.failed && failures >= threshold
            }
            Self::Rate(rate) => rate.record(now, outcome),
        }
    }
}

/// The last calls and how many of them failed or were slow, as in
/// [resilience4j](https://resilience4j.readme.io/docs/circuitbreaker).
///
/// A window of time counts to the millisecond, where resilience4j counts by whole seconds; a call of
/// exactly the window's age is no longer in it.
#[derive(Debug)]
pub(super) struct RateWindow {
    size: WindowSize,
    minimum_calls: u64,
    failure_rate: f64,
    slow_rate: f64,
    /// Oldest first; each for one call, or for one instant in a window of time.
    buckets: VecDeque<(Duration, Tally)>,
    total: Tally,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    calls: u64,
    failed: u64,
    slow: u64,
}

impl RateWindow {
    fn new(policy: &BreakerPolicy) -> Self {
        let size = policy.sliding_window_size.unwrap_or(WindowSize::Calls(100));
        let minimum_calls = policy.minimum_calls.unwrap_or(100);
        Self {
            size,
            minimum_calls: u64::from(match size {
                WindowSize::Calls(calls) => minimum_calls.min(calls),
                WindowSize::Time(_) => minimum_calls,
            }),
            failure_rate: policy.failure_rate_threshold.unwrap_or(50.0),
            slow_rate: policy.slow_call_rate_threshold.unwrap_or(100.0),
            buckets: VecDeque::new(),
            total: Tally::default(),
        }
    }

    fn record(&mut self, now: Duration, outcome: CallOutcome) -> bool {
        let call = Tally {
            calls: 1,
            failed: u64::from(outcome.failed),
            slow: u64::from(outcome.slow),
        };
        self.total.add(call);
        match (self.size, self.buckets.back_mut()) {
            (WindowSize::Time(_), Some((at, tally))) if *at == now => tally.add(call),
            _ => self.buckets.push_back((now, call)),
        }
        while let Some((at, tally)) = self.buckets.front() {
            let outside = match self.size {
                WindowSize::Calls(calls) => self.total.calls > u64::from(calls),
                WindowSize::Time(time) => now.saturating_sub(*at) >= time,
            };
            if !outside {
                break;
            }
            self.total.subtract(*tally);
            self.buckets.pop_front();
        }
        self.must_open()
    }

    fn must_open(&self) -> bool {
        let Tally {
            calls,
            failed,
            slow,
        } = self.total;
        // Without a division, whole percentages compare exactly.
        let reaches = |part: u64, percentage: f64| {
            part > 0 && part as f64 * 100.0 >= percentage * calls as f64
        };
        calls >= self.minimum_calls
            && (reaches(failed, self.failure_rate) || reaches(slow, self.slow_rate))
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.failed += other.failed;
        self.slow += other.slow;
    }

    fn subtract(&mut self, other: Self) {
        self.calls -= other.calls;
        self.failed -= other.failed;
        self.slow -= other.slow;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OK: CallOutcome = CallOutcome {
        failed: false,
        slow: false,
    };
    const FAILED: CallOutcome = CallOutcome {
        failed: true,
        slow: false,
    };
    const SLOW: CallOutcome = CallOutcome {
        failed: false,
        slow: true,
    };

    fn rate(size: WindowSize, minimum: u32, failure_rate: f64, slow_rate: f64) -> Window {
        Window::new(&BreakerPolicy {
            window: WindowKind::Rate,
            sliding_window_size: Some(size),
            minimum_calls: Some(minimum),
            failure_rate_threshold: Some(failure_rate),
            slow_call_rate_threshold: Some(slow_rate),
            ..BreakerPolicy::default()
        })
    }

    /// The number of the first call, given with the second it ended at, that opens the breaker.
    fn opened_by(mut window: Window, calls: &[(u64, CallOutcome)]) -> Option<usize> {
        let opens =
            |(at, outcome): &(u64, CallOutcome)| window.record(Duration::from_secs(*at), *outcome);
        calls.iter().position(opens).map(|index| index + 1)
    }

    fn at_zero(outcomes: &[CallOutcome]) -> Vec<(u64, CallOutcome)> {
        outcomes.iter().map(|outcome| (0, *outcome)).collect()
    }

    #[test]
    fn success_resets_consecutive_failures() {
        let window = || Window::new(&BreakerPolicy::opening_after(5, Duration::ZERO));
        let mut calls = [FAILED; 9];
        assert_eq!(opened_by(window(), &at_zero(&calls)), Some(5));
        calls[4] = OK;
        assert_eq!(opened_by(window(), &at_zero(&calls)), None);
    }

    #[test]
    fn rate_opens_exactly_at_its_threshold_but_not_below_minimum_calls() {
        let window = || rate(WindowSize::Calls(10), 5, 50.0, 100.0);
        let calls = [FAILED, FAILED, FAILED, FAILED, FAILED];
        assert_eq!(opened_by(window(), &at_zero(&calls)), Some(5));
        let calls = [FAILED, OK, FAILED, OK, OK, FAILED];
        assert_eq!(opened_by(window(), &at_zero(&calls)), Some(6));
        let calls = [FAILED, FAILED, FAILED, OK, OK];
        assert_eq!(
            opened_by(window(), &at_zero(&calls)),
            Some(5),
            "a success may complete the minimum"
        );
    }

    #[test]
    fn window_of_calls_drops_old_calls() {
        let window = || rate(WindowSize::Calls(4), 4, 50.0, 100.0);
        let calls = [OK, FAILED, OK, OK, OK, FAILED, OK, FAILED];
        assert_eq!(opened_by(window(), &at_zero(&calls)), Some(8));
    }

    #[test]
    fn minimum_calls_is_capped_at_the_window_size() {
        let window = rate(WindowSize::Calls(2), 100, 100.0, 100.0);
        assert_eq!(opened_by(window, &at_zero(&[FAILED, FAILED])), Some(2));
    }

    #[test]
    fn window_of_time_drops_old_calls() {
        let window = || rate(WindowSize::Time(Duration::from_secs(10)), 3, 50.0, 100.0);
        let younger = [(0, FAILED), (5, OK), (9, FAILED)];
        assert_eq!(opened_by(window(), &younger), Some(3));
        let exactly = [(0, FAILED), (5, OK), (10, FAILED), (10, OK), (10, OK)];
        assert_eq!(opened_by(window(), &exactly), None);
    }

    #[test]
    fn slow_calls_are_rated_separately() {
        let window = || rate(WindowSize::Calls(10), 2, 100.0, 50.0);
        assert_eq!(opened_by(window(), &at_zero(&[OK, SLOW])), Some(2));
        assert_eq!(opened_by(window(), &at_zero(&[OK, FAILED])), None);
    }

    proptest! {
        #[test]
        fn running_totals_agree_with_recounting(
            calls in proptest::collection::vec((0..4_u64, any::<bool>(), any::<bool>()), 1..60),
            size in prop_oneof![
                (1..12_u32).prop_map(WindowSize::Calls),
                (1..12_u64).prop_map(|s| WindowSize::Time(Duration::from_secs(s))),
            ],
            minimum in 1..8_u32,
            failure_rate in 1..=100_u32,
            slow_rate in 1..=100_u32,
        ) {
            let mut window = rate(size, minimum, failure_rate.into(), slow_rate.into());
            let mut now = Duration::ZERO;
            let mut history: Vec<(Duration, CallOutcome)> = Vec::new();
            for (pause, failed, slow) in calls {
                now += Duration::from_secs(pause);
                let outcome = CallOutcome { failed, slow };
                history.push((now, outcome));
                let skipped = match size {
                    WindowSize::Calls(calls) => history.len().saturating_sub(calls as usize),
                    WindowSize::Time(time) => {
                        history.iter().filter(|(at, _)| *at + time <= now).count()
                    }
                };
                let counted = &history[skipped..];
                let percent = |part: usize| part * 100;
                let failed = counted.iter().filter(|(_, outcome)| outcome.failed).count();
                let slow = counted.iter().filter(|(_, outcome)| outcome.slow).count();
                let enough = match size {
                    WindowSize::Calls(calls) => minimum.min(calls),
                    WindowSize::Time(_) => minimum,
                };
                let expected = counted.len() >= enough as usize
                    && (percent(failed) >= failure_rate as usize * counted.len()
                        || percent(slow) >= slow_rate as usize * counted.len());
                prop_assert_eq!(window.record(now, outcome), expected);
            }
        }
    }
}

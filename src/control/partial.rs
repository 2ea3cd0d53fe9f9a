use std::sync::Arc;

use serde::Serialize;

use crate::domain::{Failure, FailureMode};

/// What is left of a plan that was not carried out to its end.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PartialResult {
    /// The steps that completed.
    pub completed: Vec<Arc<str>>,
    /// The steps that failed.
    pub failed: Vec<Arc<str>>,
    /// How many steps there are.
    pub total: usize,
    /// How many have yet to be started.
    pub remaining: usize,
    /// The share of the steps that completed, 0 to 1.
    pub ratio: f64,
    /// What kind of failure stopped it.
    pub mode: FailureMode,
    /// Whether it can be resumed.
    pub recoverable: bool,
    /// How it is best recovered.
    pub strategy: RecoveryStrategy,
}

/// How a partial result is best recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryStrategy {
    /// Most is done: what failed is tried again.
    RetryFailed,
    /// Some is done: it goes on where it stopped.
    RetryFromCheckpoint,
    /// Hardly anything is done.
    RetryAll,
    /// Trying again does not help: somebody has to look at it.
    Manual,
}

impl PartialResult {
    pub fn new(
        completed: Vec<Arc<str>>,
        failed: Vec<Arc<str>>,
        total: usize,
        failure: &Failure,
    ) -> Self {
        let recoverable = failure.retryable && !failure.mode.terminal();
        Self {
            remaining: total.saturating_sub(completed.len() + failed.len()),
            ratio: ratio(completed.len(), total),
            mode: failure.mode,
            recoverable,
            strategy: RecoveryStrategy::of(recoverable, completed.len(), total),
            completed,
            failed,
            total,
        }
    }
}

impl RecoveryStrategy {
    /// From three quarters on what failed, from one quarter on the rest, below that all of it.
    fn of(recoverable: bool, completed: usize, total: usize) -> Self {
        match recoverable {
            false => Self::Manual,
            true if completed * 4 >= total * 3 => Self::RetryFailed,
            true if completed * 4 >= total => Self::RetryFromCheckpoint,
            true => Self::RetryAll,
        }
    }
}

fn ratio(completed: usize, total: usize) -> f64 {
    let count = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    count(completed) / count(total.max(1))
}

#[cfg(test)]
mod tests {
    use super::{RecoveryStrategy::*, *};

    #[test]
    fn recovery_strategy_follows_from_the_failure_and_the_share_that_is_done() {
        for (code, completed, total, strategy) in [
            ("TOOL_ERROR", 3, 4, RetryFailed),
            ("TOOL_ERROR", 2, 3, RetryFromCheckpoint),
            ("TOOL_ERROR", 1, 3, RetryFromCheckpoint),
            ("TOOL_ERROR", 2, 5, RetryFromCheckpoint),
            ("TOOL_ERROR", 1, 4, RetryFromCheckpoint),
            ("TOOL_ERROR", 1, 5, RetryAll),
            ("TOOL_ERROR", 0, 4, RetryAll),
            ("PERMISSION_DENIED", 3, 4, Manual),
            ("BUDGET_EXHAUSTED", 3, 4, Manual),
            ("CANCELLED", 0, 4, Manual),
        ] {
            let step = |number: usize| format!("step_{number}").into();
            let completed: Vec<_> = (0..completed).map(step).collect();
            let done = completed.len();
            let failure = Failure::new(code, "");
            let partial = PartialResult::new(completed, vec![step(done)], total, &failure);
            assert_eq!(partial.strategy, strategy, "{code} {done}/{total}");
            assert_eq!(partial.recoverable, strategy != Manual, "{code}");
            assert_eq!(partial.remaining, total - done - 1);
        }
    }
}

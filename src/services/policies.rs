use std::{collections::HashMap, time::Duration};

use crate::{
    domain::{CallName, LONGEST},
    resilience::Retry,
};

/// How long an execution may take where nothing else is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// What one call asks for itself, as a workflow's step does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallPolicy {
    /// How long an execution may take.
    pub timeout: Option<Duration>,
    /// How often and when it is repeated.
    pub retry: Option<Retry>,
}

/// Timeouts and retries of all calls.
///
/// What is said of an operation beats what a call asks for itself, which beats
/// what is said of every call, which beats the default: 30 s and no retry.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// What is said of every call.
    pub every: CallPolicy,
    operations: HashMap<CallName, Own>,
    left_alone: bool,
}

/// What is said of one operation.
#[derive(Clone, Copy, Debug, Default)]
struct Own {
    timeout: Option<Duration>,
    max_retries: Option<u32>,
}

impl Policies {
    /// No call is ended or repeated, whatever it asks for itself: for callers of one who sees to that.
    pub fn leaving_alone() -> Self {
        Self {
            left_alone: true,
            ..Self::default()
        }
    }

    /// Every execution of the operation may take this long.
    pub fn time_out(&mut self, call: CallName, after: Duration) {
        self.operations.entry(call).or_default().timeout = Some(after);
    }

    /// Every call of the operation is repeated up to so many times.
    pub fn retry(&mut self, call: CallName, max_retries: u32) {
        self.operations.entry(call).or_default().max_retries = Some(max_retries);
    }

    /// Every call is repeated up to so many times, at the delays that are set.
    pub fn retry_every(&mut self, max_retries: u32) {
        let retry = self.every.retry.get_or_insert_with(|| Retry::up_to(0));
        retry.max_retries = max_retries;
    }

    /// The timeout and retries of one call.
    pub fn of(&self, call: &CallName, asked: &CallPolicy) -> (Duration, Retry) {
        if self.left_alone {
            return (LONGEST, Retry::up_to(0));
        }
        let own = if self.operations.is_empty() {
            Own::default()
        } else {
            self.operations.get(call).copied().unwrap_or_default()
        };
        let timeout = own
            .timeout
            .or(asked.timeout)
            .or(self.every.timeout)
            .unwrap_or(DEFAULT_TIMEOUT);
        let mut retry = asked
            .retry
            .as_ref()
            .or(self.every.retry.as_ref())
            .cloned()
            .unwrap_or_else(|| Retry::up_to(0));
        if let Some(max_retries) = own.max_retries {
            retry.max_retries = max_retries;
        }
        (timeout, retry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_particular_word_wins() {
        let call = CallName::new("S", "op");
        let secs = Duration::from_secs;
        let mut policies = Policies::default();
        let mut asked = CallPolicy::default();
        assert_eq!(policies.of(&call, &asked).0, secs(30));
        assert_eq!(policies.of(&call, &asked).1.max_retries, 0);
        policies.every.timeout = Some(secs(4));
        policies.retry_every(4);
        assert_eq!(policies.of(&call, &asked).0, secs(4));
        assert_eq!(policies.of(&call, &asked).1.max_retries, 4);
        asked.timeout = Some(secs(3));
        asked.retry = Some(Retry::up_to(3));
        assert_eq!(policies.of(&call, &asked).0, secs(3));
        assert_eq!(policies.of(&call, &asked).1.max_retries, 3);
        policies.time_out(call.clone(), secs(2));
        policies.retry(call.clone(), 2);
        assert_eq!(policies.of(&call, &asked).0, secs(2));
        assert_eq!(policies.of(&call, &asked).1.max_retries, 2);
    }

    #[test]
    fn calls_that_are_left_alone_are_neither_ended_nor_repeated() {
        let call = CallName::new("S", "op");
        let asked = CallPolicy {
            timeout: Some(Duration::from_secs(1)),
            retry: Some(Retry::up_to(3)),
        };
        let (timeout, retry) = Policies::leaving_alone().of(&call, &asked);
        assert_eq!(timeout, LONGEST);
        assert_eq!(retry.max_retries, 0);
    }
}

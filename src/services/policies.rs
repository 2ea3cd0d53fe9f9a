use std::{collections::HashMap, time::Duration};

use crate::{
    domain::{CallName, MAX_DURATION},
    resilience::Retries,
};

/// How long an execution may take where nothing else is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// What one call asks for itself, as a workflow's step does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallPolicy {
    /// How long an execution may take.
    pub timeout: Option<Duration>,
    /// How often and when it is repeated.
    pub retry: Option<Retries>,
    /// The same where nothing is said of every call either: what its kind of call usually does.
    pub usual_retry: Option<Retries>,
}

/// Timeouts and retries of all calls.
///
/// What is said of an operation beats what a call asks for itself, which beats
/// what is said of every call, which beats the default: 30 s, and no retry unless its kind of call
/// usually has some.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// What is said of every call.
    pub every: CallPolicy,
    operations: HashMap<CallName, OperationPolicy>,
    passthrough: bool,
}

/// What is said of one operation.
#[derive(Clone, Debug, Default)]
struct OperationPolicy {
    timeout: Option<Duration>,
    retry: Option<Retries>,
    max_retries: Option<u32>,
}

impl Policies {
    /// No call is timed out or retried, whatever it asks for itself: another client does that.
    pub fn passthrough() -> Self {
        Self {
            passthrough: true,
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

    /// Every call of the operation is repeated so.
    pub fn retry_as(&mut self, call: CallName, retries: Retries) {
        self.operations.entry(call).or_default().retry = Some(retries);
    }

    /// Every call is repeated up to so many times, at the delays that are set.
    pub fn retry_every(&mut self, max_retries: u32) {
        let retries = self.every.retry.take().unwrap_or_default();
        self.every.retry = Some(retries.up_to(max_retries));
    }

    /// The timeout and retries of one call.
    pub fn of(&self, call: &CallName, asked: &CallPolicy) -> (Duration, Retries) {
        if self.passthrough {
            return (MAX_DURATION, Retries::none());
        }
        // Looked up only where there is any: hashing the name would cost every call.
        let own = if self.operations.is_empty() {
            None
        } else {
            self.operations.get(call)
        };
        let timeout = own
            .and_then(|own| own.timeout)
            .or(asked.timeout)
            .or(self.every.timeout)
            .unwrap_or(DEFAULT_TIMEOUT);
        let retries = own
            .and_then(|own| own.retry.as_ref())
            .or(asked.retry.as_ref())
            .or(self.every.retry.as_ref())
            .or(asked.usual_retry.as_ref())
            .cloned()
            .unwrap_or_default();
        let retries = match own.and_then(|own| own.max_retries) {
            Some(max_retries) => retries.up_to(max_retries),
            None => retries,
        };
        (timeout, retries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resilience::Retry;

    #[test]
    fn the_more_specific_policy_wins() {
        let call = CallName::new("S", "op");
        let secs = Duration::from_secs;
        let mut policies = Policies::default();
        let mut asked = CallPolicy::default();
        assert_eq!(policies.of(&call, &asked).0, secs(30));
        assert_eq!(policies.of(&call, &asked).1, Retry::up_to(0).into());
        asked.usual_retry = Some(Retry::up_to(5).into());
        assert_eq!(policies.of(&call, &asked).1, Retry::up_to(5).into());
        policies.every.timeout = Some(secs(4));
        policies.retry_every(4);
        assert_eq!(policies.of(&call, &asked).0, secs(4));
        assert_eq!(policies.of(&call, &asked).1, Retry::up_to(4).into());
        asked.timeout = Some(secs(3));
        asked.retry = Some(Retry::up_to(3).into());
        assert_eq!(policies.of(&call, &asked).0, secs(3));
        assert_eq!(policies.of(&call, &asked).1, Retry::up_to(3).into());
        policies.time_out(call.clone(), secs(2));
        policies.retry(call.clone(), 2);
        assert_eq!(policies.of(&call, &asked).0, secs(2));
        assert_eq!(policies.of(&call, &asked).1, Retry::up_to(2).into());
    }

    #[test]
    fn passthrough_policies_neither_time_out_nor_retry() {
        let call = CallName::new("S", "op");
        let asked = CallPolicy {
            timeout: Some(Duration::from_secs(1)),
            retry: Some(Retry::up_to(3).into()),
            usual_retry: Some(Retry::up_to(3).into()),
        };
        let (timeout, retry) = Policies::passthrough().of(&call, &asked);
        assert_eq!(timeout, MAX_DURATION);
        assert_eq!(retry, Retries::none());
    }
}

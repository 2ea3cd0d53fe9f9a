use std::{collections::HashMap, time::Duration};

use crate::{
    domain::{CallName, MAX_DURATION},
    resilience::Retries,
};

/// How long an execution may take unless configured.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The policy of one call, such as that of a workflow's step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallPolicy {
    /// How long an execution may take.
    pub timeout: Option<Duration>,
    /// How often it is retried, and after which delays.
    pub retry: Option<Retries>,
    /// Used where neither this policy nor that of all calls sets retries: the default of this kind
    /// of call.
    pub default_retry: Option<Retries>,
    /// The code of a failure that the caller answers with another call: it is never retried, whatever
    /// the policies say.
    pub final_code: Option<&'static str>,
}

/// Timeouts and retries of all calls.
///
/// The policy of an operation takes precedence over that of the call, which takes precedence over that
/// of all calls. The default is 30 s, and the call's `default_retry` or no retry.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    /// The policy of all calls.
    pub every: CallPolicy,
    operations: HashMap<CallName, OperationPolicy>,
    passthrough: bool,
}

/// The timeout and retries of one call.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectivePolicy {
    /// How long an execution may take.
    pub timeout: Duration,
    /// Whether no policy sets it.
    pub timeout_is_default: bool,
    /// How often and when it is repeated.
    pub retries: Retries,
    /// Whether no policy sets them.
    pub retries_are_default: bool,
}

/// The policy of all calls to one operation.
#[derive(Clone, Debug, Default)]
struct OperationPolicy {
    timeout: Option<Duration>,
    retry: Option<Retries>,
    max_retries: Option<u32>,
}

impl Policies {
    /// No call is timed out or retried, whatever its own policy: another client does that.
    pub fn passthrough() -> Self {
        Self {
            passthrough: true,
            ..Self::default()
        }
    }

    /// Sets the timeout of an operation.
    pub fn time_out(&mut self, call: CallName, after: Duration) {
        self.operations.entry(call).or_default().timeout = Some(after);
    }

    /// Sets the number of retries of an operation.
    pub fn retry(&mut self, call: CallName, max_retries: u32) {
        self.operations.entry(call).or_default().max_retries = Some(max_retries);
    }

    /// Sets the retries of an operation.
    pub fn retry_as(&mut self, call: CallName, retries: Retries) {
        self.operations.entry(call).or_default().retry = Some(retries);
    }

    /// Sets the number of retries of all calls, and keeps the delays.
    pub fn retry_every(&mut self, max_retries: u32) {
        let retries = self.every.retry.take().unwrap_or_default();
        self.every.retry = Some(retries.up_to(max_retries));
    }

    /// The timeout and retries of one call.
    pub fn of(&self, call: &CallName, own: &CallPolicy) -> EffectivePolicy {
        if self.passthrough {
            return EffectivePolicy {
                timeout: MAX_DURATION,
                timeout_is_default: false,
                retries: Retries::none(),
                retries_are_default: false,
            };
        }
        // Looked up only where there is any: hashing the name would cost every call.
        let operation = if self.operations.is_empty() {
            None
        } else {
            self.operations.get(call)
        };
        let timeout = operation
            .and_then(|operation| operation.timeout)
            .or(own.timeout)
            .or(self.every.timeout);
        let retries = operation
            .and_then(|operation| operation.retry.as_ref())
            .or(own.retry.as_ref())
            .or(self.every.retry.as_ref());
        let max_retries = operation.and_then(|operation| operation.max_retries);
        let retries_are_default = retries.is_none() && max_retries.is_none();
        let retries = retries
            .or(own.default_retry.as_ref())
            .cloned()
            .unwrap_or_default();
        EffectivePolicy {
            timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
            timeout_is_default: timeout.is_none(),
            retries: match max_retries {
                Some(max_retries) => retries.up_to(max_retries),
                None => retries,
            },
            retries_are_default,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resilience::Retry;

    #[test]
    fn more_specific_policy_wins() {
        let call = CallName::new("S", "op");
        let secs = Duration::from_secs;
        let mut policies = Policies::default();
        let mut own = CallPolicy::default();
        assert_eq!(policies.of(&call, &own).timeout, secs(30));
        assert_eq!(policies.of(&call, &own).retries, Retry::up_to(0).into());
        own.default_retry = Some(Retry::up_to(5).into());
        assert_eq!(policies.of(&call, &own).retries, Retry::up_to(5).into());
        policies.every.timeout = Some(secs(4));
        policies.retry_every(4);
        assert_eq!(policies.of(&call, &own).timeout, secs(4));
        assert_eq!(policies.of(&call, &own).retries, Retry::up_to(4).into());
        own.timeout = Some(secs(3));
        own.retry = Some(Retry::up_to(3).into());
        assert_eq!(policies.of(&call, &own).timeout, secs(3));
        assert_eq!(policies.of(&call, &own).retries, Retry::up_to(3).into());
        policies.time_out(call.clone(), secs(2));
        policies.retry(call.clone(), 2);
        assert_eq!(policies.of(&call, &own).timeout, secs(2));
        assert_eq!(policies.of(&call, &own).retries, Retry::up_to(2).into());
    }

    #[test]
    fn passthrough_policies_neither_time_out_nor_retry() {
        let call = CallName::new("S", "op");
        let own = CallPolicy {
            timeout: Some(Duration::from_secs(1)),
            retry: Some(Retry::up_to(3).into()),
            default_retry: Some(Retry::up_to(3).into()),
            final_code: None,
        };
        let policy = Policies::passthrough().of(&call, &own);
        assert_eq!(policy.timeout, MAX_DURATION);
        assert_eq!(policy.retries, Retries::none());
    }
}

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::BudgetPolicy;
use crate::domain::{CallName, Cost, format_duration};

/// What a call uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Its cost.
    pub cost: Cost,
    /// Its tokens.
    pub tokens: u64,
}

/// What an operation uses that does not say so: 0.1 in cost and 10 tokens.
impl Default for Usage {
    fn default() -> Self {
        Self {
            cost: Cost::from_billionths(100_000_000),
            tokens: 10,
        }
    }
}

/// What a budget limits. Amounts are in the smallest units: billionths, calls, tokens, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Ceiling {
    Cost,
    Calls,
    Tokens,
    Time,
    CallsPerService,
    CallsPerOperation,
}

/// A ceiling, and the service or operation where each has its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct CeilingOf {
    pub ceiling: Ceiling,
    pub of: Option<Arc<str>>,
}

impl Ceiling {
    /// Its name in a policy.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::Calls => "calls",
            Self::Tokens => "tokens",
            Self::Time => "time",
            Self::CallsPerService => "callsPerService",
            Self::CallsPerOperation => "callsPerOperation",
        }
    }

    /// The limit that a policy sets, if any.
    pub fn limit(self, policy: &BudgetPolicy) -> Option<u128> {
        match self {
            Self::Cost => policy.cost.map(|cost| cost.billionths().into()),
            Self::Calls => policy.calls.map(Into::into),
            Self::Tokens => policy.tokens.map(Into::into),
            Self::Time => policy.time.map(|time| time.as_millis()),
            Self::CallsPerService => policy.calls_per_service.map(Into::into),
            Self::CallsPerOperation => policy.calls_per_operation.map(Into::into),
        }
    }

    /// An amount as users read it.
    pub fn show(self, amount: u128) -> Value {
        let amount = u64::try_from(amount).unwrap_or(u64::MAX);
        match self {
            Self::Cost => Cost::from_billionths(amount).to_json(),
            Self::Time => format_duration(Duration::from_millis(amount)).into(),
            _ => amount.into(),
        }
    }

    /// The one of all calls.
    pub const fn of_all(self) -> CeilingOf {
        CeilingOf {
            ceiling: self,
            of: None,
        }
    }

    fn of(self, name: &str) -> CeilingOf {
        CeilingOf {
            ceiling: self,
            of: Some(name.into()),
        }
    }
}

impl Usage {
    /// What a call with this usage takes of each ceiling, the first that is named first.
    pub(super) fn amounts(self, call: &CallName) -> [(CeilingOf, u128); 6] {
        [
            (Ceiling::Cost.of_all(), self.cost.billionths().into()),
            (Ceiling::Calls.of_all(), 1),
            (Ceiling::Tokens.of_all(), self.tokens.into()),
            (Ceiling::Time.of_all(), 0),
            (Ceiling::CallsPerService.of(call.service()), 1),
            (Ceiling::CallsPerOperation.of(call.as_str()), 1),
        ]
    }
}

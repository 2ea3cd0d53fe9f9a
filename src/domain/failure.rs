use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{CallName, FailureMode, code, opt_duration_text};

/// Why a call did not succeed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Failure {
    /// What went wrong, in UPPER_SNAKE case.
    pub code: Arc<str>,
    /// What went wrong, for people.
    pub message: String,
    /// The service that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Arc<str>>,
    /// The operation that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Arc<str>>,
    /// The field at fault, or the JSON pointer to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What kind of failure it is.
    pub mode: FailureMode,
    /// Whether another execution may succeed.
    pub retryable: bool,
    /// How many executions the call had; refusals are not counted.
    pub executions: u32,
    /// Whether its effect may still happen or remain: an execution was ended by our own timeout or
    /// deadline or its connection broke, its reply was corrupted, or a nested run left something
    /// undone.
    pub in_doubt: bool,
    /// How long the service asks the caller to wait before the next execution.
    #[serde(
        default,
        with = "opt_duration_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub retry_after: Option<Duration>,
    /// Why it was not retried, where a retry policy is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_retried: Option<String>,
    /// The failures that were retried before this one, oldest first, then those it combines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Failure>,
}

impl Failure {
    /// A failure whose mode and retryability follow from its code.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        let (mode, retryable) = code::classify(code);
        Self {
            code: code.into(),
            message: message.into(),
            service: None,
            operation: None,
            field: None,
            mode,
            retryable,
            executions: 0,
            in_doubt: false,
            retry_after: None,
            not_retried: None,
            causes: Vec::new(),
        }
    }

    /// Adds where it happened.
    #[must_use]
    pub fn at(mut self, call: &CallName) -> Self {
        self.service = Some(call.service().into());
        self.operation = Some(call.operation().into());
        self
    }

    /// Adds which field, or JSON pointer, is at fault.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Where it happened, as `Service.operation`, as far as it is known.
    pub fn origin(&self) -> Option<CallName> {
        Some(CallName::new(
            self.service.as_deref()?,
            self.operation.as_deref()?,
        ))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(origin) = self.origin() {
            write!(f, " from {origin}")?;
        }
        write!(f, ": {}", self.message)?;
        if self.executions > 1 {
            write!(f, " (after {} executions)", self.executions)?;
        }
        match &self.not_retried {
            None => Ok(()),
            Some(why) => write!(f, " (not retried: {why})"),
        }
    }
}

impl std::error::Error for Failure {}

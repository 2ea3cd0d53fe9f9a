use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value};

use super::{
    PolicyError,
    policy::{self, Codes, PolicyKind, limit_text},
};
use crate::domain::{Violation, check_code, duration_text, from_value, parse_duration};

/// When a breaker opens, and when it closes again.
///
/// The rate window has the terms and the defaults of
/// [resilience4j](https://resilience4j.readme.io/docs/circuitbreaker); percentages are plain
/// numbers above 0, up to 100. The consecutive window refuses the rate window's fields; the rate
/// window ignores `failure_threshold`, which presets may have set.
///
/// In JSON it is a preset's name, or an object of its fields over the default preset; an
/// object's `preset` is overridden by its other fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    remote = "Self",
    rename_all = "camelCase",
    deny_unknown_fields,
    default
)]
pub struct BreakerPolicy {
    /// What makes it open.
    pub window: WindowKind,
    /// Consecutive failures that open it, in the consecutive window; at least 1.
    pub failure_threshold: u32,
    /// How long it stays open before a call may probe the service.
    #[serde(with = "duration_text")]
    pub recovery: Duration,
    /// Successes while half-open that close it; at least 1.
    pub success_threshold: u32,
    /// Calls that may run concurrently while it is half-open; at least 1.
    pub permitted_calls: u32,
    /// How long a call may run while it is half-open; without it, any time.
    #[serde(with = "limit_text", skip_serializing_if = "Option::is_none")]
    pub max_half_open_wait: Option<Duration>,
    /// Percentage of failed calls that opens it; 50 by default.
    #[serde(
        deserialize_with = "percentage",
        skip_serializing_if = "Option::is_none"
    )]
    pub failure_rate_threshold: Option<f64>,
    /// The calls that the rates are computed over; the last 100 by default.
    #[serde(deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    pub sliding_window_size: Option<WindowSize>,
    /// Calls before a rate counts; 100 by default, and never more than a window of calls holds.
    #[serde(deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    pub minimum_calls: Option<u32>,
    /// The duration beyond which a call is slow; without it, none is.
    #[serde(with = "limit_text", skip_serializing_if = "Option::is_none")]
    pub slow_call_duration: Option<Duration>,
    /// Percentage of slow calls that opens it; 100 by default.
    #[serde(
        deserialize_with = "percentage",
        skip_serializing_if = "Option::is_none"
    )]
    pub slow_call_rate_threshold: Option<f64>,
    /// The codes that count as failures, in place of those that usually do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail_on: Option<Codes>,
    /// Codes that do not count, neither as failures nor as successes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_on: Option<Codes>,
    /// The reply in place of the service's when the breaker refuses a call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Arc<Value>>,
}

/// What makes a breaker open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowKind {
    /// Consecutive failures.
    #[default]
    Consecutive,
    /// The share of calls that failed or were slow.
    Rate,
}

/// The calls that a rate is computed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowSize {
    /// A number of calls, the most recent ones.
    Calls(u32),
    /// The calls that ended within this time.
    Time(Duration),
}

impl BreakerPolicy {
    /// Opens after consecutive failures, and closes after two successes.
    pub const fn opening_after(failures: u32, recovery: Duration) -> Self {
        Self {
            window: WindowKind::Consecutive,
            failure_threshold: failures,
            recovery,
            success_threshold: 2,
            permitted_calls: 1,
            max_half_open_wait: None,
            failure_rate_threshold: None,
            sliding_window_size: None,
            minimum_calls: None,
            slow_call_duration: None,
            slow_call_rate_threshold: None,
            fail_on: None,
            skip_on: None,
            fallback: None,
        }
    }

    /// A convention by its name.
    ///
    /// # Errors
    ///
    /// If no preset has the name.
    pub fn preset(name: &str) -> Result<Self, PolicyError> {
        policy::preset(name)
    }

    /// Sets the rows of a table, `field` and `value`; a preset counts first, wherever it is.
    ///
    /// # Errors
    ///
    /// If there is no such field or preset, a field does not take its value or is given twice, or
    /// [`check`](Self::check) fails; all causes are listed.
    pub fn with_fields<'a>(
        self,
        rows: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, PolicyError> {
        policy::with_rows(self, rows)
    }

    /// Checks the fields taken together.
    ///
    /// # Errors
    ///
    /// If a count is 0, a percentage is not above 0 and up to 100, or a field
    /// of the rate window is given to the consecutive one; all causes are listed.
    pub fn check(&self) -> Result<(), PolicyError> {
        policy::check(self)
    }

    /// Whether a failure counts, where `usually` says whether it would.
    pub(crate) fn counts(&self, code: &str, usually: bool) -> bool {
        let skipped = self
            .skip_on
            .as_ref()
            .is_some_and(|codes| codes.contains(code));
        !skipped
            && match &self.fail_on {
                Some(codes) => codes.contains(code),
                None => usually,
            }
    }

    /// Whether a call of this duration is slow; at exactly the limit it is not.
    pub(super) fn is_slow(&self, took: Duration) -> bool {
        self.window == WindowKind::Rate && self.slow_call_duration.is_some_and(|limit| took > limit)
    }
}

/// Five failures, 60 s, two successes.
impl Default for BreakerPolicy {
    fn default() -> Self {
        Self::opening_after(5, Duration::from_secs(60))
    }
}

impl PolicyKind for BreakerPolicy {
    const NAME: &'static str = "circuit breaker";
    const PRESETS: &'static [&'static str] = &[
        "default",
        "agent-service",
        "storage-service",
        "external-api",
        "coordination",
        "coordination-fast",
    ];
    const REQUIRED: Option<&'static str> = None;

    fn standard() -> Self {
        Self::default()
    }

    fn find_preset(name: &str) -> Option<Self> {
        let (failures, seconds) = match name {
            "default" => (5, 60),
            "agent-service" => (10, 30),
            "storage-service" => (3, 120),
            "external-api" => (5, 30),
            "coordination" => (3, 5),
            "coordination-fast" => (2, 3),
            _ => return None,
        };
        Some(Self::opening_after(failures, Duration::from_secs(seconds)))
    }

    fn from_fields(fields: Map<String, Value>) -> Result<Self, Violation> {
        #[derive(Deserialize)]
        struct BreakerFields(#[serde(with = "BreakerPolicy")] BreakerPolicy);
        from_value(&fields.into()).map(|BreakerFields(policy)| policy)
    }

    fn violations(&self) -> Vec<Violation> {
        let empty_window = matches!(
            self.sliding_window_size,
            Some(WindowSize::Calls(0) | WindowSize::Time(Duration::ZERO))
        );
        let zeros = [
            ("/failureThreshold", self.failure_threshold == 0),
            ("/successThreshold", self.success_threshold == 0),
            ("/permittedCalls", self.permitted_calls == 0),
            ("/minimumCalls", self.minimum_calls == Some(0)),
            ("/slidingWindowSize", empty_window),
        ];
        let (failure_rate, slow_rate) =
            (self.failure_rate_threshold, self.slow_call_rate_threshold);
        let percentages = [
            ("/failureRateThreshold", failure_rate),
            ("/slowCallRateThreshold", slow_rate),
        ];
        let of_rate_window = [
            ("/failureRateThreshold", failure_rate.is_some()),
            ("/slidingWindowSize", self.sliding_window_size.is_some()),
            ("/minimumCalls", self.minimum_calls.is_some()),
            ("/slowCallDuration", self.slow_call_duration.is_some()),
            ("/slowCallRateThreshold", slow_rate.is_some()),
        ];
        let mut violations = Vec::new();
        for (pointer, _) in zeros.iter().filter(|(_, zero)| *zero) {
            violations.push(Violation::new(*pointer, "expected more than 0"));
        }
        for (pointer, percentage) in percentages {
            if let Some(found) = percentage.filter(|found| !is_percentage(*found)) {
                let message = format!("{EXPECTED_PERCENTAGE}, found {found} %");
                violations.push(Violation::new(pointer, message));
            }
        }
        if self.window == WindowKind::Consecutive {
            for (pointer, _) in of_rate_window.iter().filter(|(_, given)| *given) {
                violations.push(Violation::new(*pointer, "needs \"window\" to be \"rate\""));
            }
        }
        for (pointer, codes) in [("/failOn", &self.fail_on), ("/skipOn", &self.skip_on)] {
            let codes = codes.iter();
            violations.extend(codes.flat_map(|codes| codes.violations(pointer, check_code)));
        }
        if let (Some(failures), Some(skipped)) = (&self.fail_on, &self.skip_on) {
            for code in skipped.iter().filter(|code| failures.contains(code)) {
                let message = format!("{code} is in \"failOn\" too");
                violations.push(Violation::new("/skipOn", message));
            }
        }
        if slow_rate.is_some() && self.slow_call_duration.is_none() {
            let message = "needs \"slowCallDuration\"";
            violations.push(Violation::new("/slowCallRateThreshold", message));
        }
        violations
    }
}

impl<'de> Deserialize<'de> for BreakerPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        policy::deserialize(deserializer)
    }
}

impl Serialize for BreakerPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The derived one.
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for WindowSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let calls = value.as_u64().and_then(|calls| u32::try_from(calls).ok());
        let time = value.as_str().and_then(|text| parse_duration(text).ok());
        calls
            .map(Self::Calls)
            .or(time.map(Self::Time))
            .ok_or_else(|| {
                D::Error::custom(format!(
                    "expected a number of calls, or a duration such as \"10 s\", found {value}"
                ))
            })
    }
}

impl Serialize for WindowSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Calls(calls) => serializer.serialize_u32(*calls),
            Self::Time(time) => duration_text::serialize(time, serializer),
        }
    }
}

/// A value that is there: null is not taken for a missing field.
fn not_null<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

const EXPECTED_PERCENTAGE: &str = "expected a percentage above 0, up to 100, such as \"50 %\"";

fn is_percentage(number: f64) -> bool {
    number > 0.0 && number <= 100.0
}

/// A number, or a string such as `50 %`.
fn percentage<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let written = || value.as_str()?.strip_suffix('%')?.trim().parse().ok();
    let number = value.as_f64().or_else(written);
    match number.filter(|number| is_percentage(*number)) {
        Some(number) => Ok(Some(number)),
        None => Err(D::Error::custom(format!(
            "{EXPECTED_PERCENTAGE}, found {value}"
        ))),
    }
}

#[cfg(test)]
mod tests;

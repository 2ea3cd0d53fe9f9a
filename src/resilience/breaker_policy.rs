use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{
    PolicyError, UnknownPreset,
    policy::{self, Policy},
};
use crate::domain::{duration_text, format_duration, opt_duration_text, parse_duration};

/// When a breaker opens, and how it closes again.
///
/// The rate window has the terms and the defaults of
/// [resilience4j](https://resilience4j.readme.io/docs/circuitbreaker); percentages are plain
/// numbers above 0, up to 100. The consecutive window refuses the rate window's fields; the rate
/// window ignores `failure_threshold`, which presets may have set.
///
/// In JSON it is a preset's name, or an object of its fields over the default preset; an
/// object's `preset` is overridden by its other fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakerPolicy {
    /// What the breaker looks at.
    pub window: WindowKind,
    /// Failures in a row that open it, in the consecutive window; at least 1.
    pub failure_threshold: u32,
    /// How long it stays open before it lets a call probe the service.
    #[serde(with = "duration_text")]
    pub recovery: Duration,
    /// Successes while half-open that close it; at least 1.
    pub success_threshold: u32,
    /// Calls that may be out at once while it is half-open; at least 1.
    pub permitted_calls: u32,
    /// How long a call may be out while it is half-open; without it, for ever.
    #[serde(with = "opt_duration_text", skip_serializing_if = "Option::is_none")]
    pub max_half_open_wait: Option<Duration>,
    /// Percentage of failed calls that opens it; 50 where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_rate_threshold: Option<f64>,
    /// The calls that the rates are of; the last 100 where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sliding_window_size: Option<WindowSize>,
    /// Calls before a rate counts; 100 where not given, and never more than a window of calls
    /// holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_calls: Option<u32>,
    /// The duration beyond which a call is slow; without it, none is.
    #[serde(with = "opt_duration_text", skip_serializing_if = "Option::is_none")]
    pub slow_call_duration: Option<Duration>,
    /// Percentage of slow calls that opens it; 100 where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_call_rate_threshold: Option<f64>,
    /// The reply that stands in for the service's where the breaker refuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Arc<Value>>,
}

/// What a breaker looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowKind {
    /// Failures in a row.
    #[default]
    Consecutive,
    /// The share of calls that failed or were slow.
    Rate,
}

/// The calls that a rate is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowSize {
    /// The last so many calls.
    Calls(u32),
    /// The calls that ended within the last so long.
    Time(Duration),
}

impl BreakerPolicy {
    /// The names that [`preset`](Self::preset) knows.
    pub const PRESETS: [&'static str; 6] = [
        "default",
        "agent-service",
        "storage-service",
        "external-api",
        "coordination",
        "coordination-fast",
    ];

    /// Opens after that many failures in a row, for so long; closes after two successes.
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
            fallback: None,
        }
    }

    /// A convention by its name.
    ///
    /// # Errors
    ///
    /// If no preset has the name.
    pub fn preset(name: &str) -> Result<Self, UnknownPreset> {
        let (failures, seconds) = match name {
            "default" => (5, 60),
            "agent-service" => (10, 30),
            "storage-service" => (3, 120),
            "external-api" => (5, 30),
            "coordination" => (3, 5),
            "coordination-fast" => (2, 3),
            _ => return Err(UnknownPreset::new("breaker preset", name, Self::PRESETS)),
        };
        Ok(Self::opening_after(failures, Duration::from_secs(seconds)))
    }

    /// Sets a field from the text of a table, under its name in JSON; `preset` sets them all.
    ///
    /// # Errors
    ///
    /// If there is no such field or preset, or the field does not take the value.
    pub fn set(&mut self, field: &str, value: &str) -> Result<(), PolicyError> {
        policy::set(self, field, value)
    }

    /// Sets the rows of a table, `field` and `value`; a preset counts first, wherever it stands.
    ///
    /// # Errors
    ///
    /// Those of [`set`](Self::set) and [`check`](Self::check), all at once, and
    /// if a field is given twice.
    pub fn with_fields<'a>(
        self,
        rows: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, PolicyError> {
        policy::set_all(self, rows)
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

    /// Whether a call that took so long is slow; one that took exactly the limit is not.
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

impl Policy for BreakerPolicy {
    const NAME: &'static str = "circuit breaker";
    const FIELDS: &'static [&'static str] = &[
        "window",
        "failureThreshold",
        "recovery",
        "successThreshold",
        "permittedCalls",
        "maxHalfOpenWait",
        "failureRateThreshold",
        "slidingWindowSize",
        "minimumCalls",
        "slowCallDuration",
        "slowCallRateThreshold",
        "fallback",
    ];
    const REQUIRED: Option<&'static str> = None;

    fn standard() -> Self {
        Self::default()
    }

    fn named(preset: &str) -> Result<Self, UnknownPreset> {
        Self::preset(preset)
    }

    fn assign(&mut self, field: &'static str, value: &Value) -> Result<(), PolicyError> {
        match field {
            "window" => self.window = window_kind(field, value)?,
            "failureThreshold" => self.failure_threshold = policy::count(field, value)?,
            "recovery" => self.recovery = policy::duration(field, value)?,
            "successThreshold" => self.success_threshold = policy::count(field, value)?,
            "permittedCalls" => self.permitted_calls = policy::count(field, value)?,
            "maxHalfOpenWait" => self.max_half_open_wait = policy::opt_duration(field, value)?,
            "failureRateThreshold" => {
                self.failure_rate_threshold = Some(percentage(field, value)?);
            }
            "slidingWindowSize" => self.sliding_window_size = Some(window_size(field, value)?),
            "minimumCalls" => self.minimum_calls = Some(policy::count(field, value)?),
            "slowCallDuration" => self.slow_call_duration = policy::opt_duration(field, value)?,
            "slowCallRateThreshold" => {
                self.slow_call_rate_threshold = Some(percentage(field, value)?);
            }
            "fallback" => {
                self.fallback = (!value.is_null()).then(|| Arc::new(value.clone()));
            }
            _ => {}
        }
        Ok(())
    }

    fn faults(&self) -> Vec<String> {
        let zeros = [
            ("failureThreshold", self.failure_threshold == 0),
            ("successThreshold", self.success_threshold == 0),
            ("permittedCalls", self.permitted_calls == 0),
            ("minimumCalls", self.minimum_calls == Some(0)),
            (
                "slidingWindowSize",
                matches!(
                    self.sliding_window_size,
                    Some(WindowSize::Calls(0) | WindowSize::Time(Duration::ZERO))
                ),
            ),
        ];
        let percentages = [
            ("failureRateThreshold", self.failure_rate_threshold),
            ("slowCallRateThreshold", self.slow_call_rate_threshold),
        ];
        let of_rate = [
            (
                "failureRateThreshold",
                self.failure_rate_threshold.is_some(),
            ),
            ("slidingWindowSize", self.sliding_window_size.is_some()),
            ("minimumCalls", self.minimum_calls.is_some()),
            ("slowCallDuration", self.slow_call_duration.is_some()),
            (
                "slowCallRateThreshold",
                self.slow_call_rate_threshold.is_some(),
            ),
        ];
        let mut faults = Vec::new();
        for (field, _) in zeros.iter().filter(|(_, zero)| *zero) {
            faults.push(format!("{field:?} is 0, expected more"));
        }
        for (field, percentage) in percentages {
            if let Some(found) = percentage.filter(|found| !(*found > 0.0 && *found <= 100.0)) {
                faults.push(format!(
                    "{field:?} is {found} %, expected more than 0 % and at most 100 %"
                ));
            }
        }
        if self.window == WindowKind::Consecutive {
            for (field, _) in of_rate.iter().filter(|(_, given)| *given) {
                faults.push(format!("{field:?} needs \"window\" to be \"rate\""));
            }
        }
        if self.slow_call_rate_threshold.is_some() && self.slow_call_duration.is_none() {
            faults.push("\"slowCallRateThreshold\" needs \"slowCallDuration\"".to_owned());
        }
        faults
    }
}

impl<'de> Deserialize<'de> for BreakerPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        policy::deserialize(deserializer)
    }
}

impl Serialize for WindowSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Calls(calls) => serializer.serialize_u32(*calls),
            Self::Time(time) => serializer.collect_str(&format_duration(*time)),
        }
    }
}

fn window_kind(field: &'static str, value: &Value) -> Result<WindowKind, PolicyError> {
    match value.as_str() {
        Some("consecutive") => Ok(WindowKind::Consecutive),
        Some("rate") => Ok(WindowKind::Rate),
        _ => Err(policy::expected(
            field,
            value,
            "\"consecutive\" or \"rate\"",
        )),
    }
}

fn window_size(field: &'static str, value: &Value) -> Result<WindowSize, PolicyError> {
    let time = value.as_str().and_then(|text| parse_duration(text).ok());
    let calls = policy::count(field, value).ok();
    calls
        .map(WindowSize::Calls)
        .or(time.map(WindowSize::Time))
        .ok_or_else(|| {
            policy::expected(
                field,
                value,
                "a number of calls, or a duration such as \"10 s\"",
            )
        })
}

/// A number, or a text such as `50 %`.
fn percentage(field: &'static str, value: &Value) -> Result<f64, PolicyError> {
    let written = || value.as_str()?.strip_suffix('%')?.trim().parse().ok();
    value
        .as_f64()
        .or_else(written)
        .filter(|number| *number > 0.0 && *number <= 100.0)
        .ok_or_else(|| {
            policy::expected(
                field,
                value,
                "a percentage above 0, up to 100, such as \"50 %\"",
            )
        })
}

#[cfg(test)]
mod tests;

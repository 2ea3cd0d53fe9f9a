use std::{ops::RangeInclusive, time::Duration};

use rand::Rng as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{
    Jitter, PolicyError,
    policy::{self, PolicyKind, limit_text},
};
use crate::{
    clock::Seed,
    domain::{MAX_DURATION, Violation, duration_text, from_value},
};

/// How often a call is executed again after a retryable failure, and the delays in between.
///
/// The delay before retry k = 0, 1, 2 … is
/// `min(base · multiplier^(k + first_exponent), cap)`, moved by the jitter.
///
/// In JSON it is a preset's name, or an object of its fields; an object names
/// `maxRetries`, or a `preset` that the other fields override.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    remote = "Self",
    rename_all = "camelCase",
    deny_unknown_fields,
    default
)]
pub struct Retry {
    /// Executions after the first; with 0 there is one execution.
    pub max_retries: u32,
    /// The delay that the others are multiples of.
    #[serde(with = "duration_text")]
    pub base: Duration,
    /// The factor between one delay and the next; finite, not negative.
    pub multiplier: f64,
    /// The longest delay, jitter included.
    #[serde(with = "limit_text", skip_serializing_if = "Option::is_none")]
    pub cap: Option<Duration>,
    /// How much of a delay is random.
    pub jitter: Jitter,
    /// The multiplier's exponent in the delay before the first retry.
    pub first_exponent: u32,
}

impl Retry {
    /// One execution.
    pub const fn none() -> Self {
        Self::up_to(0)
    }

    /// Retries after 100 ms, 200 ms, 400 ms and so on, without cap or jitter.
    pub const fn up_to(max_retries: u32) -> Self {
        Self {
            max_retries,
            base: Duration::from_millis(100),
            multiplier: 2.0,
            cap: None,
            jitter: Jitter::None,
            first_exponent: 0,
        }
    }

    /// The convention for handlers of events: after 1 s and 2 s.
    pub const fn subscriber() -> Self {
        Self {
            base: Duration::from_secs(1),
            cap: Some(Duration::from_secs(60)),
            ..Self::up_to(2)
        }
    }

    /// The convention for lost connections: after 1 s, 2 s, 4 s and so on, up to 60 s.
    pub const fn reconnect() -> Self {
        Self {
            max_retries: 5,
            ..Self::subscriber()
        }
    }

    /// The convention for compensations: after 100 ms, 200 ms, 400 ms and so on, up to 60 s, for about
    /// 52 min in all.
    pub const fn compensation() -> Self {
        Self {
            cap: Some(Duration::from_secs(60)),
            ..Self::up_to(60)
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

    /// The delay before a retry, counted from 0, in whole milliseconds.
    ///
    /// It lies within [`bounds`](Self::bounds). Without jitter it does not depend on the seed; with
    /// jitter, each retry draws its own.
    pub fn delay(&self, retry: u32, seed: Seed) -> Duration {
        let (least, most) = self.bounds_millis(retry);
        if least == most {
            return Duration::from_millis(least);
        }
        let drawn = seed.part([retry.to_string().as_str()]).rng().next_u64();
        // Lemire's multiply-shift, written out because no version of `rand`
        // promises that its ranges stay as they are.
        let choices = u128::from(most - least) + 1;
        let offset = (u128::from(drawn) * choices) >> 64;
        // The offset is below the number of choices, so it always fits.
        Duration::from_millis(least + u64::try_from(offset).unwrap_or(0))
    }

    /// The shortest and the longest delay that jitter allows before a retry, counted from 0.
    pub fn bounds(&self, retry: u32) -> RangeInclusive<Duration> {
        let (least, most) = self.bounds_millis(retry);
        Duration::from_millis(least)..=Duration::from_millis(most)
    }

    /// Sets the rows of a table, `field` and `value`, where a cap may be `none`; a preset counts
    /// first, wherever it is.
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

    /// Checks values that their types allow.
    ///
    /// # Errors
    ///
    /// If the multiplier or the jitter is negative or not finite, or a duration
    /// is longer than 366 days; all causes are listed.
    pub fn check(&self) -> Result<(), PolicyError> {
        policy::check(self)
    }

    fn bounds_millis(&self, retry: u32) -> (u64, u64) {
        let ceiling = whole(millis(self.cap.unwrap_or(MAX_DURATION).min(MAX_DURATION)).floor());
        let exponent = u64::from(retry) + u64::from(self.first_exponent);
        let base = millis(self.base);
        let delay = if base == 0.0 {
            // The power may be infinite, and 0 times infinity is NaN.
            0.0
        } else {
            base * power(self.multiplier.max(0.0), exponent)
        };
        let (least, most) = self.jitter.range(delay.min(ceiling as f64));
        (whole(least).min(ceiling), whole(most).min(ceiling))
    }
}

/// No retry.
impl Default for Retry {
    fn default() -> Self {
        Self::none()
    }
}

impl PolicyKind for Retry {
    const NAME: &'static str = "retry policy";
    const PRESETS: &'static [&'static str] = &[
        "none",
        "coordination",
        "coordination-jittered",
        "worker",
        "request",
        "subscriber",
        "reconnect",
        "constant",
        "compensation",
    ];
    const REQUIRED: Option<&'static str> = Some("maxRetries");

    fn standard() -> Self {
        Self::none()
    }

    fn find_preset(name: &str) -> Option<Self> {
        let second = Duration::from_secs(1);
        let cap = |seconds| Some(Duration::from_secs(seconds));
        Some(match name {
            "none" => Self::none(),
            "coordination" => Self::up_to(2),
            "coordination-jittered" => Self {
                jitter: Jitter::PlusMinus(0.25),
                ..Self::up_to(3)
            },
            "worker" => Self {
                base: second,
                cap: cap(30),
                jitter: Jitter::PlusMinus(0.1),
                ..Self::up_to(3)
            },
            "request" => Self {
                base: second,
                cap: cap(10),
                first_exponent: 1,
                ..Self::up_to(3)
            },
            "subscriber" => Self::subscriber(),
            "reconnect" => Self::reconnect(),
            "constant" => Self {
                base: Duration::from_secs(2),
                multiplier: 1.0,
                ..Self::up_to(3)
            },
            "compensation" => Self::compensation(),
            _ => return None,
        })
    }

    fn from_fields(fields: Map<String, Value>) -> Result<Self, Violation> {
        #[derive(Deserialize)]
        struct RetryFields(#[serde(with = "Retry")] Retry);
        from_value(&fields.into()).map(|RetryFields(retry)| retry)
    }

    fn violations(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        if !self.multiplier.is_finite() || self.multiplier < 0.0 {
            let message = format!("expected a finite number from 0, found {}", self.multiplier);
            violations.push(Violation::new("/multiplier", message));
        }
        if !self.jitter.is_valid() {
            let message = format!(
                "expected a share from ±0 % to ±1000 %, found {}",
                self.jitter
            );
            violations.push(Violation::new("/jitter", message));
        }
        for (pointer, duration) in [("/base", Some(self.base)), ("/cap", self.cap)] {
            if duration.is_some_and(|duration| duration > MAX_DURATION) {
                violations.push(Violation::new(pointer, "is longer than 366 days"));
            }
        }
        violations
    }
}

impl<'de> Deserialize<'de> for Retry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        policy::deserialize(deserializer)
    }
}

impl Serialize for Retry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The derived one.
        Self::serialize(self, serializer)
    }
}

fn millis(duration: Duration) -> f64 {
    // Seconds as a fraction would make 35.00000000000001 of 35.
    duration.as_nanos() as f64 / 1e6
}

/// Rounds to whole milliseconds; what is negative or NaN becomes 0.
fn whole(millis: f64) -> u64 {
    millis.round() as u64
}

/// `base^exponent` by squaring: the precision of [`f64::powi`] differs between
/// platforms, and so would the delays.
fn power(mut base: f64, mut exponent: u64) -> f64 {
    let mut power = 1.0;
    while exponent > 0 {
        if exponent % 2 == 1 {
            power *= base;
        }
        base *= base;
        exponent /= 2;
    }
    power
}

#[cfg(test)]
mod tests;

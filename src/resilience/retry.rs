use std::{ops::RangeInclusive, time::Duration};

use rand::Rng as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{
    Jitter, PolicyError, UnknownPreset,
    policy::{self, Policy},
};
use crate::{
    clock::Seed,
    domain::{LONGEST, duration_text, opt_duration_text},
};

/// How often a call is executed again after a retryable failure, and how long it waits before.
///
/// The delay before retry k = 0, 1, 2 … is
/// `min(base · multiplier^(k + first_exponent), cap)`, moved by the jitter.
///
/// In JSON it is a preset's name, or an object of its fields; an object names
/// `maxRetries`, or a `preset` that the other fields override.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// Executions after the first; with 0 there is one execution.
    pub max_retries: u32,
    /// What the delays grow from.
    #[serde(with = "duration_text")]
    pub base: Duration,
    /// How many times as long each delay is as the one before; finite, not negative.
    pub multiplier: f64,
    /// What no delay exceeds, jitter included.
    #[serde(with = "opt_duration_text", skip_serializing_if = "Option::is_none")]
    pub cap: Option<Duration>,
    /// By how much chance moves a delay.
    pub jitter: Jitter,
    /// The multiplier's exponent in the delay before the first retry.
    pub first_exponent: u32,
}

impl Retry {
    /// The names that [`preset`](Self::preset) knows.
    pub const PRESETS: [&'static str; 8] = [
        "none",
        "coordination",
        "coordination-jittered",
        "worker",
        "request",
        "subscriber",
        "reconnect",
        "constant",
    ];

    /// One execution, no more.
    pub const fn none() -> Self {
        Self::up_to(0)
    }

    /// That many retries after 100 ms, 200 ms, 400 ms and so on, without cap or jitter.
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

    /// What a handler of events is given: 1 s, 2 s.
    pub const fn subscriber() -> Self {
        Self {
            base: Duration::from_secs(1),
            cap: Some(Duration::from_secs(60)),
            ..Self::up_to(2)
        }
    }

    /// What a connection is sought again by: 1 s, 2 s, 4 s and so on, never more than 60 s.
    pub const fn reconnect() -> Self {
        Self {
            max_retries: 5,
            ..Self::subscriber()
        }
    }

    /// A convention by its name.
    ///
    /// # Errors
    ///
    /// If no preset has the name.
    pub fn preset(name: &str) -> Result<Self, UnknownPreset> {
        let second = Duration::from_secs(1);
        let cap = |seconds| Some(Duration::from_secs(seconds));
        let retry = match name {
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
            _ => return Err(UnknownPreset::new("retry preset", name, Self::PRESETS)),
        };
        Ok(retry)
    }

    /// The delay before a retry, counted from 0, in whole milliseconds.
    ///
    /// It lies within [`bounds`](Self::bounds). Without jitter the seed has no
    /// part in it; with jitter, every retry draws on its own.
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

    /// The least and the greatest delay that chance may make of a retry, counted from 0.
    pub fn bounds(&self, retry: u32) -> RangeInclusive<Duration> {
        let (least, most) = self.bounds_millis(retry);
        Duration::from_millis(least)..=Duration::from_millis(most)
    }

    /// Sets a field from the text of a table: `maxRetries`, `base`, `multiplier`, `cap`
    /// (a duration or `none`), `jitter` or `firstExponent`; `preset` sets them all.
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

    /// Checks what text cannot say but code can.
    ///
    /// # Errors
    ///
    /// If the multiplier or the jitter is negative or not finite, or a duration
    /// is longer than 366 days; all causes are listed.
    pub fn check(&self) -> Result<(), PolicyError> {
        policy::check(self)
    }

    fn bounds_millis(&self, retry: u32) -> (u64, u64) {
        let ceiling = whole(millis(self.cap.unwrap_or(LONGEST).min(LONGEST)).floor());
        let exponent = u64::from(retry) + u64::from(self.first_exponent);
        let base = millis(self.base);
        let delay = if base == 0.0 {
            // Nothing times the infinity that the power may be is no number.
            0.0
        } else {
            base * power(self.multiplier.max(0.0), exponent)
        };
        let (least, most) = self.jitter.range(delay.min(ceiling as f64));
        (whole(least).min(ceiling), whole(most).min(ceiling))
    }
}

/// Of nothing declared: no retry.
impl Default for Retry {
    fn default() -> Self {
        Self::none()
    }
}

impl Policy for Retry {
    const NAME: &'static str = "retry policy";
    const FIELDS: &'static [&'static str] = &[
        "maxRetries",
        "base",
        "multiplier",
        "cap",
        "jitter",
        "firstExponent",
    ];
    const REQUIRED: Option<&'static str> = Some("maxRetries");

    fn standard() -> Self {
        Self::none()
    }

    fn named(preset: &str) -> Result<Self, UnknownPreset> {
        Self::preset(preset)
    }

    fn assign(&mut self, field: &'static str, value: &Value) -> Result<(), PolicyError> {
        match field {
            "maxRetries" => self.max_retries = policy::count(field, value)?,
            "base" => self.base = policy::duration(field, value)?,
            "multiplier" => {
                self.multiplier = value
                    .as_f64()
                    .filter(|number| *number >= 0.0)
                    .ok_or_else(|| policy::expected(field, value, "a number from 0"))?;
            }
            "cap" => self.cap = policy::opt_duration(field, value)?,
            "jitter" => {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                self.jitter =
                    text.parse()
                        .map_err(|error: super::JitterError| PolicyError::BadValue {
                            field,
                            reason: error.to_string(),
                        })?;
            }
            "firstExponent" => self.first_exponent = policy::count(field, value)?,
            _ => {}
        }
        Ok(())
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !self.multiplier.is_finite() || self.multiplier < 0.0 {
            let found = self.multiplier;
            faults.push(format!(
                "\"multiplier\" is {found}, expected a finite number from 0"
            ));
        }
        if !self.jitter.is_valid() {
            let found = self.jitter;
            faults.push(format!(
                "\"jitter\" is {found}, expected a share from ±0 % to ±1000 %"
            ));
        }
        for (field, duration) in [("base", Some(self.base)), ("cap", self.cap)] {
            if duration.is_some_and(|duration| duration > LONGEST) {
                faults.push(format!("{field:?} is longer than 366 days"));
            }
        }
        faults
    }
}

impl<'de> Deserialize<'de> for Retry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        policy::deserialize(deserializer)
    }
}

fn millis(duration: Duration) -> f64 {
    // Seconds as a fraction would make 35.00000000000001 of 35.
    duration.as_nanos() as f64 / 1e6
}

/// Rounds to whole milliseconds; what is negative or no number becomes 0.
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

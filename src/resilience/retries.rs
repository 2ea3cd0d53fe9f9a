//! One retry policy for all failures, or one per failure code.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value, json};

use super::{
    PolicyError, Retry,
    policy::{self, Codes, PolicyKind},
};
use crate::{
    clock::Seed,
    domain::{Failure, JsonForm, Violation, check_code, code},
};

/// How a call is retried: the same way after every retryable failure, or by the failure's code.
///
/// In JSON it is a [`Retry`], or a list of `Retrier`s.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Retries {
    /// The same way after every retryable failure.
    Uniform(Retry),
    /// Only the first retrier that names the failure's code counts: if there is none, or its retries
    /// are used up, the failure is final. Each retrier counts its own retries.
    PerCode(Arc<[Retrier]>),
}

/// How often failures with certain codes are retried, and the delays in between.
///
/// In JSON it is an object of a [`Retry`]'s fields and `codes`, a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Retrier {
    /// The codes that it handles; at least one.
    ///
    /// Naming a code makes it worth a retry, even if nobody declared it retryable.
    pub codes: Codes,
    /// Its own count and delays.
    #[serde(flatten)]
    pub retry: Retry,
}

/// The retries of one call so far.
#[derive(Debug)]
pub struct Retrying<'a> {
    policy: &'a Retries,
    retries: u32,
    /// By retrier; shorter until later ones are asked.
    by_retrier: Vec<u32>,
}

impl Retries {
    /// One execution.
    pub const fn none() -> Self {
        Self::Uniform(Retry::none())
    }

    /// The same delays, with another number of retries; of each retrier, if there are several.
    #[must_use]
    pub fn up_to(self, max_retries: u32) -> Self {
        match self {
            Self::Uniform(mut retry) => {
                retry.max_retries = max_retries;
                Self::Uniform(retry)
            }
            Self::PerCode(retriers) => {
                let mut retriers = retriers.to_vec();
                for retrier in &mut retriers {
                    retrier.retry.max_retries = max_retries;
                }
                Self::PerCode(retriers.into())
            }
        }
    }

    /// The state of a new call.
    pub fn begin(&self) -> Retrying<'_> {
        Retrying {
            policy: self,
            retries: 0,
            by_retrier: Vec::new(),
        }
    }

    /// Why a failure is not retried, however often others are; `None` if it is, or if nothing is.
    pub fn refusal(&self, failure: &Failure) -> Option<String> {
        let code = &failure.code;
        let retries = match self {
            Self::Uniform(retry) => retry.max_retries > 0,
            Self::PerCode(_) => true,
        };
        if !retries || self.find(failure).is_some() {
            return None;
        }
        Some(match self {
            Self::PerCode(_) if !failure.mode.terminal() => format!("no retrier names {code}"),
            _ if code::is_known(code) => format!("{code} is not a retryable code"),
            _ => {
                format!("{code} is not declared retryable, and an undeclared code is never retried")
            }
        })
    }

    /// The retrier that handles a failure, by its index, and its policy.
    fn find(&self, failure: &Failure) -> Option<(usize, &Retry)> {
        match self {
            Self::Uniform(retry) => failure.retryable.then_some((0, retry)),
            Self::PerCode(_) if failure.mode.terminal() => None,
            Self::PerCode(retriers) => retriers
                .iter()
                .enumerate()
                .find(|(_, retrier)| retrier.handles(&failure.code))
                .map(|(place, retrier)| (place, &retrier.retry)),
        }
    }
}

impl Retrying<'_> {
    /// Counts the next retry and returns the delay before it; `None` if there is none.
    ///
    /// `seed` gives the seed of a retry by its number in the call, from 0.
    pub fn next_delay(
        &mut self,
        failure: &Failure,
        seed: impl FnOnce(u32) -> Seed,
    ) -> Option<Duration> {
        let (place, retry) = self.policy.find(failure)?;
        if self.by_retrier.len() <= place {
            self.by_retrier.resize(place + 1, 0);
        }
        let taken = &mut self.by_retrier[place];
        if *taken >= retry.max_retries {
            return None;
        }
        let delay = retry.delay(*taken, seed(self.retries));
        *taken += 1;
        self.retries += 1;
        Some(delay)
    }
}

/// No retry.
impl Default for Retries {
    fn default() -> Self {
        Self::none()
    }
}

impl From<Retry> for Retries {
    fn from(retry: Retry) -> Self {
        Self::Uniform(retry)
    }
}

impl FromIterator<Retrier> for Retries {
    fn from_iter<I: IntoIterator<Item = Retrier>>(retriers: I) -> Self {
        Self::PerCode(retriers.into_iter().collect())
    }
}

impl<'de> Deserialize<'de> for Retries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str =
            "a retry policy: a preset's name, an object of fields, or a list of retriers";
        match JsonForm::<Retry, Retrier>::read(deserializer, EXPECTED)? {
            JsonForm::Text(name) => Retry::preset(&name)
                .map(Self::Uniform)
                .map_err(D::Error::custom),
            JsonForm::Object(retry) => Ok(Self::Uniform(retry)),
            JsonForm::List(retriers) if retriers.is_empty() => Err(D::Error::custom(
                "an empty list retries nothing, expected a retrier or \"none\"",
            )),
            JsonForm::List(retriers) => Ok(retriers.into_iter().collect()),
        }
    }
}

impl Retrier {
    /// A retrier from a table's row, `field` and `value` of each cell; a preset counts first.
    ///
    /// # Errors
    ///
    /// As for [`Retry::with_fields`]; if `codes` are missing or not valid, or one of them can never
    /// be worth a retry; if neither `maxRetries` nor `preset` is given.
    pub fn from_fields<'a>(
        row: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, PolicyError> {
        policy::from_rows(row)
    }

    /// Whether it handles failures with a code.
    pub fn handles(&self, code: &str) -> bool {
        self.codes.contains(code)
    }
}

impl PolicyKind for Retrier {
    const NAME: &'static str = "retrier";
    const PRESETS: &'static [&'static str] = Retry::PRESETS;
    const EXTRA_FIELDS: &'static [&'static str] = &["preset", "codes"];
    const REQUIRED: Option<&'static str> = Retry::REQUIRED;

    fn standard() -> Self {
        Self {
            codes: Codes::default(),
            retry: Retry::standard(),
        }
    }

    fn find_preset(name: &str) -> Option<Self> {
        let retry = Retry::find_preset(name)?;
        Some(Self {
            retry,
            ..Self::standard()
        })
    }

    fn from_fields(mut fields: Map<String, Value>) -> Result<Self, Violation> {
        let codes = fields.shift_remove("codes").unwrap_or_else(|| json!([]));
        Ok(Self {
            codes: serde_json::from_value(codes)
                .map_err(|error| Violation::new("/codes", error.to_string()))?,
            retry: Retry::from_fields(fields)?,
        })
    }

    fn violations(&self) -> Vec<Violation> {
        let mut violations = self.retry.violations();
        violations.extend(self.codes.violations("/codes", check_retryable));
        violations
    }
}

impl<'de> Deserialize<'de> for Retrier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        policy::deserialize(deserializer)
    }
}

fn check_retryable(code: &str) -> Result<(), String> {
    check_code(code)?;
    let (mode, _) = code::classify(code);
    if mode.terminal() || code == code::WORKFLOW_TIMEOUT {
        return Err(format!("{code:?} can never be worth a retry"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        Error as _, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, StrDeserializer},
    },
};

use super::{Retrier, Retry};
use crate::{clock::Seed, domain::Failure};

/// How a call is repeated: alike after every retryable failure, or by the failure's code.
///
/// In JSON it is what a [`Retry`] is, or a list of [`Retrier`]s.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Retries {
    /// After every retryable failure.
    Alike(Retry),
    /// The first retrier that names the failure's code counts, and it alone: once its retries are
    /// used up, or if there is none, the failure is final. Each counts for itself.
    ByCode(Arc<[Retrier]>),
}

/// The retries of one call so far.
#[derive(Debug)]
pub struct Retrying<'a> {
    policy: &'a Retries,
    retries: u32,
    /// By retrier; short where the later ones have not been asked yet.
    by_retrier: Vec<u32>,
}

impl Retries {
    /// One execution, no more.
    pub const fn none() -> Self {
        Self::Alike(Retry::none())
    }

    /// The same delays, so many times; each retrier as often.
    #[must_use]
    pub fn up_to(self, max_retries: u32) -> Self {
        match self {
            Self::Alike(mut retry) => {
                retry.max_retries = max_retries;
                Self::Alike(retry)
            }
            Self::ByCode(retriers) => {
                let mut retriers = retriers.to_vec();
                for retrier in &mut retriers {
                    retrier.retry.max_retries = max_retries;
                }
                Self::ByCode(retriers.into())
            }
        }
    }

    /// A call begins, with no retry yet.
    pub fn begin(&self) -> Retrying<'_> {
        Retrying {
            policy: self,
            retries: 0,
            by_retrier: Vec::new(),
        }
    }

    /// The retrier that sees to a failure, by its place, and its policy.
    fn of(&self, failure: &Failure) -> Option<(usize, &Retry)> {
        match self {
            Self::Alike(retry) => failure.retryable.then_some((0, retry)),
            Self::ByCode(_) if failure.mode.terminal() => None,
            Self::ByCode(retriers) => retriers
                .iter()
                .enumerate()
                .find(|(_, retrier)| retrier.names(&failure.code))
                .map(|(place, retrier)| (place, &retrier.retry)),
        }
    }
}

impl Retrying<'_> {
    /// The delay before the next retry, which is taken by asking; `None` if there is none.
    ///
    /// `seed` is that of a retry by its number in the call, from 0.
    pub fn next_delay(
        &mut self,
        failure: &Failure,
        seed: impl FnOnce(u32) -> Seed,
    ) -> Option<Duration> {
        let (place, retry) = self.policy.of(failure)?;
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

/// Of nothing declared: no retry.
impl Default for Retries {
    fn default() -> Self {
        Self::none()
    }
}

impl From<Retry> for Retries {
    fn from(retry: Retry) -> Self {
        Self::Alike(retry)
    }
}

impl FromIterator<Retrier> for Retries {
    fn from_iter<I: IntoIterator<Item = Retrier>>(retriers: I) -> Self {
        Self::ByCode(retriers.into_iter().collect())
    }
}

impl<'de> Deserialize<'de> for Retries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RetriesVisitor)
    }
}

struct RetriesVisitor;

impl<'de> Visitor<'de> for RetriesVisitor {
    type Value = Retries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a retry policy: a preset's name, an object of fields, or a list of retriers")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Retries, E> {
        Retry::deserialize(StrDeserializer::new(name)).map(Retries::Alike)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Retries, A::Error> {
        Retry::deserialize(MapAccessDeserializer::new(map)).map(Retries::Alike)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Retries, A::Error> {
        let mut retriers = Vec::new();
        while let Some(retrier) = seq.next_element::<Retrier>()? {
            retriers.push(retrier);
        }
        if retriers.is_empty() {
            return Err(A::Error::custom(
                "an empty list retries nothing, expected a retrier or \"none\"",
            ));
        }
        Ok(retriers.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;

/// How much of a delay is random.
///
/// All kinds except plus-minus are those of the
/// [AWS architecture blog](https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Jitter {
    /// Nothing.
    #[default]
    None,
    /// Up to this share of the delay, either way: 0.25 is ±25 %.
    PlusMinus(f64),
    /// All of it: from 0 to the whole delay.
    Full,
    /// Half of it: from half to the whole delay.
    Equal,
}

/// A string is not a valid jitter.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "expected \"none\", \"full\", \"equal\" or a share from ±0 % to ±1000 %, such as \"±25 %\", found {0:?}"
)]
pub struct JitterError(String);

impl Jitter {
    /// The largest sensible share: ten times the delay.
    const MAX_SHARE: f64 = 10.0;

    /// Whether its share, if it has one, is a number from 0 to ten times the delay.
    pub fn is_valid(self) -> bool {
        match self {
            Self::PlusMinus(share) => (0.0..=Self::MAX_SHARE).contains(&share),
            Self::None | Self::Full | Self::Equal => true,
        }
    }

    /// The shortest and the longest that a delay may become, in the delay's unit.
    pub(super) fn range(self, delay: f64) -> (f64, f64) {
        match self {
            Self::None => (delay, delay),
            Self::PlusMinus(share) => {
                // Also turns NaN into no jitter.
                let share = share.max(0.0);
                (delay * (1.0 - share), delay * (1.0 + share))
            }
            Self::Full => (0.0, delay),
            Self::Equal => (delay / 2.0, delay),
        }
    }
}

impl FromStr for Jitter {
    type Err = JitterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let jitter = match text.trim() {
            "none" => Some(Self::None),
            "full" => Some(Self::Full),
            "equal" => Some(Self::Equal),
            share => parse_share(share).map(Self::PlusMinus),
        };
        jitter
            .filter(|jitter| jitter.is_valid())
            .ok_or_else(|| JitterError(text.to_owned()))
    }
}

/// Reads `±25 %` or `+-25%` as 0.25.
fn parse_share(text: &str) -> Option<f64> {
    let number = text
        .strip_prefix('±')
        .or_else(|| text.strip_prefix("+-"))?
        .strip_suffix('%')?
        .trim();
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    number.parse::<f64>().ok().map(|percent| percent / 100.0)
}

impl fmt::Display for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            // Rounded, because 0.07 * 100 is 7.000000000000001 in binary.
            Self::PlusMinus(share) => write!(f, "±{} %", (share * 1e11).round() / 1e9),
            Self::Full => f.write_str("full"),
            Self::Equal => f.write_str("equal"),
        }
    }
}

impl<'de> Deserialize<'de> for Jitter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Any value, so that the message about a number also says what was expected.
        let value = Value::deserialize(deserializer)?;
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        text.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Jitter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn jitter_is_parsed_from_every_common_notation() {
        for (text, jitter) in [
            ("none", Jitter::None),
            ("full", Jitter::Full),
            ("equal", Jitter::Equal),
            ("±25 %", Jitter::PlusMinus(0.25)),
            ("±25%", Jitter::PlusMinus(0.25)),
            ("+-25%", Jitter::PlusMinus(0.25)),
            (" ± 12.5 % ", Jitter::PlusMinus(0.125)),
            ("±0 %", Jitter::PlusMinus(0.0)),
        ] {
            assert_eq!(text.parse(), Ok(jitter), "{text:?}");
        }
    }

    #[test]
    fn invalid_jitter_is_refused() {
        for text in [
            "", "25 %", "±25", "±", "±%", "±-5 %", "±NaN %", "±inf %", "±1001 %", "±1e400%", "Full",
        ] {
            let error = text.parse::<Jitter>().unwrap_err();
            assert!(error.to_string().ends_with(&format!("{text:?}")));
        }
    }

    proptest! {
        #[test]
        fn serialized_jitter_parses_to_the_same_jitter(hundredths in 0_u32..=100_000) {
            let jitter = Jitter::PlusMinus(f64::from(hundredths) / 10_000.0);
            let json = serde_json::to_value(jitter).unwrap();
            let text = json.as_str().unwrap();
            prop_assert!(text.len() <= "±1000.25 %".len(), "{}", text);
            let Jitter::PlusMinus(read) = text.parse().unwrap() else { panic!("{text}") };
            prop_assert!((read - f64::from(hundredths) / 10_000.0).abs() < 1e-12);
            prop_assert_eq!(serde_json::to_value(Jitter::PlusMinus(read)).unwrap(), json);
        }
    }
}

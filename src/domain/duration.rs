use std::time::Duration;

use serde::{
    Deserialize as _, Deserializer, Serializer,
    de::{Error as _, IgnoredAny},
};

use super::JsonForm;

/// The longest duration that is accepted anywhere: 366 days.
///
/// A longer one is probably a typo.
pub const MAX_DURATION: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Why a text is not a valid duration.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum DurationError {
    /// Durations are not negative.
    #[error("the duration {0:?} is negative")]
    Negative(String),
    /// Longer than [`MAX_DURATION`].
    #[error("the duration {0:?} is longer than 366 days")]
    TooLong(String),
    /// Finer than virtual time.
    #[error("the duration {0:?} is not a whole number of milliseconds")]
    TooFine(String),
    /// Not a number with a unit.
    #[error(
        "{0:?} is not a valid duration, expected a number and a unit, such as \"150 ms\", \"2 s\", \"5 min\" or \"24 h\""
    )]
    Malformed(String),
}

/// Reads a duration such as `150ms`, `2 s`, `1.5 s`, `5 min` or `1h 30min`.
///
/// # Errors
///
/// If the text is not a duration, is negative, is longer than [`MAX_DURATION`] or
/// names a part of a millisecond.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let trimmed = text.trim();
    if trimmed.starts_with(['-', '−']) {
        return Err(DurationError::Negative(text.to_owned()));
    }
    let malformed = || DurationError::Malformed(text.to_owned());
    let parsed = match trimmed.split_once('.') {
        None => humantime::parse_duration(trimmed).map_err(|_| malformed())?,
        Some((whole, rest)) => {
            let digits = rest
                .find(|c: char| !c.is_ascii_digit())
                .filter(|&digits| digits > 0)
                .ok_or_else(malformed)?;
            let unit = rest[digits..].trim();
            let amount: f64 = format!("{whole}.{}", &rest[..digits])
                .parse()
                .map_err(|_| malformed())?;
            let one = humantime::parse_duration(&format!("1{unit}")).map_err(|_| malformed())?;
            Duration::try_from_secs_f64(one.as_secs_f64() * amount)
                .map_err(|_| DurationError::TooLong(text.to_owned()))
                // Decimal fractions are not exact in binary.
                .map(|exact| {
                    Duration::from_micros(
                        (exact.as_nanos() / 1_000 + u128::from(exact.as_nanos() % 1_000 >= 500))
                            as u64,
                    )
                })?
        }
    };
    if parsed > MAX_DURATION {
        return Err(DurationError::TooLong(text.to_owned()));
    }
    if parsed.subsec_nanos() % 1_000_000 != 0 {
        return Err(DurationError::TooFine(text.to_owned()));
    }
    Ok(parsed)
}

/// Writes a duration for people, as [`parse_duration`] reads it: `525 ms`, `1 s 250 ms`, `1 h 30 min`, `400 d`.
///
/// JSON has [`duration_text`].
pub fn format_duration(duration: Duration) -> String {
    in_units(duration, usize::MAX)
}

/// Like [`format_duration`], with the two largest units alone: `14 min 3 s`, `3 d 4 h`.
pub fn short_duration(duration: Duration) -> String {
    in_units(duration, 2)
}

fn in_units(duration: Duration, most: usize) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.subsec_millis().into());
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
        (millis, "ms"),
    ];
    let parts = parts.iter().filter(|(amount, _)| *amount > 0);
    let parts = parts.map(|(amount, unit)| format!("{amount} {unit}"));
    let parts: Vec<String> = parts.take(most).collect();
    if parts.is_empty() {
        return "0 ms".to_owned();
    }
    parts.join(" ")
}

/// Serde for a duration as text.
pub mod duration_text {
    use super::*;

    /// Writes a duration as text.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(*duration))
    }

    /// Reads a duration from text.
    ///
    /// # Errors
    ///
    /// If the value is not a text that [`parse_duration`] accepts.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        const EXPECTED: &str = "a duration such as \"150 ms\"";
        match JsonForm::<IgnoredAny, IgnoredAny>::read(deserializer, EXPECTED)? {
            JsonForm::Text(text) => parse_duration(&text).map_err(D::Error::custom),
            other => Err(other.refuse(EXPECTED)),
        }
    }
}

/// Serde for a duration as people read it, in the columns of a timeline.
pub mod shown_duration {
    use super::*;

    /// Writes a duration as [`format_duration`] does.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format_duration(*duration))
    }
}

/// Serde for an offset on the clock as text: a duration of any length.
pub mod offset_text {
    use super::*;

    pub use super::duration_text::serialize;

    /// Reads an offset from text.
    ///
    /// # Errors
    ///
    /// If the value is not a text as [`serialize`] writes it.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        humantime::parse_duration(&text).map_err(serde::de::Error::custom)
    }
}

/// Serde for an offset on the clock as text that may be missing.
pub mod opt_offset_text {
    use super::*;

    pub use super::opt_duration_text::serialize;

    /// Reads an offset from text.
    ///
    /// # Errors
    ///
    /// As for [`offset_text`].
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        offset_text::deserialize(deserializer).map(Some)
    }
}

/// Serde for a duration as text that may be missing.
pub mod opt_duration_text {
    use super::*;

    /// Writes a duration as text, or null.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => duration_text::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads a duration from text.
    ///
    /// # Errors
    ///
    /// If the value is not a text that [`parse_duration`] accepts.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        duration_text::deserialize(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_duration_accepts_every_usual_notation() {
        for (text, millis) in [
            ("150 ms", 150),
            ("150ms", 150),
            ("2 s", 2_000),
            ("1.5 s", 1_500),
            ("0.1 s", 100),
            ("5 min", 300_000),
            ("24 h", 86_400_000),
            ("1h 30min", 5_400_000),
            ("0 ms", 0),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(millis)),
                "{text}"
            );
        }
    }

    #[test]
    fn parse_duration_refuses_negative_too_long_and_too_fine() {
        assert!(matches!(
            parse_duration("-5 s"),
            Err(DurationError::Negative(_))
        ));
        assert!(matches!(
            parse_duration("400 days"),
            Err(DurationError::TooLong(_))
        ));
        assert!(matches!(
            parse_duration("1 us"),
            Err(DurationError::TooFine(_))
        ));
        assert!(matches!(
            parse_duration("0.5 ms"),
            Err(DurationError::TooFine(_))
        ));
        for text in ["", "5", "soon", "5 parsecs", "1.x s", "1. s"] {
            assert!(
                matches!(parse_duration(text), Err(DurationError::Malformed(_))),
                "{text:?}"
            );
        }
    }

    #[test]
    fn format_duration_writes_what_parse_duration_reads() {
        for (millis, text) in [
            (0, "0 ms"),
            (1, "1 ms"),
            (1_250, "1 s 250 ms"),
            (60_000, "1 min"),
            (90_061_001, "1 d 1 h 1 min 1 s 1 ms"),
        ] {
            let duration = Duration::from_millis(millis);
            assert_eq!(format_duration(duration), text);
            assert_eq!(parse_duration(text), Ok(duration));
        }
    }

    #[test]
    fn short_duration_has_at_most_two_units() {
        for (millis, text) in [
            (0, "0 ms"),
            (59_007, "59 s 7 ms"),
            (843_999, "14 min 3 s"),
            (8_040_000, "2 h 14 min"),
            (273_600_000, "3 d 4 h"),
            (34_560_000_000, "400 d"),
        ] {
            assert_eq!(short_duration(Duration::from_millis(millis)), text);
        }
    }
}

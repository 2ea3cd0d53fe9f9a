use std::{fmt, str::FromStr};

use rand::Rng as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    clock::Seed,
    observability::{EventKind, Timeline},
};

/// A trace and a span in it, as in the header `traceparent` of
/// [W3C Trace Context](https://www.w3.org/TR/trace-context/).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The trace; never all zero.
    pub trace_id: [u8; 16],
    /// The span; never all zero.
    pub parent_id: [u8; 8],
    /// The lowest bit is set if the trace is recorded; later versions may define others.
    pub flags: u8,
}

/// Why a string is not a valid `traceparent`.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{text:?} is not a valid traceparent: {why}")]
pub struct TraceError {
    /// The string.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// The flag of a recorded trace.
const SAMPLED: u8 = 1;

impl TraceContext {
    /// A new trace, drawn from a seed.
    pub fn new(seed: Seed) -> Self {
        let mut rng = seed.rng();
        let mut context = Self {
            trace_id: [0; 16],
            parent_id: [0; 8],
            flags: SAMPLED,
        };
        rng.fill_bytes(&mut context.trace_id);
        rng.fill_bytes(&mut context.parent_id);
        // All zero is invalid.
        context.trace_id[0] |= 1;
        context.parent_id[0] |= 1;
        context
    }

    /// A child span in the given trace or, without one, the first span of a new trace, drawn from a
    /// seed.
    ///
    /// An invalid `traceparent` starts a new trace too, with a warning `about` it.
    pub fn of(
        given: Option<&str>,
        seed: Seed,
        timeline: &Timeline,
        about: impl FnOnce() -> String,
    ) -> Self {
        match given.map(str::parse::<Self>) {
            Some(Ok(parent)) => parent.child(seed),
            Some(Err(error)) => {
                timeline.record(EventKind::Warning {
                    about: about().into(),
                    message: format!("{error}; a new trace begins"),
                });
                Self::new(seed)
            }
            None => Self::new(seed),
        }
    }

    /// The trace id as in the header.
    pub fn trace_id_text(&self) -> String {
        self.to_string()[3..35].to_owned()
    }

    /// Another span in the same trace, drawn from a seed.
    #[must_use]
    pub fn child(self, seed: Seed) -> Self {
        Self {
            parent_id: Self::new(seed).parent_id,
            ..self
        }
    }
}

impl FromStr for TraceContext {
    type Err = TraceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = |why| TraceError {
            text: text.to_owned(),
            why,
        };
        // `vv-tttttttttttttttttttttttttttttttt-pppppppppppppppp-ff`; versions above 00 may append more
        // after a dash.
        let shape = "expected \"00-<32 hex digits>-<16 hex digits>-<2 hex digits>\" in lower case";
        let bytes = text.as_bytes();
        let version = hex::<1>(bytes.get(..2)).ok_or_else(|| refused(shape))?[0];
        if version == 0xff {
            return Err(refused("the version ff is forbidden"));
        }
        let length_fits = match version {
            0 => bytes.len() == 55,
            _ => bytes.len() == 55 || bytes.get(55) == Some(&b'-'),
        };
        if !length_fits || [2, 35, 52].iter().any(|&dash| bytes[dash] != b'-') {
            return Err(refused(shape));
        }
        let (trace_id, parent_id, flags) = hex::<16>(bytes.get(3..35))
            .zip(hex::<8>(bytes.get(36..52)))
            .zip(hex::<1>(bytes.get(53..55)))
            .map(|((trace_id, parent_id), [flags])| (trace_id, parent_id, flags))
            .ok_or_else(|| refused(shape))?;
        if trace_id == [0; 16] {
            return Err(refused("the trace id is all zero"));
        }
        if parent_id == [0; 8] {
            return Err(refused("the parent id is all zero"));
        }
        Ok(Self {
            trace_id,
            parent_id,
            flags,
        })
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The value of each hex digit; above 15 for other bytes.
const VALUES: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut value = 0;
    while value < DIGITS.len() {
        values[DIGITS[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// Reads bytes from lower-case hex digits; the standard does not allow upper case.
fn hex<const N: usize>(digits: Option<&[u8]>) -> Option<[u8; N]> {
    let digits = digits?;
    let mut bytes = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    let value = |digit: u8| VALUES[usize::from(digit)];
    let mut all = 0;
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (value(pair[0]), value(pair[1]));
        all |= high | low;
        *byte = high << 4 | low;
    }
    (all < 16).then_some(bytes)
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        let mut write = |at: usize, bytes: &[u8]| {
            for (pair, byte) in text[at..].chunks_exact_mut(2).zip(bytes) {
                pair[0] = DIGITS[usize::from(byte >> 4)];
                pair[1] = DIGITS[usize::from(byte & 15)];
            }
        };
        write(3, &self.trace_id);
        write(36, &self.parent_id);
        write(53, &[self.flags]);
        f.pad(str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for TraceContext {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn valid_traceparent_is_written_as_it_was_read() {
        let context: TraceContext = VALID.parse().unwrap();
        assert_eq!(context.flags, 1);
        assert_eq!(context.to_string(), VALID);
    }

    #[test]
    fn later_version_may_append_more() {
        let text = VALID.replacen("00", "cc", 1);
        assert!(text.parse::<TraceContext>().is_ok());
        assert!(format!("{text}-more").parse::<TraceContext>().is_ok());
        assert!(format!("{text}more").parse::<TraceContext>().is_err());
    }

    #[test]
    fn invalid_traceparent_is_refused() {
        for text in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47é-00f067aa0ba902b7-01",
        ] {
            assert!(text.parse::<TraceContext>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn child_stays_in_the_trace() {
        let parent = TraceContext::new(Seed(1));
        let child = parent.child(Seed(2));
        assert_eq!(child.trace_id, parent.trace_id);
        assert_ne!(child.parent_id, parent.parent_id);
        assert_ne!(TraceContext::new(Seed(2)).trace_id, parent.trace_id);
    }

    proptest! {
        #[test]
        fn any_string_is_read_or_refused(text in ".{0,70}") {
            if let Ok(context) = text.parse::<TraceContext>() {
                prop_assert_eq!(context.to_string().parse(), Ok(context));
            }
        }

        #[test]
        fn drawn_trace_is_read_as_it_was_written(seed: u64) {
            let context = TraceContext::new(Seed(seed));
            prop_assert_eq!(context.to_string().parse(), Ok(context));
        }
    }
}

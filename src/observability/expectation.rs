//! Warnings about durations and replies that differ from what was expected.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::EventKind;
use crate::domain::format_duration;

/// A duration above this share of the expected one, in tenths, is a warning.
const SLOW: u32 = 12;
/// A duration above this share of the expected one, in tenths, is an error.
const TOO_SLOW: u32 = 20;

/// The event to record for a duration far above the expected one: a warning above 1.2 times that, an
/// error above twice.
pub fn unexpected_duration(
    about: &Arc<str>,
    took: Duration,
    expected: Duration,
) -> Option<EventKind> {
    let about = || Arc::clone(about);
    let message = || {
        let (took, expected) = (format_duration(took), format_duration(expected));
        format!("took {took}, expected {expected}")
    };
    if took * 10 > expected * TOO_SLOW {
        Some(EventKind::Error {
            about: about(),
            message: message(),
        })
    } else if took * 10 > expected * SLOW {
        Some(EventKind::Warning {
            about: about(),
            message: message(),
        })
    } else {
        None
    }
}

/// The event to record for a reply that lacks expected fields or values: a warning with the JSON
/// pointer of the first.
pub fn unexpected_reply(about: &Arc<str>, reply: &Value, expected: &Value) -> Option<EventKind> {
    let missing = first_missing(expected, reply, String::new())?;
    Some(EventKind::Warning {
        about: Arc::clone(about),
        message: format!("the reply lacks what is expected at {missing:?}"),
    })
}

/// The JSON pointer of the first value of `expected` that `found` lacks.
fn first_missing(expected: &Value, found: &Value, at: String) -> Option<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            expected.iter().find_map(|(name, value)| {
                let at = format!("{at}/{name}");
                match found.get(name) {
                    Some(found) => first_missing(value, found, at),
                    None => Some(at),
                }
            })
        }
        (expected, found) => (expected != found).then_some(at),
    }
}

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::run::Run;
use crate::observability::EventKind;

/// Above this share of what was expected, a duration is worth a warning.
const SLOW: u32 = 12;
/// Above this share of what was expected, a duration is an error.
const TOO_SLOW: u32 = 20;

impl Run {
    /// Records a reply that lacks what was expected.
    pub(super) fn check_output(&self, step: &Arc<str>, reply: &Value, expected: Option<&Value>) {
        let missing = expected.and_then(|expected| first_missing(expected, reply, String::new()));
        if let Some(missing) = missing {
            let message = format!("the reply lacks what is expected at {missing:?}");
            self.warn(step, message);
        }
    }

    /// Records a duration that is far above what was expected.
    pub(super) fn check_duration(
        &self,
        about: &Arc<str>,
        took: Duration,
        expected: Option<Duration>,
    ) {
        let Some(expected) = expected else { return };
        let message = || {
            let format = crate::domain::format_duration;
            format!("took {}, expected {}", format(took), format(expected))
        };
        if took * 10 > expected * TOO_SLOW {
            self.timeline().record(EventKind::Error {
                about: Arc::clone(about),
                message: message(),
            });
        } else if took * 10 > expected * SLOW {
            self.warn(about, message());
        }
    }
}

/// The first place where `found` has not what `expected` has.
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

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use serde::Deserialize;

use super::Exchange;
use crate::{
    domain::{BreakerState, DurationError, format_duration, parse_duration},
    messaging::{ResponseBody, ResponseEnvelope},
    observability::{EventKind, unexpected_duration, unexpected_reply},
};

/// The failure that an exchange is expected to come to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectedError {
    /// Its code.
    pub code: String,
    /// The field at fault.
    #[serde(default)]
    pub field: Option<String>,
}

/// How long a retry is expected to wait: as `100ms`, or within a range as `75ms to 125ms`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct ExpectedWait {
    least: Duration,
    most: Duration,
}

impl FromStr for ExpectedWait {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (least, most) = text.split_once(" to ").unwrap_or((text, text));
        Ok(Self {
            least: parse_duration(least)?,
            most: parse_duration(most)?,
        })
    }
}

impl TryFrom<String> for ExpectedWait {
    type Error = DurationError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for ExpectedWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", format_duration(self.least))?;
        match self.least == self.most {
            true => Ok(()),
            false => write!(f, " to {}", format_duration(self.most)),
        }
    }
}

impl ExpectedWait {
    fn allows(&self, wait: Duration) -> bool {
        (self.least..=self.most).contains(&wait)
    }
}

impl Exchange {
    /// What to record of a response that is not as expected.
    pub(super) fn deviations(
        &self,
        response: &ResponseEnvelope,
        waits: &[Duration],
        breaker: Option<BreakerState>,
    ) -> Vec<EventKind> {
        let about = self.about();
        let mut events = Vec::new();
        let mut wrong = |message: String| {
            events.push(EventKind::Error {
                about: Arc::clone(&about),
                message,
            });
        };
        match (&response.body, &self.expected_error) {
            (ResponseBody::Success { .. }, None) => {}
            (ResponseBody::Success { .. }, Some(expected)) => {
                wrong(format!("succeeds, expected to fail with {}", expected.code));
            }
            (ResponseBody::Error { error }, None) => wrong(format!(
                "fails with {}, expected to succeed: {}",
                error.code, error.message
            )),
            (ResponseBody::Error { error }, Some(expected)) => {
                if *error.code != *expected.code {
                    wrong(format!(
                        "fails with {}, expected {}",
                        error.code, expected.code
                    ));
                } else if expected.field.is_some() && expected.field != error.field {
                    let shown = |field: &Option<String>| field.clone().unwrap_or_default();
                    wrong(format!(
                        "fails on the field {:?}, expected {:?}",
                        shown(&error.field),
                        shown(&expected.field)
                    ));
                }
            }
        }
        let executions = response.metadata.executions;
        if let Some(expected) = self.expected_executions.filter(|it| *it != executions) {
            wrong(format!("has {executions} executions, expected {expected}"));
        }
        if let Some(expected) = &self.expected_waits {
            let as_expected = expected.len() == waits.len()
                && expected
                    .iter()
                    .zip(waits)
                    .all(|(it, wait)| it.allows(*wait));
            if !as_expected {
                let waits: Vec<_> = waits.iter().map(|wait| format_duration(*wait)).collect();
                let expected: Vec<_> = expected.iter().map(ToString::to_string).collect();
                wrong(format!(
                    "waits {:?} between executions, expected {:?}",
                    waits.join(", "),
                    expected.join(", ")
                ));
            }
        }
        if self.expected_breaker.is_some() && self.expected_breaker != breaker {
            let found = breaker.map_or("missing", BreakerState::as_str);
            let expected = self
                .expected_breaker
                .map_or("missing", BreakerState::as_str);
            wrong(format!(
                "leaves the circuit breaker on {} {found}, expected {expected}",
                self.call.service()
            ));
        }
        if let (ResponseBody::Success { data }, Some(expected)) =
            (&response.body, &self.expected_output)
        {
            events.extend(unexpected_reply(&about, data, expected));
        }
        if let Some(expected) = self.expected_duration {
            let took = response.metadata.response_time;
            events.extend(unexpected_duration(&about, took, expected));
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_one_or_lies_within_a_range() {
        let ms = Duration::from_millis;
        let one: ExpectedWait = "100 ms".parse().unwrap();
        assert!(one.allows(ms(100)) && !one.allows(ms(101)));
        let range: ExpectedWait = "75ms to 125ms".parse().unwrap();
        assert!(range.allows(ms(75)) && range.allows(ms(125)));
        assert!(!range.allows(ms(74)) && !range.allows(ms(126)));
        for text in ["", "soon", "75 ms to", "-1 ms", "1 ms to -1 ms"] {
            assert!(text.parse::<ExpectedWait>().is_err(), "{text:?}");
        }
    }
}

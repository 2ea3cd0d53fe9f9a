use std::{sync::Arc, time::Duration};

use chrono::DateTime;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    domain::{CallName, Severity, Violation, duration_text, format_duration, from_value},
    observability::{Finding, FindingKind, REDACTED, looks_secret},
};

/// A rule for what services keep, as data.
///
/// Its values are JSON, or refer to what was read: `${/agent/version}` of the subject `agent`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct ConsistencyRule {
    /// Its name in findings; by default its kind.
    pub id: Arc<str>,
    /// How bad it is if it does not hold; by default up to its kind.
    pub severity: Severity,
    /// What must hold.
    pub kind: RuleKind,
}

/// What must hold, by the `kind` of a rule.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum RuleKind {
    /// A version is at least another one.
    VersionAtLeast {
        /// The version.
        value: Value,
        /// The least that it may be.
        version: Value,
    },
    /// A checksum is the expected one.
    ChecksumEquals {
        /// The checksum.
        value: Value,
        /// The expected one.
        checksum: Value,
    },
    /// What is referred to exists.
    ReferenceExists {
        /// Its id.
        value: Value,
        /// The operation that reads it, by `{ "id" }`.
        #[serde(rename = "in")]
        read_by: CallName,
    },
    /// Times are close to each other.
    WithinWindow {
        /// The times, as timestamps.
        values: Vec<Value>,
        /// How far the first and the last may be apart.
        #[serde(with = "duration_text")]
        window: Duration,
    },
    /// A value is the expected one.
    FieldEquals {
        /// The value.
        value: Value,
        /// The expected one.
        expected: Value,
    },
}

impl TryFrom<Map<String, Value>> for ConsistencyRule {
    type Error = Violation;

    fn try_from(mut fields: Map<String, Value>) -> Result<Self, Violation> {
        let id = fields.shift_remove("id");
        let severity = fields.shift_remove("severity");
        let name = fields
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let name: Arc<str> = name.into();
        let kind: RuleKind = from_value(&Value::Object(fields))?;
        let id: Option<Arc<str>> = from_value(&id.unwrap_or_default())?;
        let severity = severity.unwrap_or_default();
        let severity: Option<Severity> = from_value(&severity)?;
        Ok(Self {
            id: id.unwrap_or(name),
            severity: severity.unwrap_or_else(|| kind.severity()),
            kind,
        })
    }
}

impl RuleKind {
    fn severity(&self) -> Severity {
        match self {
            Self::VersionAtLeast { .. } | Self::ReferenceExists { .. } => Severity::High,
            _ => Severity::Medium,
        }
    }

    fn finding_kind(&self) -> FindingKind {
        match self {
            Self::VersionAtLeast { .. } => FindingKind::VersionMismatch,
            Self::ChecksumEquals { .. } => FindingKind::ChecksumMismatch,
            Self::ReferenceExists { .. } => FindingKind::MissingReference,
            Self::WithinWindow { .. } => FindingKind::OutsideWindow,
            Self::FieldEquals { .. } => FindingKind::FieldMismatch,
        }
    }

    /// The values that it compares, each with the name of its field.
    pub fn values(&self) -> Vec<(String, &Value)> {
        let named = |name: &str, value| (name.to_owned(), value);
        match self {
            Self::VersionAtLeast { value, version } => {
                vec![named("value", value), named("version", version)]
            }
            Self::ChecksumEquals { value, checksum } => {
                vec![named("value", value), named("checksum", checksum)]
            }
            Self::ReferenceExists { value, .. } => vec![named("value", value)],
            Self::WithinWindow { values, .. } => {
                let named = |(index, value)| (format!("values/{index}"), value);
                values.iter().enumerate().map(named).collect()
            }
            Self::FieldEquals { value, expected } => {
                vec![named("value", value), named("expected", expected)]
            }
        }
    }
}

impl ConsistencyRule {
    /// A finding of this rule.
    pub(super) fn finding(&self, kind: FindingKind, message: String) -> Finding {
        Finding {
            rule: Arc::clone(&self.id),
            kind,
            severity: self.severity,
            message,
        }
    }

    /// A finding that it does not hold.
    pub(super) fn broken(&self, message: String) -> Finding {
        self.finding(self.kind.finding_kind(), message)
    }

    /// Compares its values, which do not refer to anything any longer, in the order of
    /// [`values`](RuleKind::values). Whether a reference exists is asked elsewhere.
    pub(super) fn judge(&self, values: &[Value]) -> Option<Finding> {
        let message = match (&self.kind, values) {
            (RuleKind::VersionAtLeast { .. }, [value, version]) => {
                let number = |value: &Value| {
                    let found = value.as_u64();
                    found.ok_or_else(|| format!("expected a version, found {value}"))
                };
                match (number(value), number(version)) {
                    (Ok(value), Ok(version)) => (value < version)
                        .then(|| format!("version {value} is lower than {version}")),
                    (Err(why), _) | (_, Err(why)) => Some(why),
                }
            }
            (RuleKind::ChecksumEquals { .. }, [value, checksum]) => {
                let is_same = value.is_string() && value == checksum;
                (!is_same).then(|| format!("checksum {value} differs from {checksum}"))
            }
            (RuleKind::FieldEquals { value: of, .. }, [value, expected]) => {
                let is_secret = last_name(of).is_some_and(looks_secret);
                let shown = |value: &Value| match is_secret {
                    true => REDACTED.to_owned(),
                    false => value.to_string(),
                };
                (value != expected)
                    .then(|| format!("found {}, expected {}", shown(value), shown(expected)))
            }
            (RuleKind::WithinWindow { window, .. }, times) => match apart(times) {
                Ok(apart) => (apart > *window).then(|| {
                    let (apart, window) = (format_duration(apart), format_duration(*window));
                    format!("the times are {apart} apart, expected {window} at most")
                }),
                Err(why) => Some(why),
            },
            _ => None,
        };
        message.map(|message| self.broken(message))
    }
}

/// The last name of the pointer in a reference.
fn last_name(reference: &Value) -> Option<&str> {
    let pointer = reference.as_str()?.strip_suffix('}')?;
    pointer.rsplit('/').next()
}

/// How far the first and the last of some timestamps are apart.
fn apart(times: &[Value]) -> Result<Duration, String> {
    let read = |value: &Value| {
        let text = value.as_str();
        let time = text.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        time.ok_or_else(|| format!("expected a timestamp, found {value}"))
    };
    let times = times.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else {
        return Ok(Duration::ZERO);
    };
    Ok((*last - *first).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judge(rule: &Value) -> Result<Option<(FindingKind, String)>, String> {
        let rule: ConsistencyRule = from_value(rule).map_err(|fault| fault.to_string())?;
        let values = rule.kind.values().into_iter();
        let values: Vec<Value> = values.map(|(_, value)| value.clone()).collect();
        let found = rule.judge(&values);
        Ok(found.map(|finding| (finding.kind, finding.message)))
    }

    #[test]
    fn each_kind_of_rule_holds_or_finds_what_is_wrong() {
        use FindingKind as F;
        let times = [
            "2025-01-01T00:00:00Z",
            "2025-01-01T00:00:05Z",
            "2025-01-01T01:00:03+01:00",
        ];
        let window =
            |window: &str| json!({ "kind": "withinWindow", "values": times, "window": window });
        for (rule, expected) in [
            (
                json!({ "kind": "versionAtLeast", "value": 2, "version": 2 }),
                None,
            ),
            (
                json!({ "kind": "versionAtLeast", "value": 1, "version": 2 }),
                Some((F::VersionMismatch, "version 1 is lower than 2")),
            ),
            (
                json!({ "kind": "versionAtLeast", "value": null, "version": 2 }),
                Some((F::VersionMismatch, "expected a version, found null")),
            ),
            (
                json!({ "kind": "checksumEquals", "value": "a", "checksum": "a" }),
                None,
            ),
            (
                json!({ "kind": "checksumEquals", "value": "a", "checksum": "b" }),
                Some((F::ChecksumMismatch, "checksum \"a\" differs from \"b\"")),
            ),
            (
                json!({ "kind": "checksumEquals", "value": null, "checksum": null }),
                Some((F::ChecksumMismatch, "checksum null differs from null")),
            ),
            (
                json!({ "kind": "fieldEquals", "value": [1], "expected": [1] }),
                None,
            ),
            (
                json!({ "kind": "fieldEquals", "value": 75, "expected": 85 }),
                Some((F::FieldMismatch, "found 75, expected 85")),
            ),
            (
                json!({ "kind": "fieldEquals", "value": "${/user/password}", "expected": "x" }),
                Some((F::FieldMismatch, "found [redacted], expected [redacted]")),
            ),
            (window("5s"), None),
            (
                window("4999ms"),
                Some((
                    F::OutsideWindow,
                    "the times are 5 s apart, expected 4 s 999 ms at most",
                )),
            ),
            (
                json!({ "kind": "withinWindow", "values": ["soon"], "window": "1s" }),
                Some((F::OutsideWindow, "expected a timestamp, found \"soon\"")),
            ),
            (
                json!({ "kind": "withinWindow", "values": [], "window": "1s" }),
                None,
            ),
        ] {
            let expected = expected.map(|(kind, message)| (kind, message.to_owned()));
            assert_eq!(judge(&rule), Ok(expected), "{rule}");
        }
    }

    #[test]
    fn faulty_rule_is_refused_with_the_nearest_name() {
        for (rule, expected) in [
            (json!({}), "missing field `kind`"),
            (
                json!({ "kind": "versionAtleast", "value": 1, "version": 1 }),
                "did you mean \"versionAtLeast\"?",
            ),
            (
                json!({ "kind": "versionAtLeast", "value": 1, "verson": 1 }),
                "did you mean \"version\"?",
            ),
            (
                json!({ "kind": "versionAtLeast", "value": 1 }),
                "missing field `version`",
            ),
            (
                json!({ "kind": "fieldEquals", "value": 1, "expected": 1, "severity": "hihg" }),
                "did you mean \"high\"?",
            ),
            (
                json!({ "kind": "fieldEquals", "value": 1, "expected": 1, "id": 7 }),
                "expected a string",
            ),
            (
                json!({ "kind": "withinWindow", "values": [], "window": "1 fortnight" }),
                "fortnight",
            ),
            (
                json!({ "kind": "referenceExists", "value": "x", "in": "Personality" }),
                "Service.operation",
            ),
        ] {
            let refused = judge(&rule).unwrap_err();
            assert!(refused.contains(expected), "{rule}: {refused}");
        }
    }

    #[test]
    fn severity_is_that_of_the_kind_unless_given() {
        for (rule, expected) in [
            (
                json!({ "kind": "versionAtLeast", "value": 1, "version": 1 }),
                Severity::High,
            ),
            (
                json!({ "kind": "checksumEquals", "value": 1, "checksum": 1 }),
                Severity::Medium,
            ),
            (
                json!({ "kind": "checksumEquals", "value": 1, "checksum": 1, "severity": "low" }),
                Severity::Low,
            ),
        ] {
            let rule: ConsistencyRule = from_value(&rule).unwrap();
            assert_eq!(rule.severity, expected);
        }
    }
}

//! How policies are read: rows of a table and fields of a JSON object override those of a preset.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::domain::{Violation, did_you_mean, duration_text, nearest};

const PRESET: &str = "preset";

/// Why settings are not a valid policy.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("faulty {policy}: {}", listed(.violations))]
pub struct PolicyError {
    policy: &'static str,
    violations: Vec<Violation>,
}

fn listed(violations: &[Violation]) -> String {
    let violations: Vec<_> = violations.iter().map(ToString::to_string).collect();
    violations.join("; ")
}

/// A kind of policy that has presets.
pub(super) trait PolicyKind: Serialize + Sized {
    /// What messages call it.
    const NAME: &'static str;
    const PRESETS: &'static [&'static str];
    /// Names that are allowed beside those that [`from_fields`](Self::from_fields) knows.
    const EXTRA_FIELDS: &'static [&'static str] = &[PRESET];
    /// The field that must be given where no preset is.
    const REQUIRED: Option<&'static str>;

    /// What fields start from where no preset is named.
    fn standard() -> Self;

    fn find_preset(name: &str) -> Option<Self>;

    /// Reads each field by its type.
    fn from_fields(fields: Map<String, Value>) -> Result<Self, Violation>;

    /// What is wrong with values that their types allow.
    fn violations(&self) -> Vec<Violation>;
}

pub(super) fn preset<P: PolicyKind>(name: &str) -> Result<P, PolicyError> {
    P::find_preset(name).ok_or_else(|| {
        let hint = did_you_mean(name, P::PRESETS.iter().copied());
        refused::<P>(vec![Violation::new(
            "",
            format!("no preset is called {name:?}, {hint}"),
        )])
    })
}

/// Sets the rows of a table, field and cell, over a policy.
pub(super) fn with_rows<'a, P: PolicyKind>(
    policy: P,
    rows: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<P, PolicyError> {
    override_fields(policy, parse_rows(rows))
}

/// Reads a policy from the rows of a table, field and cell.
pub(super) fn from_rows<'a, P: PolicyKind>(
    rows: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<P, PolicyError> {
    from_entries(parse_rows(rows))
}

pub(super) fn check<P: PolicyKind>(policy: &P) -> Result<(), PolicyError> {
    match policy.violations() {
        violations if violations.is_empty() => Ok(()),
        violations => Err(refused::<P>(violations)),
    }
}

/// Reads a policy from a preset's name, or from an object of fields.
pub(super) fn deserialize<'de, P: PolicyKind, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<P, D::Error> {
    deserializer.deserialize_any(PolicyVisitor(PhantomData))
}

/// Serde for a limit that is a duration as text; without a limit, null or `none`.
pub(super) mod limit_text {
    use super::*;
    pub(in super::super) use crate::domain::opt_duration_text::serialize;

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let given = Option::<Value>::deserialize(deserializer)?;
        given
            .filter(|limit| limit != "none")
            .map(|limit| duration_text::deserialize(limit).map_err(D::Error::custom))
            .transpose()
    }
}

/// Codes of failures; in JSON a list, in the cell of a table also separated by commas.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Codes(Vec<Arc<str>>);

impl Codes {
    /// Whether a code is among them.
    pub fn contains(&self, code: &str) -> bool {
        self.0.iter().any(|known| **known == *code)
    }

    /// The codes, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter()
    }

    /// What is wrong with them as a field at a JSON pointer.
    pub(super) fn violations(
        &self,
        pointer: &'static str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Vec<Violation> {
        if self.0.is_empty() {
            return vec![Violation::new(pointer, "it names no code")];
        }
        let faulty = self.0.iter().filter_map(|code| check(code).err());
        faulty
            .map(|message| Violation::new(pointer, message))
            .collect()
    }
}

impl<'de> Deserialize<'de> for Codes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let refused = || {
            D::Error::custom(format!(
                "expected codes such as [\"TIMEOUT\", \"TOOL_ERROR\"], found {value}"
            ))
        };
        match &value {
            Value::String(text) => Ok(text.split(',').map(|code| code.trim().into()).collect()),
            Value::Array(items) => items
                .iter()
                .map(|item| item.as_str().map(Arc::from).ok_or_else(refused))
                .collect(),
            _ => Err(refused()),
        }
    }
}

impl FromIterator<Arc<str>> for Codes {
    fn from_iter<I: IntoIterator<Item = Arc<str>>>(codes: I) -> Self {
        Self(codes.into_iter().collect())
    }
}

/// A cell holds JSON if it parses as JSON, else a string.
fn parse_rows<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<(String, Value)> {
    let parse = |cell: &str| {
        let cell = cell.trim();
        serde_json::from_str(cell).unwrap_or_else(|_| cell.into())
    };
    let rows = rows.into_iter();
    rows.map(|(field, cell)| (field.to_owned(), parse(cell)))
        .collect()
}

fn from_entries<P: PolicyKind>(entries: Vec<(String, Value)>) -> Result<P, PolicyError> {
    let given = |wanted: &str| entries.iter().any(|(field, _)| field == wanted);
    let missing = P::REQUIRED.filter(|field| !given(field) && !given(PRESET));
    let policy = override_fields(P::standard(), entries)?;
    match missing {
        None => Ok(policy),
        Some(field) => {
            let message = format!("it needs {field:?} or \"preset\"");
            Err(refused::<P>(vec![Violation::new("", message)]))
        }
    }
}

fn override_fields<P: PolicyKind>(
    mut policy: P,
    entries: Vec<(String, Value)>,
) -> Result<P, PolicyError> {
    let mut violations = Vec::new();
    let mut given = Map::new();
    for (field, value) in entries {
        if given.contains_key(&field) {
            violations.push(Violation::new(format!("/{field}"), "is given twice"));
        }
        given.insert(field, value);
    }
    // Taken first, because a preset replaces every field.
    match given.shift_remove(PRESET) {
        None => {}
        Some(Value::String(name)) => match preset(&name) {
            Ok(preset) => policy = preset,
            Err(error) => violations.extend(error.violations),
        },
        Some(found) => {
            let message = format!("expected a preset's name, found {found}");
            violations.push(Violation::new("/preset", message));
        }
    }
    let Ok(Value::Object(base)) = serde_json::to_value(&policy) else {
        unreachable!("a policy is written as an object")
    };
    let mut fields = base.clone();
    fields.extend(given.clone());
    match P::from_fields(fields) {
        Ok(read) => policy = read,
        // Each alone over the valid ones, so that all that are wrong are reported.
        Err(_) => violations.extend(given.into_iter().filter_map(|(field, value)| {
            let mut fields = base.clone();
            fields.insert(field.clone(), value);
            let violation = P::from_fields(fields).err()?;
            Some(with_extra_hint::<P>(violation, &field))
        })),
    }
    if violations.is_empty() {
        check(&policy)?;
        return Ok(policy);
    }
    Err(refused::<P>(violations))
}

fn with_extra_hint<P: PolicyKind>(mut violation: Violation, field: &str) -> Violation {
    if violation.message.starts_with("unknown field")
        && let Some(name) = nearest(field, P::EXTRA_FIELDS.iter().copied())
    {
        violation.message = format!("unknown field `{field}`; did you mean {name:?}?");
    }
    violation
}

fn refused<P: PolicyKind>(violations: Vec<Violation>) -> PolicyError {
    PolicyError {
        policy: P::NAME,
        violations,
    }
}

struct PolicyVisitor<P>(PhantomData<P>);

impl<'de, P: PolicyKind> Visitor<'de> for PolicyVisitor<P> {
    type Value = P;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {}: a preset's name, or an object of fields", P::NAME)
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<P, E> {
        preset(name).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<P, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        from_entries(entries).map_err(A::Error::custom)
    }
}

//! What policies share: they are read from a Gherkin table and from JSON by the same rules.

use std::{collections::BTreeSet, fmt, marker::PhantomData, time::Duration};

use serde::{
    Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::Value;

use super::{PolicyError, UnknownPreset};
use crate::domain::{did_you_mean, parse_duration};

const PRESET: &str = "preset";

/// A policy that is set field by field.
pub(super) trait Policy: Sized {
    /// What messages call it.
    const NAME: &'static str;
    /// Its fields, `preset` not among them.
    const FIELDS: &'static [&'static str];
    /// The field that JSON must give where it names no preset.
    const REQUIRED: Option<&'static str>;

    /// What fields start from where no preset is named.
    fn standard() -> Self;

    /// The preset of that name.
    fn named(preset: &str) -> Result<Self, UnknownPreset>;

    /// Sets one of [`FIELDS`](Self::FIELDS).
    fn assign(&mut self, field: &'static str, value: &Value) -> Result<(), PolicyError>;

    /// What is wrong with the fields taken together.
    fn faults(&self) -> Vec<String>;
}

/// Sets a field, or everything by a preset, from the text of a table's cell.
pub(super) fn set<P: Policy>(policy: &mut P, field: &str, cell: &str) -> Result<(), PolicyError> {
    set_value(policy, field, &parse_cell(cell))
}

/// Sets what a table says: its preset first, wherever it stands, then its fields.
pub(super) fn set_all<'a, P: Policy>(
    policy: P,
    rows: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<P, PolicyError> {
    set_values(policy, parse_rows(rows))
}

/// Makes a policy of what a table says, where a required field may not be missing.
pub(super) fn of_fields<'a, P: Policy>(
    rows: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<P, PolicyError> {
    of_values(parse_rows(rows))
}

/// Tells everything that is wrong with a policy.
pub(super) fn check<P: Policy>(policy: &P) -> Result<(), PolicyError> {
    let causes = policy.faults();
    if causes.is_empty() {
        return Ok(());
    }
    Err(PolicyError::Invalid {
        policy: P::NAME,
        causes,
    })
}

/// Reads a policy from a preset's name, or from an object of fields.
pub(super) fn deserialize<'de, P: Policy, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<P, D::Error> {
    deserializer.deserialize_any(PolicyVisitor(PhantomData))
}

/// A whole number that is not negative.
pub(super) fn count(field: &'static str, value: &Value) -> Result<u32, PolicyError> {
    value
        .as_u64()
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| expected(field, value, "a whole number from 0"))
}

/// A duration as text.
pub(super) fn duration(field: &'static str, value: &Value) -> Result<Duration, PolicyError> {
    match value {
        Value::String(text) => parse_duration(text).map_err(|error| PolicyError::BadValue {
            field,
            reason: error.to_string(),
        }),
        _ => Err(expected(field, value, "a duration such as \"150 ms\"")),
    }
}

/// A duration as text, or `none`.
pub(super) fn opt_duration(
    field: &'static str,
    value: &Value,
) -> Result<Option<Duration>, PolicyError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if text == "none" => Ok(None),
        _ => duration(field, value).map(Some),
    }
}

/// A value that its field does not take.
pub(super) fn expected(field: &'static str, value: &Value, what: &str) -> PolicyError {
    PolicyError::BadValue {
        field,
        reason: format!("expected {what}, found {value}"),
    }
}

fn parse_rows<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<(String, Value)> {
    let rows = rows.into_iter();
    rows.map(|(field, cell)| (field.to_owned(), parse_cell(cell)))
        .collect()
}

/// A cell holds JSON where it parses as such, text otherwise.
fn parse_cell(cell: &str) -> Value {
    let cell = cell.trim();
    serde_json::from_str(cell).unwrap_or_else(|_| Value::String(cell.to_owned()))
}

fn set_value<P: Policy>(policy: &mut P, field: &str, value: &Value) -> Result<(), PolicyError> {
    if field == PRESET {
        let Value::String(name) = value else {
            return Err(expected(PRESET, value, "a preset's name"));
        };
        *policy = P::named(name)?;
        return Ok(());
    }
    match P::FIELDS.iter().find(|known| **known == field) {
        Some(known) => policy.assign(known, value),
        None => Err(PolicyError::UnknownField {
            policy: P::NAME,
            field: field.to_owned(),
            hint: did_you_mean(field, P::FIELDS.iter().copied().chain([PRESET])),
        }),
    }
}

fn set_values<P: Policy>(mut policy: P, mut rows: Vec<(String, Value)>) -> Result<P, PolicyError> {
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    // A preset replaces every field, so it would undo those above it.
    rows.sort_by_key(|(field, _)| field != PRESET);
    for (field, value) in &rows {
        if !seen.insert(field) {
            errors.push(PolicyError::Repeated(field.clone()));
        } else if let Err(error) = set_value(&mut policy, field, value) {
            errors.push(error);
        }
    }
    match errors.len() {
        0 => check(&policy).map(|()| policy),
        1 => Err(errors.remove(0)),
        _ => Err(PolicyError::Invalid {
            policy: P::NAME,
            causes: errors.iter().map(ToString::to_string).collect(),
        }),
    }
}

fn of_values<P: Policy>(rows: Vec<(String, Value)>) -> Result<P, PolicyError> {
    let given = |wanted: &str| rows.iter().any(|(field, _)| field == wanted);
    let missing = P::REQUIRED.filter(|field| !given(field) && !given(PRESET));
    let policy = set_values(P::standard(), rows)?;
    match missing {
        None => Ok(policy),
        Some(field) => Err(PolicyError::Missing {
            policy: P::NAME,
            field,
        }),
    }
}

struct PolicyVisitor<P>(PhantomData<P>);

impl<'de, P: Policy> Visitor<'de> for PolicyVisitor<P> {
    type Value = P;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {}: a preset's name, or an object of fields", P::NAME)
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<P, E> {
        P::named(name).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<P, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = map.next_entry::<String, Value>()? {
            rows.push(row);
        }
        of_values(rows).map_err(A::Error::custom)
    }
}

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{
    PolicyError, Retry, UnknownPreset,
    policy::{self, Policy},
};
use crate::domain::{FailureMode, code, is_code};

/// How often failures of certain codes are retried, and how long a call waits before.
///
/// In JSON it is an object of a [`Retry`]'s fields and `codes`, a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Retrier {
    /// The codes that it sees to; at least one.
    ///
    /// Naming a code says that it is worth a retry, also where nobody declared it so.
    pub codes: Vec<Arc<str>>,
    /// Its own count and delays.
    #[serde(flatten)]
    pub retry: Retry,
}

impl Retrier {
    /// A retrier by a table's row, `field` and `value` of each cell; a preset counts first.
    ///
    /// # Errors
    ///
    /// As for [`Retry::with_fields`]; if `codes` are missing or no codes, or one of them can never
    /// be worth a retry; if neither `maxRetries` nor `preset` is given.
    pub fn from_fields<'a>(
        rows: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, PolicyError> {
        policy::of_fields(rows)
    }

    /// Whether it sees to failures of a code.
    pub fn names(&self, code: &str) -> bool {
        self.codes.iter().any(|named| **named == *code)
    }
}

impl Policy for Retrier {
    const NAME: &'static str = "retrier";
    const FIELDS: &'static [&'static str] = &[
        "codes",
        "maxRetries",
        "base",
        "multiplier",
        "cap",
        "jitter",
        "firstExponent",
    ];
    const REQUIRED: Option<&'static str> = Retry::REQUIRED;

    fn standard() -> Self {
        Self {
            codes: Vec::new(),
            retry: Retry::standard(),
        }
    }

    fn named(preset: &str) -> Result<Self, UnknownPreset> {
        Ok(Self {
            retry: Retry::preset(preset)?,
            ..Self::standard()
        })
    }

    fn assign(&mut self, field: &'static str, value: &Value) -> Result<(), PolicyError> {
        match field {
            "codes" => self.codes = codes(field, value)?,
            _ => self.retry.assign(field, value)?,
        }
        Ok(())
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = self.retry.faults();
        if self.codes.is_empty() {
            faults.push("it names no \"codes\"".to_owned());
        }
        faults.extend(self.codes.iter().filter_map(|code| fault_of(code)));
        faults
    }
}

impl<'de> Deserialize<'de> for Retrier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        policy::deserialize(deserializer)
    }
}

/// Codes as a list, or separated by commas in the cell of a table.
fn codes(field: &'static str, value: &Value) -> Result<Vec<Arc<str>>, PolicyError> {
    let expected = || policy::expected(field, value, "codes such as [\"TIMEOUT\", \"TOOL_ERROR\"]");
    match value {
        Value::String(text) => Ok(text.split(',').map(|code| code.trim().into()).collect()),
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map(Arc::from).ok_or_else(expected))
            .collect(),
        _ => Err(expected()),
    }
}

fn fault_of(code: &str) -> Option<String> {
    if !is_code(code) {
        return Some(format!("{code:?} is no code, expected UPPER_SNAKE case"));
    }
    let (mode, _) = FailureMode::classify(code);
    (mode.terminal() || code == code::WORKFLOW_TIMEOUT)
        .then(|| format!("{code:?} can never be worth a retry"))
}

//! Reading the attributes of an event from JSON.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::CloudEvent;
use crate::domain::{Failure, code};

/// Why a value is no event.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the event's {attribute:?} {why}")]
pub struct EventError {
    /// The attribute at fault.
    pub attribute: String,
    /// What is wrong with it.
    pub why: String,
}

impl EventError {
    /// The failure of a call that brought no event.
    pub fn failure(&self) -> Box<Failure> {
        let failure = Failure::new(code::VALIDATION_FAILED, self.to_string());
        Box::new(failure.field(self.attribute.clone()))
    }
}

/// The names of the standard's attributes and of the extensions that have a field of their own.
pub const NAMES: [&str; 12] = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "traceparent",
    "correlationid",
    "causationid",
    "sequence",
    "data",
];

pub fn object(value: &Value) -> Result<&Map<String, Value>, EventError> {
    value
        .as_object()
        .ok_or_else(|| refused("event", "is no JSON object"))
}

/// Checks the version of the standard, where there is one.
pub fn check_spec_version(fields: &Map<String, Value>) -> Result<(), EventError> {
    match text(fields, "specversion")? {
        None | Some(CloudEvent::SPEC_VERSION) => Ok(()),
        Some(_) => Err(refused("specversion", "is not \"1.0\"")),
    }
}

pub fn check_content_type(fields: &Map<String, Value>) -> Result<(), EventError> {
    match text(fields, "datacontenttype")? {
        None | Some(CloudEvent::CONTENT_TYPE) => Ok(()),
        Some(_) => Err(refused("datacontenttype", "is not \"application/json\"")),
    }
}

pub fn time(fields: &Map<String, Value>) -> Result<Option<Timestamp>, EventError> {
    let read = |text: &str| text.parse().ok();
    text(fields, "time")?
        .map(|text| read(text).ok_or_else(|| refused("time", "is no timestamp of RFC 3339")))
        .transpose()
}

pub fn sequence(fields: &Map<String, Value>) -> Result<Option<u64>, EventError> {
    let read = |text: &str| text.parse().ok();
    text(fields, "sequence")?
        .map(|text| read(text).ok_or_else(|| refused("sequence", "is no whole number as text")))
        .transpose()
}

/// Attributes that the standard does not know by name, which it allows in a certain form.
pub fn extensions(fields: &Map<String, Value>) -> Result<Map<String, Value>, EventError> {
    let mut extensions = Map::new();
    for (name, value) in fields {
        if NAMES.contains(&name.as_str()) {
            continue;
        }
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if name.is_empty() || !name.chars().all(plain) {
            return Err(refused(
                name,
                "is no attribute, expected lower-case letters and digits",
            ));
        }
        if value.is_object() || value.is_array() || value.is_null() {
            return Err(refused(name, "is no text, number or boolean"));
        }
        extensions.insert(name.clone(), value.clone());
    }
    Ok(extensions)
}

pub fn required<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a str, EventError> {
    text(fields, name)?.ok_or_else(|| refused(name, "is missing"))
}

pub fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, EventError> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(refused(name, "is no text, or empty")),
    }
}

/// A text that may be empty.
pub fn any_text<'a>(
    fields: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a str>, EventError> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(refused(name, "is no text")),
    }
}

pub fn refused(attribute: &str, why: impl Into<String>) -> EventError {
    EventError {
        attribute: attribute.to_owned(),
        why: why.into(),
    }
}

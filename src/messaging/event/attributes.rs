//! Reading the attributes of an event from JSON.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::domain::{Failure, code};

/// Why a value is not a valid event.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the event's {attribute:?} {why}")]
pub struct EventError {
    /// The invalid attribute.
    pub attribute: String,
    /// What is wrong with it.
    pub why: String,
}

impl EventError {
    /// The failure of a call whose input is not a valid event.
    pub fn failure(&self) -> Box<Failure> {
        let failure = Failure::new(code::VALIDATION_FAILED, self.to_string());
        Box::new(failure.field(self.attribute.clone()))
    }
}

/// The version of CloudEvents.
pub const SPEC_VERSION: &str = "1.0";
/// The media type of the data.
pub const CONTENT_TYPE: &str = "application/json";

/// The standard's attributes, and the extensions that are fields of an event.
const NAMES: [&str; 12] = [
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

/// The members of a JSON object that may be an event, each looked up once.
pub struct Attributes<'a> {
    /// In the order of [`NAMES`].
    known: [Option<&'a Value>; NAMES.len()],
    others: Vec<(&'a str, &'a Value)>,
}

impl<'a> Attributes<'a> {
    pub fn of(event: &'a Value) -> Result<Self, EventError> {
        let fields = event.as_object();
        fields
            .map(Self::of_fields)
            .ok_or_else(|| refused("event", "is not a JSON object"))
    }

    pub fn of_fields(fields: &'a Map<String, Value>) -> Self {
        let mut attributes = Self {
            known: [None; NAMES.len()],
            others: Vec::new(),
        };
        for (name, value) in fields {
            match place(name) {
                Some(place) => attributes.known[place] = Some(value),
                None => attributes.others.push((name, value)),
            }
        }
        attributes
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.known[place(name)?]
    }

    pub fn data(&self) -> Option<&'a Value> {
        self.get("data")
    }

    /// Checks the version, if it is given.
    pub fn check_spec_version(&self) -> Result<(), EventError> {
        match self.text("specversion")? {
            None | Some(SPEC_VERSION) => Ok(()),
            Some(_) => Err(refused("specversion", "is not \"1.0\"")),
        }
    }

    pub fn check_content_type(&self) -> Result<(), EventError> {
        match self.text("datacontenttype")? {
            None | Some(CONTENT_TYPE) => Ok(()),
            Some(_) => Err(refused("datacontenttype", "is not \"application/json\"")),
        }
    }

    pub fn time(&self) -> Result<Option<DateTime<Utc>>, EventError> {
        let read = |text: &str| Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc());
        self.text("time")?
            .map(|text| read(text).ok_or_else(|| refused("time", "is not an RFC 3339 timestamp")))
            .transpose()
    }

    pub fn sequence(&self) -> Result<Option<u64>, EventError> {
        let read = |text: &str| text.parse().ok();
        self.text("sequence")?
            .map(|text| {
                read(text).ok_or_else(|| refused("sequence", "is not an integer in a string"))
            })
            .transpose()
    }

    /// The attributes that the standard does not name but allows in a certain form.
    pub fn extensions(&self) -> Result<Map<String, Value>, EventError> {
        let mut extensions = Map::new();
        for &(name, value) in &self.others {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            if name.is_empty() || !name.chars().all(plain) {
                return Err(refused(
                    name,
                    "is not an attribute name, expected lower-case letters and digits",
                ));
            }
            if value.is_object() || value.is_array() || value.is_null() {
                return Err(refused(name, "is not a string, number or boolean"));
            }
            extensions.insert(name.to_owned(), value.clone());
        }
        Ok(extensions)
    }

    pub fn required(&self, name: &str) -> Result<&'a str, EventError> {
        self.text(name)?.ok_or_else(|| refused(name, "is missing"))
    }

    pub fn text(&self, name: &str) -> Result<Option<&'a str>, EventError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(refused(name, "is not a non-empty string")),
        }
    }

    /// A string that may be empty.
    pub fn any_text(&self, name: &str) -> Result<Option<&'a str>, EventError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(refused(name, "is not a string")),
        }
    }
}

fn place(name: &str) -> Option<usize> {
    NAMES.iter().position(|known| *known == name)
}

pub fn refused(attribute: &str, why: impl Into<String>) -> EventError {
    EventError {
        attribute: attribute.to_owned(),
        why: why.into(),
    }
}

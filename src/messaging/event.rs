use std::{fmt, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::TraceContext;

/// Something that happened, as [CloudEvents 1.0](https://github.com/cloudevents/spec) writes it in
/// JSON; its names are those of the standard and of its documented extensions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct CloudEvent {
    /// Unique within its source.
    pub id: Arc<str>,
    /// Where it happened.
    pub source: Arc<str>,
    /// What happened, such as `OrderPlaced`; `type` in JSON.
    pub kind: Arc<str>,
    /// What it happened to, such as the id of an order. Order is kept within a subject.
    pub subject: Option<Arc<str>>,
    /// When it happened.
    pub time: Timestamp,
    /// The trace it is part of.
    pub trace: TraceContext,
    /// The aggregate, or the conversation, that it belongs to.
    pub correlation_id: Option<Arc<str>>,
    /// The event or command that it follows from.
    pub causation_id: Option<Arc<str>>,
    /// Its number within its subject, from 1, where it has one.
    pub sequence: Option<u64>,
    /// Further attributes, by name.
    pub extensions: Map<String, Value>,
    /// What else there is to say.
    pub data: Arc<Value>,
}

/// What an event is known by: a redelivery has the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventId {
    /// Where it happened.
    pub source: Arc<str>,
    /// Its id there.
    pub id: Arc<str>,
}

/// Why a value is no event.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the event's {attribute:?} {why}")]
pub struct EventError {
    /// The attribute at fault.
    pub attribute: String,
    /// What is wrong with it.
    pub why: String,
}

impl CloudEvent {
    /// The version of the standard.
    pub const SPEC_VERSION: &str = "1.0";
    /// The media type of the data.
    pub const CONTENT_TYPE: &str = "application/json";

    /// What it is known by.
    pub fn event_id(&self) -> EventId {
        EventId {
            source: Arc::clone(&self.source),
            id: Arc::clone(&self.id),
        }
    }

    /// The event as JSON, in the standard's structured form.
    pub fn to_value(&self) -> Value {
        self.clone().into()
    }
}

impl From<CloudEvent> for Value {
    fn from(event: CloudEvent) -> Self {
        Self::Object(event.into())
    }
}

impl From<CloudEvent> for Map<String, Value> {
    fn from(event: CloudEvent) -> Self {
        let mut fields = Self::with_capacity(12 + event.extensions.len());
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        put("specversion", CloudEvent::SPEC_VERSION.into());
        put("id", (*event.id).into());
        put("source", (*event.source).into());
        put("type", (*event.kind).into());
        if let Some(subject) = &event.subject {
            put("subject", (**subject).into());
        }
        put("time", event.time.to_string().into());
        put("datacontenttype", CloudEvent::CONTENT_TYPE.into());
        put("traceparent", event.trace.to_string().into());
        if let Some(correlation) = &event.correlation_id {
            put("correlationid", (**correlation).into());
        }
        if let Some(causation) = &event.causation_id {
            put("causationid", (**causation).into());
        }
        if let Some(sequence) = event.sequence {
            // A text, as the standard's extension `sequence` wants it.
            put("sequence", sequence.to_string().into());
        }
        fields.extend(event.extensions);
        fields.insert("data".to_owned(), Arc::unwrap_or_clone(event.data));
        fields
    }
}

impl TryFrom<Map<String, Value>> for CloudEvent {
    type Error = EventError;

    fn try_from(mut fields: Map<String, Value>) -> Result<Self, EventError> {
        let fields = &mut fields;
        if required(fields, "specversion")? != Self::SPEC_VERSION {
            return Err(refused("specversion", "is not \"1.0\""));
        }
        if let Some(media_type) = text(fields, "datacontenttype")?
            && media_type != Self::CONTENT_TYPE
        {
            return Err(refused("datacontenttype", "is not \"application/json\""));
        }
        let time = required(fields, "time")?;
        let trace = required(fields, "traceparent")?;
        let sequence = text(fields, "sequence")?;
        Ok(Self {
            id: required(fields, "id")?.into(),
            source: required(fields, "source")?.into(),
            kind: required(fields, "type")?.into(),
            subject: text(fields, "subject")?.map(Arc::from),
            time: time
                .parse()
                .map_err(|_| refused("time", "is no timestamp of RFC 3339"))?,
            trace: trace
                .parse()
                .map_err(|error: super::TraceError| refused("traceparent", error.to_string()))?,
            correlation_id: text(fields, "correlationid")?.map(Arc::from),
            causation_id: text(fields, "causationid")?.map(Arc::from),
            sequence: sequence
                .map(|number| number.parse())
                .transpose()
                .map_err(|_| refused("sequence", "is no whole number as text"))?,
            data: Arc::new(fields.shift_remove("data").unwrap_or(Value::Null)),
            extensions: extensions(std::mem::take(fields))?,
        })
    }
}

/// Attributes that the standard does not know by name, which it allows in a certain form.
fn extensions(fields: Map<String, Value>) -> Result<Map<String, Value>, EventError> {
    for (name, value) in &fields {
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
    }
    Ok(fields)
}

fn required(fields: &mut Map<String, Value>, name: &str) -> Result<String, EventError> {
    text(fields, name)?.ok_or_else(|| refused(name, "is missing"))
}

fn text(fields: &mut Map<String, Value>, name: &str) -> Result<Option<String>, EventError> {
    match fields.shift_remove(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(refused(name, "is no text, or empty")),
    }
}

fn refused(attribute: &str, why: impl Into<String>) -> EventError {
    EventError {
        attribute: attribute.to_owned(),
        why: why.into(),
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.source, self.id)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> Value {
        json!({
            "specversion": "1.0", "id": "e-1", "source": "/shop", "type": "OrderPlaced", "subject": "order-1",
            "time": "2025-01-01T00:00:01.5Z", "datacontenttype": "application/json",
            "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "correlationid": "order-1", "causationid": "c-1", "sequence": "3", "region": "eu",
            "data": { "total": 12.5 },
        })
    }

    #[test]
    fn an_event_is_read_and_written_alike() {
        let event: CloudEvent = serde_json::from_value(sample()).unwrap();
        assert_eq!(event.sequence, Some(3));
        assert_eq!(event.extensions["region"], "eu");
        assert_eq!(event.event_id().to_string(), "/shop#e-1");
        assert_eq!(event.to_value(), sample());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (attribute, value) in [
            ("specversion", json!("0.3")),
            ("id", json!("")),
            ("source", json!(1)),
            ("time", json!("yesterday")),
            ("traceparent", json!("00-0")),
            ("sequence", json!("-1")),
            ("datacontenttype", json!("text/plain")),
            ("userId", json!("u-1")),
            ("region", json!({})),
        ] {
            let mut fields = sample();
            fields[attribute] = value;
            let Value::Object(fields) = fields else {
                unreachable!()
            };
            let error = CloudEvent::try_from(fields).unwrap_err();
            assert_eq!(error.attribute, attribute);
        }
    }

    #[test]
    fn only_what_the_standard_and_we_require_must_be_there() {
        for (attribute, is_required) in [
            ("specversion", true),
            ("id", true),
            ("source", true),
            ("type", true),
            ("time", true),
            ("traceparent", true),
            ("subject", false),
            ("data", false),
            ("region", false),
        ] {
            let Value::Object(mut fields) = sample() else {
                unreachable!()
            };
            fields.remove(attribute);
            assert_eq!(
                CloudEvent::try_from(fields).is_err(),
                is_required,
                "{attribute}"
            );
        }
    }
}

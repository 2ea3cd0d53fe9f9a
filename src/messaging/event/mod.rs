//! Events as JSON, as CloudEvents and Trace Context require.

mod attributes;
mod document;
mod draft;
mod event_types;
mod trace;

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value};

pub(super) use self::attributes::Attributes;
use self::attributes::{CONTENT_TYPE, SPEC_VERSION, refused};
pub use self::{
    attributes::EventError,
    document::EventDocument,
    draft::EventDraft,
    event_types::EventTypes,
    trace::{TraceContext, TraceError},
};
use crate::{clock::rfc_3339, observability::EventHead};

/// Something that happened, as [CloudEvents 1.0](https://github.com/cloudevents/spec) writes it in
/// JSON; its names are those of the standard and of its documented extensions.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct CloudEvent {
    /// Unique within its source.
    pub id: Arc<str>,
    /// Where it happened.
    pub source: Arc<str>,
    /// What happened, such as `OrderPlaced`; `type` in JSON.
    pub kind: Arc<str>,
    /// What it is about, such as the id of an order. Events of a subject are handled in order.
    pub subject: Option<Arc<str>>,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// Its trace.
    pub trace: TraceContext,
    /// The aggregate or conversation it belongs to.
    pub correlation_id: Option<Arc<str>>,
    /// The event or command that caused it.
    pub causation_id: Option<Arc<str>>,
    /// Its number within its subject, from 1.
    pub sequence: Option<u64>,
    /// Further attributes, by name.
    pub extensions: Map<String, Value>,
    /// The payload.
    pub data: Arc<Value>,
}

/// What identifies an event; a redelivery has the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventId {
    /// Where it happened.
    pub source: Arc<str>,
    /// Its id there.
    pub id: Arc<str>,
}

impl CloudEvent {
    /// What identifies it.
    pub fn event_id(&self) -> EventId {
        EventId {
            source: Arc::clone(&self.source),
            id: Arc::clone(&self.id),
        }
    }

    /// The event as JSON, in the standard's structured form.
    pub fn to_value(&self) -> Value {
        // Only JSON under strings, so serialising cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl Serialize for CloudEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("specversion", SPEC_VERSION)?;
        fields.serialize_entry("id", &self.id)?;
        fields.serialize_entry("source", &self.source)?;
        fields.serialize_entry("type", &self.kind)?;
        if let Some(subject) = &self.subject {
            fields.serialize_entry("subject", subject)?;
        }
        fields.serialize_entry("time", &rfc_3339(&self.time))?;
        fields.serialize_entry("datacontenttype", CONTENT_TYPE)?;
        fields.serialize_entry("traceparent", &self.trace)?;
        if let Some(correlation) = &self.correlation_id {
            fields.serialize_entry("correlationid", correlation)?;
        }
        if let Some(causation) = &self.causation_id {
            fields.serialize_entry("causationid", causation)?;
        }
        if let Some(sequence) = self.sequence {
            // A string, as the standard's extension `sequence` requires.
            fields.serialize_entry("sequence", &sequence.to_string())?;
        }
        for (name, value) in &self.extensions {
            fields.serialize_entry(name, value)?;
        }
        fields.serialize_entry("data", &self.data)?;
        fields.end()
    }
}

impl TryFrom<&EventDocument> for CloudEvent {
    type Error = EventError;

    fn try_from(document: &EventDocument) -> Result<Self, EventError> {
        let given = Attributes::of(document.json())?;
        let data = given.data().cloned().unwrap_or(Value::Null);
        Self::read(&given, Arc::new(data))
    }
}

impl TryFrom<Map<String, Value>> for CloudEvent {
    type Error = EventError;

    fn try_from(mut fields: Map<String, Value>) -> Result<Self, EventError> {
        let data = fields.get_mut("data").map_or(Value::Null, Value::take);
        Self::read(&Attributes::of_fields(&fields), Arc::new(data))
    }
}

impl CloudEvent {
    /// Reads an event without its data.
    fn attributes(value: &Value) -> Result<Self, EventError> {
        static NO_DATA: LazyLock<Arc<Value>> = LazyLock::new(Arc::default);
        Self::read(&Attributes::of(value)?, Arc::clone(&NO_DATA))
    }

    fn read(given: &Attributes<'_>, data: Arc<Value>) -> Result<Self, EventError> {
        given.required("specversion")?;
        given.check_spec_version()?;
        given.check_content_type()?;
        let trace = given.required("traceparent")?;
        let text = |name| Ok::<_, EventError>(given.text(name)?.map(Arc::from));
        Ok(Self {
            id: given.required("id")?.into(),
            source: given.required("source")?.into(),
            kind: given.required("type")?.into(),
            subject: text("subject")?,
            time: given.time()?.ok_or_else(|| refused("time", "is missing"))?,
            trace: trace
                .parse()
                .map_err(|error: TraceError| refused("traceparent", error.to_string()))?,
            correlation_id: text("correlationid")?,
            causation_id: text("causationid")?,
            sequence: given.sequence()?,
            extensions: given.extensions()?,
            data,
        })
    }

    /// What identifies it on the timeline.
    pub fn head(&self) -> EventHead {
        EventHead {
            kind: Arc::clone(&self.kind),
            source: Arc::clone(&self.source),
            id: Arc::clone(&self.id),
            subject: self.subject.clone(),
        }
    }
}

impl From<&EventHead> for EventId {
    fn from(head: &EventHead) -> Self {
        Self {
            source: Arc::clone(&head.source),
            id: Arc::clone(&head.id),
        }
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
    fn event_is_written_as_it_was_read() {
        let event: CloudEvent = serde_json::from_value(sample()).unwrap();
        assert_eq!(event.sequence, Some(3));
        assert_eq!(event.extensions["region"], "eu");
        assert_eq!(event.event_id().to_string(), "/shop#e-1");
        assert_eq!(event.to_value(), sample());
    }

    #[test]
    fn invalid_attribute_is_named() {
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
    fn only_required_attributes_must_be_present() {
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

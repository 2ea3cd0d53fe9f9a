//! Events as JSON, as CloudEvents and Trace Context require.

mod attributes;
mod document;
mod draft;
mod event_types;
mod trace;

use std::{
    borrow::Cow,
    convert::Infallible,
    fmt,
    sync::{Arc, LazyLock},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value};

pub(super) use self::attributes::Attributes;
use self::attributes::{CONTENT_TYPE, NAMES, SPEC_VERSION, refused};
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

/// The value of an attribute in an event's JSON.
enum AttributeValue<'a> {
    Text(Cow<'a, str>),
    Json(&'a Value),
}

impl AttributeValue<'_> {
    fn into_value(self) -> Value {
        match self {
            Self::Text(text) => text.into_owned().into(),
            Self::Json(value) => value.clone(),
        }
    }
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
        let unused = [
            self.subject.is_none(),
            self.correlation_id.is_none(),
            self.causation_id.is_none(),
            self.sequence.is_none(),
        ];
        let unused = unused.into_iter().filter(|unused| *unused).count();
        let names = NAMES.len() + self.extensions.len() - unused;
        let mut fields = Map::with_capacity(names);
        let done: Result<(), Infallible> = self.each(|name, member| {
            fields.insert(name.to_owned(), member.into_value());
            Ok(())
        });
        match done {
            Ok(()) => Value::Object(fields),
        }
    }

    /// Calls `member` with each attribute of the JSON, in order.
    fn each<E>(
        &self,
        mut member: impl FnMut(&str, AttributeValue<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut text = |name, text: Cow<'_, str>| member(name, AttributeValue::Text(text));
        text("specversion", SPEC_VERSION.into())?;
        text("id", (&*self.id).into())?;
        text("source", (&*self.source).into())?;
        text("type", (&*self.kind).into())?;
        if let Some(subject) = &self.subject {
            text("subject", (&**subject).into())?;
        }
        text("time", rfc_3339(&self.time).into())?;
        text("datacontenttype", CONTENT_TYPE.into())?;
        text("traceparent", self.trace.to_string().into())?;
        if let Some(correlation) = &self.correlation_id {
            text("correlationid", (&**correlation).into())?;
        }
        if let Some(causation) = &self.causation_id {
            text("causationid", (&**causation).into())?;
        }
        if let Some(sequence) = self.sequence {
            // A string, as the standard's extension `sequence` requires.
            text("sequence", sequence.to_string().into())?;
        }
        for (name, value) in &self.extensions {
            member(name, AttributeValue::Json(value))?;
        }
        member("data", AttributeValue::Json(&self.data))
    }
}

impl Serialize for CloudEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        self.each(|name, member| match member {
            AttributeValue::Text(text) => members.serialize_entry(name, &text),
            AttributeValue::Json(value) => members.serialize_entry(name, value),
        })?;
        members.end()
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

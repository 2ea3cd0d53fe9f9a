use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{EventError, attributes::Attributes};

/// An event to publish; the publisher fills in missing attributes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventDraft {
    /// What happened, such as `OrderPlaced`; the only required field.
    pub kind: Arc<str>,
    /// The payload.
    pub data: Arc<Value>,
    /// Where it happened; by default the publisher's source.
    pub source: Option<Arc<str>>,
    /// What it is about.
    pub subject: Option<Arc<str>>,
    /// By default the publisher's next id.
    pub id: Option<Arc<str>>,
    /// When it happened; by default now.
    pub time: Option<DateTime<Utc>>,
    /// The trace it continues; by default a new one.
    pub traceparent: Option<String>,
    /// The aggregate or conversation it belongs to.
    pub correlation_id: Option<Arc<str>>,
    /// The event or command that caused it.
    pub causation_id: Option<Arc<str>>,
    /// Its number within its subject; by default the next.
    pub sequence: Option<u64>,
    /// Further attributes, by name.
    pub extensions: Map<String, Value>,
}

impl EventDraft {
    /// An event of a type, without anything else.
    pub fn new(kind: &str) -> Self {
        Self {
            kind: kind.into(),
            ..Self::default()
        }
    }

    /// Reads a CloudEvent in JSON of which only the `type` is required.
    ///
    /// # Errors
    ///
    /// The first invalid attribute; `traceparent` is not checked here.
    pub fn from_value(value: &Value) -> Result<Self, EventError> {
        let given = Attributes::of(value)?;
        given.check_spec_version()?;
        given.check_content_type()?;
        let text = |name| Ok::<_, EventError>(given.text(name)?.map(Arc::from));
        Ok(Self {
            kind: given.required("type")?.into(),
            data: Arc::new(given.data().cloned().unwrap_or(Value::Null)),
            source: text("source")?,
            subject: text("subject")?,
            id: text("id")?,
            time: given.time()?,
            traceparent: given.any_text("traceparent")?.map(str::to_owned),
            correlation_id: text("correlationid")?,
            causation_id: text("causationid")?,
            sequence: given.sequence()?,
            extensions: given.extensions()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_type_is_required() {
        let draft = EventDraft::from_value(&json!({ "type": "OrderPlaced" }));
        assert_eq!(draft, Ok(EventDraft::new("OrderPlaced")));
        for (value, attribute) in [
            (json!([]), "event"),
            (json!({}), "type"),
            (json!({ "type": "" }), "type"),
            (json!({ "type": "A", "specversion": "0.3" }), "specversion"),
            (json!({ "type": "A", "time": "noon" }), "time"),
            (json!({ "type": "A", "sequence": 1 }), "sequence"),
            (json!({ "type": "A", "traceparent": 1 }), "traceparent"),
            (json!({ "type": "A", "userId": "u" }), "userId"),
        ] {
            let error = EventDraft::from_value(&value).unwrap_err();
            assert_eq!(error.attribute, attribute, "{value}");
        }
    }

    #[test]
    fn given_attributes_are_kept() {
        let draft = EventDraft::from_value(&json!({
            "type": "OrderPlaced", "source": "shop", "id": "e-1", "subject": "order-1",
            "time": "2025-01-01T00:00:00Z", "traceparent": "", "sequence": "7",
            "correlationid": "c", "causationid": "d", "region": "eu", "data": [1],
        }));
        let draft = draft.unwrap();
        assert_eq!(draft.time, Some(crate::clock::EPOCH));
        assert_eq!(
            draft.traceparent.as_deref(),
            Some(""),
            "refused only when published"
        );
        assert_eq!(draft.sequence, Some(7));
        assert_eq!(draft.extensions["region"], "eu");
        assert_eq!(*draft.data, json!([1]));
    }
}

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{EventError, attributes::Attributes};

/// An event to be, of which the publisher adds what is left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventDraft {
    /// What happened, such as `OrderPlaced`; all that must be said.
    pub kind: Arc<str>,
    /// What else there is to say.
    pub data: Arc<Value>,
    /// Where it happened: the publisher's own source unless said.
    pub source: Option<Arc<str>>,
    /// What it happened to.
    pub subject: Option<Arc<str>>,
    /// Its id: the next of the publisher's unless said.
    pub id: Option<Arc<str>>,
    /// When it happened: now unless said.
    pub time: Option<DateTime<Utc>>,
    /// The trace of whoever caused it: a new one unless said.
    pub traceparent: Option<String>,
    /// The aggregate, or the conversation, that it belongs to.
    pub correlation_id: Option<Arc<str>>,
    /// The event or command that it follows from.
    pub causation_id: Option<Arc<str>>,
    /// Its number within its subject: the next unless said.
    pub sequence: Option<u64>,
    /// Further attributes, by name.
    pub extensions: Map<String, Value>,
}

impl EventDraft {
    /// An event of a type, with nothing else said.
    pub fn new(kind: &str) -> Self {
        Self {
            kind: kind.into(),
            ..Self::default()
        }
    }

    /// The draft that a JSON document is: a CloudEvent that may lack any attribute but its `type`.
    ///
    /// # Errors
    ///
    /// If it is none: the first attribute at fault. A `traceparent` is taken as it is.
    pub fn from_value(value: &Value) -> Result<Self, EventError> {
        let given = Attributes::of(value)?;
        given.check_spec_version()?;
        given.check_content_type()?;
        let own = |name| Ok::<_, EventError>(given.text(name)?.map(Arc::from));
        Ok(Self {
            kind: given.required("type")?.into(),
            data: Arc::new(given.data().cloned().unwrap_or(Value::Null)),
            source: own("source")?,
            subject: own("subject")?,
            id: own("id")?,
            time: given.time()?,
            traceparent: given.any_text("traceparent")?.map(str::to_owned),
            correlation_id: own("correlationid")?,
            causation_id: own("causationid")?,
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
    fn only_the_type_must_be_said() {
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
    fn what_is_said_is_kept() {
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
            "told to be none later"
        );
        assert_eq!(draft.sequence, Some(7));
        assert_eq!(draft.extensions["region"], "eu");
        assert_eq!(*draft.data, json!([1]));
    }
}

use std::time::Duration;

use serde_json::{Map, Value};

use super::{EVENT_FIELDS, EventKind};
use crate::domain::format_duration;

/// Something that happened, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Offset since the scenario's start, in whole milliseconds.
    pub at: Duration,
    /// What happened.
    pub kind: EventKind,
}

impl Event {
    /// The columns of the event in a timeline table: `at`, `event` and the kind's fields.
    pub fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("at".to_owned(), format_duration(self.at).into());
        if let Ok(Value::Object(kind)) = serde_json::to_value(&self.kind) {
            debug_assert!(is_listed(&kind), "EVENT_FIELDS has not all of {kind:?}");
            fields.extend(kind);
        }
        fields
    }
}

/// Whether the kind of an event is listed with all of its fields.
fn is_listed(fields: &Map<String, Value>) -> bool {
    let kind = fields.get("event").and_then(Value::as_str);
    let listed = EVENT_FIELDS.iter().find(|(listed, _)| kind == Some(listed));
    let has = |field: &String| {
        field == "event" || listed.is_some_and(|(_, listed)| listed.contains(&field.as_str()))
    };
    fields.keys().all(has)
}

// A long run records millions of them, so larger parts are boxed or shared in a head.
const _: () = assert!(size_of::<Event>() <= 80);

use std::time::Duration;

use serde_json::{Map, Value};

use super::EventKind;
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
            fields.extend(kind);
        }
        fields
    }
}

// A long run records millions of them, so larger parts are boxed or shared in a head.
const _: () = assert!(size_of::<Event>() <= 80);

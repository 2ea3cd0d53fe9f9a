use std::{sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::{Map, Value};

use super::EventKind;
use crate::domain::format_duration;

/// A service's name, as events share it.
pub type ServiceName = Arc<str>;

/// Something that happened, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Offset since the scenario's start, in whole milliseconds.
    pub at: Duration,
    /// What happened.
    pub kind: EventKind,
}

/// Which policy refused a call before it became an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedBy {
    /// The bulkhead's queue was full, or the deadline passed in it.
    Bulkhead,
    /// The breaker was open, or half-open with its probes out.
    Breaker,
}

impl Event {
    /// The event as the columns of a timeline table: `at`, `event` and the kind's fields.
    pub fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("at".to_owned(), format_duration(self.at).into());
        if let Ok(Value::Object(kind)) = serde_json::to_value(&self.kind) {
            fields.extend(kind);
        }
        fields
    }
}

// A long run records millions of them. What makes one larger goes behind a pointer, or into a head.
const _: () = assert!(size_of::<Event>() <= 80);

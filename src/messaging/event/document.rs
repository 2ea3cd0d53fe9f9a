use std::sync::Arc;

use serde_json::Value;

use super::{CloudEvent, EventError, EventId};
use crate::observability::EventHead;

/// An event as services pass it on: JSON that is known to be a valid event.
///
/// Clones share the JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct EventDocument {
    head: Arc<EventHead>,
    json: Arc<Value>,
}

impl EventDocument {
    /// Reads an event from JSON.
    ///
    /// # Errors
    ///
    /// The first invalid attribute.
    pub fn read(json: Arc<Value>) -> Result<Self, EventError> {
        let head = Arc::new(CloudEvent::attributes(&json)?.head());
        Ok(Self { head, json })
    }

    /// Reads an event or an array of them.
    ///
    /// # Errors
    ///
    /// The first invalid attribute of any of them.
    pub fn read_all(input: &Arc<Value>) -> Result<Vec<Self>, EventError> {
        match &**input {
            Value::Array(batch) => {
                let events = batch.iter().cloned().map(Arc::new);
                events.map(Self::read).collect()
            }
            _ => Ok(vec![Self::read(Arc::clone(input))?]),
        }
    }

    /// What identifies it on the timeline.
    pub fn head(&self) -> &Arc<EventHead> {
        &self.head
    }

    /// The whole event.
    pub fn json(&self) -> &Arc<Value> {
        &self.json
    }

    /// What identifies it.
    pub fn event_id(&self) -> EventId {
        EventId::from(&*self.head)
    }
}

impl From<&CloudEvent> for EventDocument {
    fn from(event: &CloudEvent) -> Self {
        Self {
            head: Arc::new(event.head()),
            json: Arc::new(event.to_value()),
        }
    }
}

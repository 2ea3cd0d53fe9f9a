use std::{cell::RefCell, sync::Arc};

use serde_json::Value;

use super::{CloudEvent, EventError, EventId};
use crate::{domain::Recent, observability::EventHead};

/// An event as it is passed on from one service to the next: the JSON that is known to be one.
///
/// Whoever passes it on shares the JSON with whom it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct EventDocument {
    head: Arc<EventHead>,
    json: Arc<Value>,
}

thread_local! {
    /// Heads of documents: a publisher, its outbox and the bus are sent the same one.
    static READ: RefCell<Recent<Arc<EventHead>>> = RefCell::default();
}

impl EventDocument {
    /// Reads the event that a JSON document is.
    ///
    /// # Errors
    ///
    /// If it is none: the first attribute at fault.
    pub fn read(json: Arc<Value>) -> Result<Self, EventError> {
        let known = READ.with_borrow(|read| read.get(&json).cloned());
        let head = match known {
            Some(head) => head,
            None => {
                let head = Arc::new(CloudEvent::attributes(&json)?.head());
                READ.with_borrow_mut(|read| read.put(&json, Arc::clone(&head)));
                head
            }
        };
        Ok(Self { head, json })
    }

    /// Reads an event or an array of them, as a service is sent them.
    ///
    /// # Errors
    ///
    /// If one of them is none: its first attribute at fault.
    pub fn read_all(input: &Arc<Value>) -> Result<Vec<Self>, EventError> {
        match &**input {
            Value::Array(batch) => {
                let events = batch.iter().cloned().map(Arc::new);
                events.map(Self::read).collect()
            }
            _ => Ok(vec![Self::read(Arc::clone(input))?]),
        }
    }

    /// What it is told by on the timeline.
    pub fn head(&self) -> &Arc<EventHead> {
        &self.head
    }

    /// The whole of it.
    pub fn json(&self) -> &Arc<Value> {
        &self.json
    }

    /// What it is known by.
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

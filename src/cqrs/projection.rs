use std::sync::Arc;

use serde_json::Value;

use crate::domain::Failure;

/// An event on its way into a read model.
#[derive(Clone, Copy, Debug)]
pub struct ProjectedEvent<'a> {
    /// Its place among all events.
    pub position: u64,
    /// The event, as [`CloudEvent::to_value`](crate::messaging::CloudEvent::to_value) writes it.
    pub event: &'a Value,
}

/// Keeps a read model: documents by key, made from events alone.
///
/// It is handed each event that it handles once, in the order in which they were stored.
///
/// ```
/// use std::sync::Arc;
/// use rehearsal::{cqrs::{ProjectedEvent, Projection}, domain::Failure};
/// use serde_json::{Value, json};
///
/// /// How many accounts were opened.
/// #[derive(Default)]
/// struct Opened(u64);
///
/// impl Projection for Opened {
///     fn name(&self) -> &str {
///         "Opened"
///     }
///
///     fn handles(&self) -> Vec<&str> {
///         vec!["AccountOpened"]
///     }
///
///     fn apply(&mut self, _: &ProjectedEvent<'_>) -> Result<(), Box<Failure>> {
///         self.0 += 1;
///         Ok(())
///     }
///
///     fn reset(&mut self) {
///         self.0 = 0;
///     }
///
///     fn document(&self, key: &str) -> Option<Arc<Value>> {
///         (key == "all").then(|| Arc::new(json!(self.0)))
///     }
/// }
/// ```
pub trait Projection: Send + 'static {
    /// What it, and its read model, is called.
    fn name(&self) -> &str;

    /// The types of the events that it handles; others pass it by.
    fn handles(&self) -> Vec<&str>;

    /// Takes in what happened, wholly or not at all.
    ///
    /// # Errors
    ///
    /// If it cannot; the event is tried again, and later ones wait.
    fn apply(&mut self, event: &ProjectedEvent<'_>) -> Result<(), Box<Failure>>;

    /// Forgets all that happened.
    fn reset(&mut self);

    /// A document of the read model.
    fn document(&self, key: &str) -> Option<Arc<Value>>;

    /// All documents by key, where they can be told.
    fn documents(&self) -> Option<Value> {
        None
    }
}

impl<'a> ProjectedEvent<'a> {
    /// What happened.
    pub fn kind(&self) -> &'a str {
        self.event["type"].as_str().unwrap_or_default()
    }

    /// What it happened to, such as the id of an aggregate.
    pub fn subject(&self) -> Option<&'a str> {
        self.event["subject"].as_str()
    }

    /// What else there is to say.
    pub fn data(&self) -> &'a Value {
        &self.event["data"]
    }
}

use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Change, ProjectedEvent, Projection, change::check_references, unknown_event};
use crate::domain::{
    CallName, Failure, Violation, code, opt_duration_text, pointer_token, resolve,
};

/// A projection as data.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProjectionDefinition {
    /// What it, and its read model, is called, without `.`.
    pub name: Arc<str>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The operation of another service that takes the events, and keeps what it makes of them; a
    /// read model is kept unless given.
    #[serde(default)]
    pub target: Option<CallName>,
    /// The operation of that service that forgets them all, for a rebuild.
    #[serde(default)]
    pub reset: Option<CallName>,
    /// For how long an error is recent; see [`ProjectionPolicy`](super::ProjectionPolicy).
    #[serde(default, with = "opt_duration_text")]
    pub error_window: Option<Duration>,
    /// How long it waits before it tries an event again.
    #[serde(default, with = "opt_duration_text")]
    pub retry_delay: Option<Duration>,
    /// What it does with events, by type; others pass it by.
    pub handles: IndexMap<String, HandlerDefinition>,
}

/// What a projection does with events of one type.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HandlerDefinition {
    /// The key of the document that changes, `${/event/subject}` unless given.
    #[serde(default = "subject")]
    pub key: Value,
    /// What changes in it; a document that is not there yet is null, and one that becomes null goes.
    #[serde(default)]
    pub changes: Vec<Change>,
}

fn subject() -> Value {
    "${/event/subject}".into()
}

impl ProjectionDefinition {
    /// Checks what the form of the definition does not tell.
    ///
    /// # Errors
    ///
    /// If the name cannot be one, nothing is handled, a template refers to what is not there, or
    /// changes are made where another service keeps what they would change.
    pub fn check(&self) -> Result<(), Violation> {
        let fault = |pointer: String, message: String| Err(Violation { pointer, message });
        if self.name.is_empty() || self.name.contains('.') {
            let message = format!(
                "{:?} names no projection: it is not empty and has no dot",
                self.name
            );
            return fault("/name".to_owned(), message);
        }
        if self.handles.is_empty() {
            return fault("/handles".to_owned(), "it handles no event".to_owned());
        }
        if self.reset.is_some() && self.target.is_none() {
            let message = "it has no \"target\" to reset".to_owned();
            return fault("/reset".to_owned(), message);
        }
        for (kind, handler) in &self.handles {
            let within = format!("/handles/{}", pointer_token(kind));
            if let Err(message) = check_references(&handler.key, &["event"]) {
                return fault(format!("{within}/key"), message);
            }
            if self.target.is_some() && !handler.changes.is_empty() {
                let message = "the \"target\" keeps what it makes of events itself".to_owned();
                return fault(format!("{within}/changes"), message);
            }
        }
        Ok(())
    }
}

/// A projection that changes its read model as its definition says.
#[derive(Debug)]
pub struct DefinedProjection {
    name: Arc<str>,
    handles: IndexMap<String, HandlerDefinition>,
    documents: IndexMap<String, Arc<Value>>,
}

impl DefinedProjection {
    /// A projection by its definition, its read model empty.
    ///
    /// # Errors
    ///
    /// As for [`ProjectionDefinition::check`].
    pub fn new(definition: &ProjectionDefinition) -> Result<Self, Violation> {
        definition.check()?;
        Ok(Self {
            name: Arc::clone(&definition.name),
            handles: definition.handles.clone(),
            documents: IndexMap::new(),
        })
    }
}

impl Projection for DefinedProjection {
    fn name(&self) -> &str {
        &self.name
    }

    fn handles(&self) -> Vec<&str> {
        self.handles.keys().map(String::as_str).collect()
    }

    fn apply(&mut self, event: &ProjectedEvent<'_>) -> Result<(), Box<Failure>> {
        let Some(handler) = self.handles.get(event.kind()) else {
            return Err(unknown_event(&self.name, event.kind(), self.handles()));
        };
        let key = key_of(handler, event.event)?;
        let before = self.documents.get(&key);
        let mut document = before.map_or_else(Default::default, Arc::clone);
        for change in &handler.changes {
            change.apply(&mut document, event.event)?;
        }
        if document.is_null() {
            self.documents.shift_remove(&key);
        } else {
            self.documents.insert(key, document);
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.documents.clear();
    }

    fn document(&self, key: &str) -> Option<Arc<Value>> {
        self.documents.get(key).map(Arc::clone)
    }

    fn documents(&self) -> Option<Value> {
        let documents = self.documents.iter();
        let documents = documents.map(|(key, document)| (key.clone(), Value::clone(document)));
        Some(Value::Object(documents.collect::<Map<_, _>>()))
    }
}

fn key_of(handler: &HandlerDefinition, event: &Value) -> Result<String, Box<Failure>> {
    let key = resolve(&handler.key, &|name| (name == "event").then_some(event))?;
    match key {
        Value::String(key) => Ok(key),
        Value::Number(_) | Value::Bool(_) => Ok(key.to_string()),
        other => {
            let message = format!("{other} is no key of a document, expected a text");
            Err(Box::new(
                Failure::new(code::VALIDATION_FAILED, message).field("/key"),
            ))
        }
    }
}

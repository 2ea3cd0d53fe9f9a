use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    cqrs::{
        document_change::{DocumentChange, check_references},
        upcasts::{DATA_VERSION, Upcasts, data_version},
    },
    domain::{
        CallName, Failure, Violation, code, duration_text, json_digest, pointer_token, resolve,
    },
};

/// A projection as data.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProjectionDefinition {
    /// The name of the projection and of its read model, without `.`.
    pub name: Arc<str>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The operation of another service that receives the events, instead of a read model.
    #[serde(default)]
    pub target: Option<CallName>,
    /// The operation of that service that discards all events, for a rebuild.
    #[serde(default)]
    pub reset: Option<CallName>,
    /// How its read model is built anew; in place by default.
    #[serde(default)]
    pub rebuild: RebuildMode,
    /// How long an error counts as recent; 5 minutes by default.
    #[serde(default = "error_window", with = "duration_text")]
    pub error_window: Duration,
    /// The wait before an event is retried; 2 s by default.
    ///
    /// That is the preset `constant`: an event that never succeeds pauses its projection after 20 s.
    /// With a growing delay, the errors would soon be too far apart to count together.
    #[serde(default = "retry_delay", with = "duration_text")]
    pub retry_delay: Duration,
    /// The handlers, by type of event; other events are skipped.
    pub handles: IndexMap<String, HandlerDefinition>,
    /// How older events are lifted before they are handled.
    #[serde(default)]
    pub upcasts: Upcasts,
}

/// How a read model is built anew from all events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RebuildMode {
    /// It is cleared first, and read while it fills.
    #[default]
    InPlace,
    /// The old one goes on and is read until the new one has caught up.
    Beside,
}

/// How a projection handles events of one type.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HandlerDefinition {
    /// The key of the document that changes, `${/event/subject}` by default.
    #[serde(default = "subject")]
    pub key: Value,
    /// The changes to the document. A missing document is null; one that becomes null is removed.
    #[serde(default)]
    pub changes: Vec<DocumentChange>,
}

fn error_window() -> Duration {
    Duration::from_secs(5 * 60)
}

fn retry_delay() -> Duration {
    Duration::from_secs(2)
}

fn subject() -> Value {
    "${/event/subject}".into()
}

impl ProjectionDefinition {
    /// Checks the rules that deserialising does not.
    ///
    /// # Errors
    ///
    /// If the name is not valid, no event is handled, one is lifted that is not handled, a template
    /// refers to an unknown name, or there are changes, or a rebuild beside the read model, although
    /// another service receives the events.
    pub fn check(&self) -> Result<(), Violation> {
        let fault = |pointer: String, message: String| Err(Violation { pointer, message });
        if self.name.is_empty() || self.name.contains('.') {
            let message = format!(
                "{:?} is not a valid name of a projection: it must not be empty or contain a dot",
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
        if self.rebuild == RebuildMode::Beside && self.target.is_some() {
            let message =
                "there is no read model to be rebuilt beside: the events go to the \"target\"";
            return fault("/rebuild".to_owned(), message.to_owned());
        }
        self.upcasts
            .check(self.handles.keys().map(String::as_str))?;
        for (kind, handler) in &self.handles {
            let within = format!("/handles/{}", pointer_token(kind));
            check_references(&handler.key, &["event"])
                .map_err(|fault| fault.within(&format!("{within}/key")))?;
            if self.target.is_some() && !handler.changes.is_empty() {
                let message = "there is no read model to change: the events go to the \"target\"";
                return fault(format!("{within}/changes"), message.to_owned());
            }
        }
        Ok(())
    }
}

impl ProjectionDefinition {
    /// A digest of what makes its read model of events.
    pub(super) fn revision(&self) -> Arc<str> {
        let Self {
            target,
            handles,
            upcasts,
            ..
        } = self;
        json_digest(&json!({"target": target, "handles": handles, "upcasts": upcasts}))
    }

    /// An event of an older version as it is handled; `None` if it is handled as it is.
    pub(super) fn lifted(&self, event: &Value) -> Result<Option<Value>, Box<Failure>> {
        let kind = event["type"].as_str().unwrap_or_default();
        if !self.upcasts.has(kind) {
            return Ok(None);
        }
        let today = self.upcasts.version(kind);
        let version = data_version(&self.name, kind, event.get(DATA_VERSION), today)?;
        if version == today {
            return Ok(None);
        }
        let mut data = Arc::new(event["data"].clone());
        self.upcasts.lift(kind, version, &mut data)?;
        let mut lifted = event.clone();
        lifted["data"] = Arc::unwrap_or_clone(data);
        lifted[DATA_VERSION] = today.into();
        Ok(Some(lifted))
    }
}

impl HandlerDefinition {
    /// The key of the document that an event changes.
    pub(super) fn key_for(&self, event: &Value) -> Result<String, Box<Failure>> {
        let key = resolve(&self.key, &|name| (name == "event").then_some(event))?;
        match key {
            Value::String(key) => Ok(key),
            Value::Number(_) | Value::Bool(_) => Ok(key.to_string()),
            other => {
                let message = format!("{other} is not a valid key of a document, expected text");
                Err(Box::new(
                    Failure::new(code::VALIDATION_FAILED, message).field("/key"),
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{clock::Seed, domain::from_value, resilience::Retry};

    #[test]
    fn default_retry_delay_is_that_of_the_constant_preset() {
        let preset = Retry::preset("constant").unwrap();
        assert_eq!(retry_delay(), preset.delay(7, Seed(0)));
    }

    #[test]
    fn null_duration_is_refused_by_field() {
        for field in ["errorWindow", "retryDelay"] {
            let definition = json!({"name": "Balances", "handles": {}, field: null});
            let error = from_value::<ProjectionDefinition>(&definition).unwrap_err();
            assert_eq!(error.pointer, format!("/{field}"), "{error}");
        }
    }
}

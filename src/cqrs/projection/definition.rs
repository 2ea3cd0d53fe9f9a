use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    cqrs::document_change::{DocumentChange, check_references},
    domain::{CallName, Failure, Violation, code, duration_text, pointer_token, resolve},
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
}

/// How a projection handles events of one type.
#[derive(Clone, Debug, Deserialize)]
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
    /// If the name is not valid, no event is handled, a template refers to an unknown name, or there
    /// are changes although another service receives the events.
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

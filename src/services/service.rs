use std::time::Duration;

use async_trait::async_trait;

use super::{CodeDefinition, ServiceDefinition};
use crate::domain::{Call, Failure, FailureMode, Reply, code};

/// The operation that probes a service, unless it names another.
pub(super) const PROBE: &str = "health";

/// A failure about a field of the input.
pub(crate) fn refused(code: &str, field: &str, message: impl Into<String>) -> Box<Failure> {
    Box::new(Failure::new(code, message).field(field))
}

/// The result of a call.
pub type CallResult = Result<Reply, Box<Failure>>;

/// A service that can be called, real or played.
#[async_trait]
pub trait Service: Send + Sync {
    /// Its name in calls.
    fn name(&self) -> &str;

    /// Its definition, if it has one: the default of what follows.
    fn definition(&self) -> Option<&ServiceDefinition> {
        None
    }

    /// Its operations; `None`, the default without a definition, if any name is one.
    ///
    /// List them: a call of an operation that is not listed is then refused with the nearest name, in
    /// phrases and fixtures before anything runs. Without a list, a typo arrives in [`call`](Self::call),
    /// which may answer it like any other.
    fn operations(&self) -> Option<Vec<&str>> {
        let operations = self.definition()?.operations.as_ref()?;
        Some(operations.keys().map(String::as_str).collect())
    }

    /// Whether it has an operation.
    fn has_operation(&self, operation: &str) -> bool {
        match self.definition() {
            Some(definition) => definition.has_operation(operation),
            None => self
                .operations()
                .is_none_or(|operations| operations.contains(&operation)),
        }
    }

    /// How long an operation takes before it acts, on the virtual clock, unless scripted.
    ///
    /// Time that the service itself waits is added.
    fn latency(&self, operation: &str) -> Duration {
        self.definition()
            .map_or(Duration::ZERO, |definition| definition.latency(operation))
    }

    /// The operation that checks its health, called with `{}`: by default `health`, if it has one, which
    /// a service that lists no operations has.
    fn probe(&self) -> Option<&str> {
        match self.definition() {
            Some(definition) => definition.probe(),
            None => self.has_operation(PROBE).then_some(PROBE),
        }
    }

    /// The class whose bulkhead its calls share, such as `critical`.
    fn class(&self) -> Option<&str> {
        self.definition()?.class.as_deref()
    }

    /// The codes that it defines, beside the built-in ones; `None` if it can fail with any code.
    fn codes(&self) -> Option<Vec<(&str, &CodeDefinition)>> {
        let definition = self.definition()?;
        let bare = definition.operations.is_none() && definition.codes.is_empty();
        (!bare).then(|| {
            let codes = definition.codes.iter();
            codes.map(|(code, own)| (code.as_str(), own)).collect()
        })
    }

    /// Mode and retryability of one of its codes.
    fn classify(&self, code: &str) -> (FailureMode, bool) {
        self.codes()
            .and_then(|codes| {
                codes
                    .iter()
                    .find(|(own, _)| *own == code)
                    .map(|(_, definition)| definition.classify())
            })
            .unwrap_or_else(|| code::classify(code))
    }

    /// Performs a call.
    ///
    /// It must do so once per [`Key`](crate::domain::Key), however often it is called.
    ///
    /// # Errors
    ///
    /// The service's own failures.
    async fn call(&self, call: &Call) -> CallResult;
}

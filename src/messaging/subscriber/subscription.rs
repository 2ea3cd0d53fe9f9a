use std::{fmt, sync::Arc};

use crate::{
    domain::{CallName, JsonSchema},
    resilience::Retries,
};

/// A handler of events, and the events that it receives.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Its id, which is also the caller of the handler.
    pub id: Arc<str>,
    /// The event types.
    pub types: Vec<Arc<str>>,
    /// Called with each event as its input.
    pub handler: CallName,
    /// Selects events of those types; all if `None`.
    pub filter: Option<EventFilter>,
    /// How the handler is retried; by default like every call, else by the preset `subscriber`.
    pub retry: Option<Retries>,
}

/// Selects the events of a subscription.
#[derive(Clone)]
pub enum EventFilter {
    /// Events that match a schema.
    Schema(Arc<JsonSchema>),
    /// Events for which a call, with the event as its input, replies `true`.
    Call(CallName),
}

impl Subscription {
    /// A subscription of a handler to an event type; its id is the handler's name.
    pub fn new(kind: &str, handler: CallName) -> Self {
        Self {
            id: handler.as_str().into(),
            types: vec![kind.into()],
            handler,
            filter: None,
            retry: None,
        }
    }
}

impl fmt::Debug for EventFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schema(schema) => schema.fmt(f),
            Self::Call(call) => call.fmt(f),
        }
    }
}

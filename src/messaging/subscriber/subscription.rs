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
    /// What a dead letter means for the later events of its subject; by default nothing.
    pub on_dead_letter: Option<OnDeadLetter>,
    /// How often a dead letter is redriven; without limit if `None`.
    pub max_redrives: Option<u32>,
}

/// What a dead letter means for the later events of its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDeadLetter {
    /// They are handled, so that the letter comes after them once it is redriven.
    Continue,
    /// They wait until the letter is redriven and handled.
    HoldSubject,
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
            on_dead_letter: None,
            max_redrives: None,
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

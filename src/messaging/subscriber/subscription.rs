use std::{fmt, sync::Arc};

use crate::{
    domain::{CallName, JsonSchema},
    resilience::Retries,
};

/// Who wants which events, and what is done with them.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// What it is known by, and who calls the handler.
    pub id: Arc<str>,
    /// The types of events that it is for.
    pub types: Vec<Arc<str>>,
    /// What is called with each event as its input.
    pub handler: CallName,
    /// Which events of those types it wants; all, if there is none.
    pub filter: Option<Filter>,
    /// How a failed handler is called again: by the preset `subscriber`, unless said here or of
    /// calls in general.
    pub retry: Option<Retries>,
}

/// Tells the events that a subscription wants from others.
#[derive(Clone)]
pub enum Filter {
    /// It wants those that match a schema.
    Schema(Arc<JsonSchema>),
    /// It wants those that a call, with the event as its input, answers with `true`.
    Call(CallName),
}

impl Subscription {
    /// The subscription of a handler to a type of events, known by the handler's name.
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

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schema(schema) => schema.fmt(f),
            Self::Call(call) => call.fmt(f),
        }
    }
}

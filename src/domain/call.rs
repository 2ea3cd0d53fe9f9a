use std::sync::{Arc, LazyLock};

use serde::Serialize;
use serde_json::{Map, Value};

use super::{CallName, Key, SecurityContext, security};

/// One call to a service.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who calls what; shared by calls that are alike.
    pub head: Arc<CallHead>,
    /// The payload.
    pub input: Arc<Value>,
    /// The idempotency key, where the caller has one: the same for every
    /// execution, also for one after a crash.
    pub key: Option<Key>,
    /// Whether a breaker's fallback may stand in for the reply: for that of a forward step or of a
    /// request. For every other caller, a refused call is refused.
    pub accepts_fallback: bool,
}

/// Who calls what, and as part of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallHead {
    /// Who calls: [`ORCHESTRATOR`](Call::ORCHESTRATOR), [`SCENARIO`](Call::SCENARIO) or a service's
    /// name.
    pub caller: Arc<str>,
    /// The service and operation called.
    #[serde(rename = "call")]
    pub name: CallName,
    /// What the call is part of.
    #[serde(flatten)]
    pub context: Context,
}

impl Call {
    /// The caller of a workflow's steps and compensations.
    pub const ORCHESTRATOR: &str = "orchestrator";
    /// The caller while a command is handled.
    pub const COMMAND_HANDLER: &str = "command handler";
    /// The caller while events are projected.
    pub const PROJECTOR: &str = "projector";
    /// The caller that takes events to the outbox and to the bus.
    pub const PUBLISHER: &str = "publisher";
    /// The caller for direct calls of a scenario's step.
    pub const SCENARIO: &str = "scenario";

    /// A call by `caller`, without context or key.
    pub fn new(caller: &str, name: CallName, input: impl Into<Arc<Value>>) -> Self {
        Self {
            head: Arc::new(CallHead::new(caller, name)),
            input: input.into(),
            key: None,
            accepts_fallback: false,
        }
    }

    /// The same call, for whose reply a breaker's fallback may stand in.
    #[must_use]
    pub fn accepting_fallback(mut self) -> Self {
        self.accepts_fallback = true;
        self
    }

    /// The same call, made for somebody, if a context is given.
    #[must_use]
    pub fn on_behalf_of(mut self, security: Option<Arc<SecurityContext>>) -> Self {
        if security.is_some() {
            Arc::make_mut(&mut self.head).context.security = security;
        }
        self
    }

    /// Whether it undoes what another call did.
    pub fn is_undo(&self) -> bool {
        matches!(self.key, Some(Key::Undo(_)))
    }

    /// Who calls.
    pub fn caller(&self) -> &Arc<str> {
        &self.head.caller
    }

    /// The service and operation called.
    pub fn name(&self) -> &CallName {
        &self.head.name
    }

    /// What the call is part of.
    pub fn context(&self) -> &Context {
        &self.head.context
    }
}

impl CallHead {
    /// The head of calls by `caller` without context.
    pub fn new(caller: impl Into<Arc<str>>, name: CallName) -> Self {
        Self {
            caller: caller.into(),
            name,
            context: Context::default(),
        }
    }
}

/// What a call is part of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Context {
    /// The workflow's run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Arc<str>>,
    /// The workflow's step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<Arc<str>>,
    /// The W3C trace context that a caller over HTTP sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Arc<str>>,
    /// Who it is made for; events show the user and the session.
    #[serde(flatten, serialize_with = "security::shown")]
    pub security: Option<Arc<SecurityContext>>,
}

/// A service's reply.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The payload.
    pub value: Arc<Value>,
    /// Whether a breaker's fallback answered instead of the service.
    pub fallback_used: bool,
    /// Whether an execution before it may have had an effect that is not known.
    pub in_doubt: bool,
    /// How many executions the call had; 0 until the client has counted them.
    pub executions: u32,
}

impl Reply {
    /// A reply of the service itself.
    pub fn new(value: impl Into<Arc<Value>>) -> Self {
        Self {
            value: value.into(),
            fallback_used: false,
            in_doubt: false,
            executions: 0,
        }
    }

    /// An empty reply, `{}`.
    pub fn empty() -> Self {
        static EMPTY: LazyLock<Arc<Value>> = LazyLock::new(|| Arc::new(Value::Object(Map::new())));
        Self::new(Arc::clone(&EMPTY))
    }
}

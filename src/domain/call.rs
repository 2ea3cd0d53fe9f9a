use std::sync::Arc;

use serde_json::Value;

use super::{CallName, Key};

/// One call to a service, whoever makes it.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who calls: [`ORCHESTRATOR`](Self::ORCHESTRATOR), [`SCENARIO`](Self::SCENARIO) or a service's name.
    pub caller: Arc<str>,
    /// The service and operation called.
    pub name: CallName,
    /// What is sent.
    pub input: Arc<Value>,
    /// What the call is part of.
    pub context: Context,
    /// The idempotency key, where the caller has one: the same for every
    /// execution, and for a repetition after a crash.
    pub key: Option<Key>,
}

impl Call {
    /// The caller of a workflow's steps and compensations.
    pub const ORCHESTRATOR: &str = "orchestrator";
    /// The caller where a command is handled.
    pub const COMMAND_HANDLER: &str = "command handler";
    /// The caller where events are projected.
    pub const PROJECTOR: &str = "projector";
    /// The caller of what takes an event to its outbox and to the bus.
    pub const PUBLISHER: &str = "publisher";
    /// The caller where a scenario's step calls directly.
    pub const SCENARIO: &str = "scenario";

    /// A call by `caller`, without context or key.
    pub fn new(caller: &str, name: CallName, input: impl Into<Arc<Value>>) -> Self {
        Self {
            caller: caller.into(),
            name,
            input: input.into(),
            context: Context::default(),
            key: None,
        }
    }
}

/// What a call is part of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The workflow's run.
    pub run: Option<Arc<str>>,
    /// The workflow's step.
    pub step: Option<Arc<str>>,
}

/// A service's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// What was answered.
    pub value: Arc<Value>,
    /// Whether a breaker's declared fallback answered in the service's stead.
    pub fallback_used: bool,
    /// How many executions the call had; 0 until the client has counted them.
    pub executions: u32,
}

impl Reply {
    /// An answer of the service itself.
    pub fn new(value: impl Into<Arc<Value>>) -> Self {
        Self {
            value: value.into(),
            fallback_used: false,
            executions: 0,
        }
    }
}

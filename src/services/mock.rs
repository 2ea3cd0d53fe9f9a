use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{CallResult, Effects, Service, ServiceDefinition};
use crate::domain::{Call, Failure, Reply};

static EMPTY: LazyLock<Arc<Value>> = LazyLock::new(|| Arc::new(Value::Object(Map::new())));

/// A service that answers as its definition says, once per key.
#[derive(Debug)]
pub struct MockService {
    definition: Arc<ServiceDefinition>,
    effects: Effects,
}

impl MockService {
    /// A service with a definition.
    pub fn new(definition: impl Into<Arc<ServiceDefinition>>, effects: Effects) -> Self {
        Self {
            definition: definition.into(),
            effects,
        }
    }

    /// A service that answers `{}` to any operation immediately.
    pub fn bare(name: &str, effects: Effects) -> Self {
        let definition = ServiceDefinition {
            name: name.to_owned(),
            ..ServiceDefinition::default()
        };
        Self::new(definition, effects)
    }
}

impl MockService {
    fn failure(&self, code: &str, call: &Call) -> Failure {
        let (mode, retryable) = self.classify(code);
        let mut failure = Failure::new(code, format!("what it answers to {}", call.input));
        failure.mode = mode;
        failure.retryable = retryable;
        failure.at(call.name())
    }
}

#[async_trait]
impl Service for MockService {
    fn name(&self) -> &str {
        &self.definition.name
    }

    fn definition(&self) -> Option<&ServiceDefinition> {
        Some(&self.definition)
    }

    async fn call(&self, call: &Call) -> CallResult {
        let operation = self.definition.operation(call.name().operation());
        let answers = operation.map_or(&[][..], |operation| &operation.answers);
        let answer = answers.iter().find(|answer| answer.fits(&call.input));
        if let Some(code) = answer.and_then(|answer| answer.error.as_deref()) {
            return Err(Box::new(self.failure(code, call)));
        }
        let reply = answer
            .and_then(|answer| answer.reply.as_ref())
            .or_else(|| operation.and_then(|operation| operation.reply.as_ref()))
            .unwrap_or(&EMPTY);
        let reads_only = operation
            .and_then(|operation| operation.kind)
            .is_some_and(|kind| kind.reads_only());
        let reply = || Arc::clone(reply);
        Ok(Reply::new(if reads_only {
            reply()
        } else {
            self.effects.once(call, |_| Ok(reply()))?
        }))
    }
}

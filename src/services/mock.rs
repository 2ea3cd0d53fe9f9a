use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{CallResult, Effects, Service, ServiceDefinition};
use crate::domain::{Call, Reply};

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
        let reply = operation
            .and_then(|operation| operation.reply.as_ref())
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

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{
    aggregate::ALREADY_EXISTS,
    changing::{ALIAS, input},
    configurations::Configurations,
};
use crate::{
    domain::{Call, Failure, FailureMode, Reply, code},
    services::{
        CallResult, CodeDefinition, EffectDecision, Effects, EntityOperation, MockService, Service,
        ServiceDefinition, undo_target,
    },
};

/// A service that keeps configurations as events. What it answers to other operations is played.
///
/// Its operations, by kind. A configuration is named by `id` or by `configurationId`. The reply to a change is
/// the new configuration, with its `version`.
///
/// | kind | effect and reply | fails with |
/// |---|---|---|
/// | `validate` | a configuration, or a stored one by its id alone: `{isValid: true, errors: [], id?}` | `VALIDATION_FAILED`, `INVALID_REFERENCE`, `CONFIGURATION_NOT_FOUND` |
/// | `create` | a missing id is generated | as `validate`, `CONFIGURATION_ALREADY_EXISTS` |
/// | `get` | the configuration, or null | |
/// | `list` | `{total, items}`, those whose fields match `filter` | |
/// | `update` | gives it these fields; `version` or `expectedVersion` is the one it is based on, `operation` its name in the log of conflicts; the reply has the `conflicts` that were resolved, if any | as `validate`, `CONCURRENT_MODIFICATION` |
/// | `restore` | a new version with the content of `version`, else of the previous one | as `validate` |
/// | `delete` | `{deleted, id, version}` | `REFERENTIAL_INTEGRITY_VIOLATION`, `CONFIGURATION_NOT_FOUND` |
///
/// Each is a command that is handled once per key. An undo reverts what was done under its key, with a new
/// version; it fails rather than lose a later change.
pub struct ConfigurationService {
    definition: Arc<ServiceDefinition>,
    /// Weak, as their client knows the service.
    configurations: Weak<Configurations>,
    played: MockService,
    effects: Effects,
    codes: [(&'static str, CodeDefinition); 1],
}

impl ConfigurationService {
    /// The service of configurations, which are used as long as they exist elsewhere.
    pub fn new(configurations: &Arc<Configurations>, effects: Effects) -> Self {
        let exists = CodeDefinition {
            mode: Some(FailureMode::AgentState),
            ..CodeDefinition::default()
        };
        Self {
            definition: Arc::clone(&configurations.service),
            configurations: Arc::downgrade(configurations),
            played: MockService::new(Arc::clone(&configurations.service), effects.clone()),
            effects,
            codes: [(ALREADY_EXISTS, exists)],
        }
    }

    /// What an operation does, if it is not played.
    fn kind_of(&self, operation: &str) -> Option<EntityOperation> {
        use EntityOperation as K;
        let kind = self.definition.operation(operation)?.kind?.entity?;
        let is_kept = matches!(
            kind,
            K::Validate | K::Create | K::Get | K::Update | K::Delete | K::List | K::Restore
        );
        is_kept.then_some(kind)
    }

    async fn answer(
        &self,
        configurations: &Configurations,
        kind: EntityOperation,
        call: &Call,
    ) -> Result<Arc<Value>, Box<Failure>> {
        use EntityOperation as K;
        match kind {
            K::Get => return configurations.get(&call.input).await.map(Arc::new),
            K::List => return configurations.list(&call.input).await.map(Arc::new),
            K::Validate => return configurations.validate(&call.input).await.map(Arc::new),
            _ => {}
        }
        // Asked before, since the effect takes more than one call; one that fails is none.
        let mut decided = None;
        let asked = self.effects.once(call, |decision| {
            decided = Some(decision);
            Err(Box::new(Failure::new(code::CANCELLED, "only asked")))
        });
        let Some(decision) = decided else {
            return asked;
        };
        let command = match &call.key {
            Some(key) => key.to_string().into(),
            None => configurations.next_command(),
        };
        let reply = match (decision, &call.key) {
            (EffectDecision::Nothing, _) => undone(&Map::new()),
            (EffectDecision::Undo, Some(key)) => {
                let target = undo_target(&call.input, ALIAS);
                let target = target.as_ref().unwrap_or(&call.input);
                let (_, id) = input(target)?.id()?;
                let undone_command = key.subject().to_string();
                match configurations.undo(&command, &undone_command, id).await? {
                    Some(reply) => undone(&reply),
                    None => change(configurations, kind, &command, target).await?,
                }
            }
            (EffectDecision::Undo | EffectDecision::Act, _) => {
                change(configurations, kind, &command, &call.input).await?
            }
        };
        self.effects
            .once(call, |_| Ok(Arc::new(Value::Object(reply))))
    }
}

async fn change(
    configurations: &Configurations,
    kind: EntityOperation,
    command: &Arc<str>,
    input: &Value,
) -> Result<Map<String, Value>, Box<Failure>> {
    match kind {
        EntityOperation::Create => configurations.create(command, input).await,
        EntityOperation::Delete => configurations.delete(command, input).await,
        EntityOperation::Restore => configurations.restore(command, input).await,
        _ => configurations.update(command, input).await,
    }
}

/// The reply of an undo: whether it reverted anything, of which configuration, and its version now.
fn undone(reverted: &Map<String, Value>) -> Map<String, Value> {
    let mut reply = Map::new();
    reply.insert("restored".to_owned(), (!reverted.is_empty()).into());
    for name in ["id", "version"] {
        if let Some(value) = reverted.get(name) {
            reply.insert(name.to_owned(), value.clone());
        }
    }
    reply
}

#[async_trait]
impl Service for ConfigurationService {
    fn name(&self) -> &str {
        &self.definition.name
    }

    fn definition(&self) -> Option<&ServiceDefinition> {
        Some(&self.definition)
    }

    fn codes(&self) -> Option<Vec<(&str, &CodeDefinition)>> {
        let own = self.codes.iter().map(|(code, own)| (*code, own));
        let defined = self.definition.codes.iter();
        Some(
            defined
                .map(|(code, own)| (code.as_str(), own))
                .chain(own)
                .collect(),
        )
    }

    async fn call(&self, call: &Call) -> CallResult {
        let Some(kind) = self.kind_of(call.name().operation()) else {
            return self.played.call(call).await;
        };
        let Some(configurations) = self.configurations.upgrade() else {
            let message = "its configurations are gone";
            let failure = Failure::new(code::SERVICE_UNAVAILABLE, message);
            return Err(Box::new(failure.at(call.name())));
        };
        let answered = self.answer(&configurations, kind, call).await;
        answered.map(Reply::new).map_err(|failure| {
            let mut failure = configurations.caused_by(call, failure);
            (failure.mode, failure.retryable) = match failure.causes.is_empty() {
                true => self.classify(&failure.code),
                false => (failure.mode, failure.retryable),
            };
            failure
        })
    }
}

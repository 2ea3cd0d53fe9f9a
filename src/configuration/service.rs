use std::sync::{Arc, Weak};

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{
    aggregate::ALREADY_EXISTS,
    configurations::{Configurations, command_text},
    definition::{ALIAS, input},
    lifecycle::ConfigurationStage,
    staging::stage_of,
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
/// | `get` | the configuration, or null; with `version`, at that version or a later one | `STALE_READ` |
/// | `list` | `{total, items}`, those whose fields match `filter` | |
/// | `update` | gives it these fields; `version` or `expectedVersion` is the one it is based on, `operation` its name in the log of conflicts; the reply has the `conflicts` that were resolved, if any | as `validate`, `CONCURRENT_MODIFICATION` |
/// | `restore` | a new version with the content of `version`, else of the previous one | as `validate` |
/// | `delete` | `{deleted, id, version}` | `REFERENTIAL_INTEGRITY_VIOLATION`, `CONFIGURATION_NOT_FOUND` |
///
/// Each is a command that is handled once per key. An undo reverts what was done under its key, with a new
/// version; it fails rather than lose a later change.
///
/// Operations without a kind do the following, if they have these names:
///
/// | name | effect and reply | fails with |
/// |---|---|---|
/// | `activateConfiguration` | from `creation` to `active_usage`, if `all_references_valid` and `configuration_complete` | `ILLEGAL_TRANSITION`, `GUARD_NOT_MET` |
/// | `markAsDeprecated` | to `deprecation`, with a `migrationPath` and a `sunsetDate`, if `migration_path_defined` and `sunset_date_valid` | the same |
/// | `archiveConfiguration` | to `archival`, if `deprecation_period_expired` and `no_active_usage` | the same |
/// | `getDependencyGraph` | `{nodes: [{id, dependencies, dependents}], circularReferences, integrity}` | |
/// | `detectInconsistencies` | `{isConsistent, findings: [{rule, kind, severity, message}]}` by the rules of its `consistency` | |
/// | `coordinateWorkflow` | runs the workflow `id`, or one of these `steps`, with `input` as `run`: its outcome | `INVALID_WORKFLOW`, `WORKFLOW_ALREADY_EXISTS` |
/// | `getWorkflowState` | the state of a `run`, or null | |
pub struct ConfigurationService {
    definition: Arc<ServiceDefinition>,
    /// Weak, as their client knows the service.
    configurations: Weak<Configurations>,
    played: MockService,
    effects: Effects,
    codes: [(&'static str, CodeDefinition); 1],
}

/// What an operation does.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Validate,
    Get,
    List,
    Graph,
    Inconsistencies,
    Coordinate,
    WorkflowState,
    Change(Change),
}

/// How an operation changes a configuration.
#[derive(Clone, Copy, Debug)]
enum Change {
    Create,
    Update,
    Restore,
    Delete,
    Stage(ConfigurationStage),
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
    fn operation(&self, name: &str) -> Option<Operation> {
        use EntityOperation as K;
        let Some(kind) = self.definition.operation(name)?.kind else {
            return match name {
                "coordinateWorkflow" => Some(Operation::Coordinate),
                "getWorkflowState" => Some(Operation::WorkflowState),
                "getDependencyGraph" => Some(Operation::Graph),
                "detectInconsistencies" => Some(Operation::Inconsistencies),
                name => stage_of(name).map(|stage| Operation::Change(Change::Stage(stage))),
            };
        };
        Some(match kind.entity? {
            K::Validate => Operation::Validate,
            K::Get => Operation::Get,
            K::List => Operation::List,
            K::Create => Operation::Change(Change::Create),
            K::Update => Operation::Change(Change::Update),
            K::Restore => Operation::Change(Change::Restore),
            K::Delete => Operation::Change(Change::Delete),
            K::Reserve | K::Release | K::Suggest | K::BatchValidate => return None,
        })
    }

    async fn answer(
        &self,
        configurations: &Configurations,
        operation: Operation,
        call: &Call,
    ) -> Result<Arc<Value>, Box<Failure>> {
        let input = &call.input;
        let read = match operation {
            Operation::Get => configurations.get(input).await,
            Operation::List => configurations.list(input).await,
            Operation::Validate => configurations.validate(input).await,
            Operation::Graph => configurations.graph().await,
            Operation::Inconsistencies => configurations.inconsistencies().await,
            Operation::WorkflowState => configurations.workflow_state(input),
            // What it does has keys of its own.
            Operation::Coordinate => configurations.coordinate(call).await,
            Operation::Change(change) => return self.change(configurations, change, call).await,
        };
        read.map(Arc::new)
    }

    async fn change(
        &self,
        configurations: &Configurations,
        change: Change,
        call: &Call,
    ) -> Result<Arc<Value>, Box<Failure>> {
        let decision = match self.effects.decide(call) {
            Ok(decision) => decision,
            Err(settled) => return settled,
        };
        let command = configurations.command_of(call.key.as_ref());
        let reply = match (decision, &call.key) {
            (EffectDecision::Nothing, _) => undone(&Map::new()),
            (EffectDecision::Undo, Some(key)) => {
                let target = undo_target(&call.input, ALIAS);
                let target = target.as_ref().unwrap_or(&call.input);
                let (_, id) = input(target)?.id()?;
                let undone_command = command_text(key.subject());
                match configurations.undo(&command, &undone_command, id).await? {
                    Some(reply) => undone(&reply),
                    None => change.of(configurations, &command, target).await?,
                }
            }
            (EffectDecision::Undo | EffectDecision::Act, _) => {
                change.of(configurations, &command, &call.input).await?
            }
        };
        let reply = self
            .effects
            .once(call, |_| Ok(Arc::new(Value::Object(reply))));
        configurations.note_done(call.key.as_ref());
        reply
    }
}

impl Change {
    async fn of(
        self,
        configurations: &Configurations,
        command: &Arc<str>,
        input: &Value,
    ) -> Result<Map<String, Value>, Box<Failure>> {
        match self {
            Self::Create => configurations.create(command, input).await,
            Self::Update => configurations.update(command, input).await,
            Self::Restore => configurations.restore(command, input).await,
            Self::Delete => configurations.delete(command, input).await,
            Self::Stage(stage) => configurations.change_stage(command, stage, input).await,
        }
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
        let Some(operation) = self.operation(call.name().operation()) else {
            return self.played.call(call).await;
        };
        let Some(configurations) = self.configurations.upgrade() else {
            let message = "its configurations are gone";
            let failure = Failure::new(code::SERVICE_UNAVAILABLE, message);
            return Err(Box::new(failure.at(call.name())));
        };
        let answered = self.answer(&configurations, operation, call).await;
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

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    conflict::Write,
    definition::ConfigurationRules,
    history::{History, MANAGED, Revision, document},
    lifecycle::Lifecycle,
};
use crate::{
    cqrs::{Aggregate, Command, Decision, DomainEvent, unknown_event},
    domain::{Failure, code, from_value},
    resilience::Retry,
    services::refuse_faults,
};

/// The name of the aggregate.
pub(super) const CONFIGURATION: &str = "Configuration";

/// The name of the projection of all configurations, and of its read model.
pub(super) const CONFIGURATIONS: &str = "Configurations";

/// The code of a configuration that does not exist.
pub(super) const NOT_FOUND: &str = "CONFIGURATION_NOT_FOUND";
/// The code of a create whose id is taken.
pub(super) const ALREADY_EXISTS: &str = "CONFIGURATION_ALREADY_EXISTS";

/// How many commands at once are decided, whatever their order.
const MAX_CONCURRENT: u32 = 1_000;

const CREATED: &str = "ConfigurationCreated";
const UPDATED: &str = "ConfigurationUpdated";
const ROLLED_BACK: &str = "ConfigurationRolledBack";
const STAGE_CHANGED: &str = "ConfigurationStageChanged";
const DELETED: &str = "ConfigurationDeleted";
const EVENTS: [&str; 5] = [CREATED, UPDATED, ROLLED_BACK, STAGE_CHANGED, DELETED];

/// The commands of a configuration; in payloads, without the type.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(super) enum ConfigurationCommand {
    #[serde(rename = "createConfiguration")]
    Create { fields: Map<String, Value> },
    #[serde(rename = "updateConfiguration")]
    Update {
        /// The version that it is based on; by default the current one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base: Option<u64>,
        /// Its name in the log of conflicts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operation: Option<Arc<str>>,
        fields: Map<String, Value>,
    },
    #[serde(rename = "rollbackConfiguration")]
    Rollback {
        /// The version whose content is restored; by default that before the current one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<u64>,
    },
    /// Reverts what another command did, unless a later change would be lost.
    #[serde(rename = "undoConfiguration")]
    Undo { command: Arc<str> },
    /// Its guards are checked by who sends it.
    #[serde(rename = "changeConfigurationStage")]
    ChangeStage { lifecycle: Lifecycle },
    #[serde(rename = "deleteConfiguration")]
    Delete {},
}

impl ConfigurationCommand {
    const TYPES: [&str; 6] = [
        "createConfiguration",
        "updateConfiguration",
        "rollbackConfiguration",
        "undoConfiguration",
        "changeConfigurationStage",
        "deleteConfiguration",
    ];

    /// The type and the payload.
    pub fn into_parts(self) -> (Arc<str>, Value) {
        // Only text, numbers and maps with text keys, so serialising cannot fail.
        let mut payload = serde_json::to_value(self).unwrap_or_default();
        let kind = payload
            .as_object_mut()
            .and_then(|fields| fields.shift_remove("type"));
        let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
        (kind.into(), payload)
    }

    fn read(command: &Command) -> Result<Self, Box<Failure>> {
        let mut fields = Map::new();
        fields.insert("type".to_owned(), (*command.kind).into());
        if let Some(payload) = command.payload.as_object() {
            fields.extend(payload.clone());
        }
        from_value(&Value::Object(fields)).map_err(|error| error.failure(code::VALIDATION_FAILED))
    }
}

/// A configuration: it decides commands by its rules, and its state is its [`History`].
#[derive(Debug)]
pub(super) struct ConfigurationAggregate {
    pub rules: ConfigurationRules,
}

impl ConfigurationAggregate {
    fn create(
        &self,
        id: &str,
        history: &History,
        fields: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Box<Failure>> {
        if history.current().is_some() {
            let message = format!("configuration {id:?} exists already");
            return Err(Box::new(Failure::new(ALREADY_EXISTS, message).field("id")));
        }
        let created = document(id, fields, None, history.version() + 1);
        refuse_faults(self.rules.faults(&created))?;
        Ok(created)
    }

    fn update(
        &self,
        history: &History,
        base: Option<u64>,
        own: Write<'_>,
        id: &str,
    ) -> Result<Revision, Box<Failure>> {
        let before = current(id, history)?;
        let version = history.version();
        let base = base.unwrap_or(version);
        let conflict = |other: Option<&str>| {
            let with = other.map_or_else(String::new, |other| {
                format!(": {} conflicts with {other}", own.operation)
            });
            let message = format!("configuration {id:?} is at version {version}, not {base}{with}");
            let failure = Failure::new(code::CONCURRENT_MODIFICATION, message);
            Box::new(failure.field("version"))
        };
        let based_on = history.at(base).ok_or_else(|| conflict(None))?;
        let others = history.writes_after(base);
        let others = others.ok_or_else(|| conflict(Some("its deletion")))?;
        let (set, conflicts) = match others.first() {
            None => (own.fields.clone(), Vec::new()),
            Some(first) => {
                let resolved = self.rules.conflicts.resolve(based_on, &others, own);
                let resolved = resolved.map_err(|fault| fault.failure(code::VALIDATION_FAILED))?;
                let resolved = resolved.ok_or_else(|| conflict(Some(first.operation)))?;
                (resolved.fields, resolved.conflicts)
            }
        };
        let mut fields = before.clone();
        fields.extend(set);
        let lifecycle = Lifecycle::of(before);
        let updated = document(id, &fields, lifecycle.as_ref(), version + 1);
        refuse_faults(self.rules.faults(&updated))?;
        Ok(Revision {
            command: Arc::clone(own.operation),
            operation: Arc::clone(own.operation),
            wrote: own.fields.clone(),
            configuration: Some(updated),
            conflicts,
        })
    }

    /// The content to restore, and whether the configuration is to be deleted instead.
    fn undo(
        id: &str,
        history: &History,
        undone: &str,
    ) -> Result<Option<Map<String, Value>>, Box<Failure>> {
        let Some((version, _)) = history.of_command(undone) else {
            let message = format!("no command {undone:?} has changed configuration {id:?}");
            let failure = Failure::new(code::VALIDATION_FAILED, message);
            return Err(Box::new(failure.field("command")));
        };
        let before = history.at(version - 1);
        if before.is_some() && version != history.version() {
            let message = format!(
                "configuration {id:?} has been changed since and is at version {}",
                history.version()
            );
            let failure = Failure::new(code::CONCURRENT_MODIFICATION, message);
            return Err(Box::new(failure.field("version")));
        }
        Ok(before.cloned())
    }
}

impl Aggregate for ConfigurationAggregate {
    fn name(&self) -> &str {
        CONFIGURATION
    }

    fn commands(&self) -> Vec<&str> {
        ConfigurationCommand::TYPES.to_vec()
    }

    fn events(&self) -> Option<Vec<&str>> {
        Some(EVENTS.to_vec())
    }

    /// Immediately and often: concurrent updates are resolved by the policy, however many there are.
    fn decided_anew(&self) -> Option<Retry> {
        Some(Retry {
            base: Duration::ZERO,
            ..Retry::up_to(MAX_CONCURRENT)
        })
    }

    fn initial(&self) -> Arc<Value> {
        Arc::new(json!({ "revisions": [] }))
    }

    fn decide(&self, state: &Arc<Value>, command: &Command) -> Decision {
        use ConfigurationCommand as C;
        let history = History::read(state, &[])?;
        let id = &*command.aggregate_id;
        let next = history.version() + 1;
        let revision = |wrote: Map<String, Value>, configuration| Revision {
            command: Arc::clone(&command.id),
            operation: Arc::clone(&command.id),
            wrote,
            configuration,
            conflicts: Vec::new(),
        };
        let restored = |content: &Map<String, Value>, lifecycle: Option<&Lifecycle>| {
            let restored = document(id, content, lifecycle, next);
            revision(changed(history.current(), &restored), Some(restored))
        };
        let (kind, revision) = match C::read(command)? {
            C::Create { fields } => {
                let created = self.create(id, &history, &fields)?;
                (CREATED, revision(fields, Some(created)))
            }
            C::Update {
                base,
                operation,
                fields,
            } => {
                let own = Write {
                    operation: operation.as_ref().unwrap_or(&command.id),
                    fields: &fields,
                };
                let mut updated = self.update(&history, base, own, id)?;
                updated.command = Arc::clone(&command.id);
                (UPDATED, updated)
            }
            C::Rollback { version } => {
                let before = current(id, &history)?;
                let version = version.unwrap_or(history.version() - 1);
                let content = history.at(version).ok_or_else(|| {
                    let message = format!("configuration {id:?} has no version {version}");
                    Box::new(Failure::new(code::VALIDATION_FAILED, message).field("version"))
                })?;
                (
                    ROLLED_BACK,
                    restored(content, Lifecycle::of(before).as_ref()),
                )
            }
            C::Undo { command } => match Self::undo(id, &history, &command)? {
                Some(content) => {
                    let lifecycle = Lifecycle::of(&content);
                    (ROLLED_BACK, restored(&content, lifecycle.as_ref()))
                }
                None if history.current().is_none() => return Ok(Vec::new()),
                None => (DELETED, revision(Map::new(), None)),
            },
            C::ChangeStage { lifecycle } => {
                let before = current(id, &history)?;
                Lifecycle::of(before)
                    .unwrap_or_default()
                    .check_next(lifecycle.stage)?;
                let changed = document(id, before, Some(&lifecycle), next);
                (STAGE_CHANGED, revision(Map::new(), Some(changed)))
            }
            C::Delete {} => {
                current(id, &history)?;
                (DELETED, revision(Map::new(), None))
            }
        };
        // Only text, numbers and maps with text keys, so serialising cannot fail.
        let data = serde_json::to_value(revision).unwrap_or_default();
        Ok(vec![DomainEvent::new(kind, data)])
    }

    fn apply(&self, state: &mut Arc<Value>, event: &DomainEvent) -> Result<(), Box<Failure>> {
        if !EVENTS.contains(&&*event.kind) {
            return Err(unknown_event(CONFIGURATION, &event.kind, EVENTS));
        }
        if let Some(Value::Array(revisions)) = Arc::make_mut(state).get_mut("revisions") {
            revisions.push(Value::clone(&event.data));
        }
        Ok(())
    }
}

/// # Errors
///
/// If the configuration does not exist.
fn current<'a>(id: &str, history: &'a History) -> Result<&'a Map<String, Value>, Box<Failure>> {
    history.current().ok_or_else(|| {
        let message = format!("configuration {id:?} does not exist");
        Box::new(Failure::new(NOT_FOUND, message).field("id"))
    })
}

/// The fields that differ; null for one that is gone.
fn changed(before: Option<&Map<String, Value>>, after: &Map<String, Value>) -> Map<String, Value> {
    let none = Map::new();
    let before = before.unwrap_or(&none);
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let gone = gone.map(|name| (name.clone(), Value::Null));
    let differ = after
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(*value));
    let differ = differ.map(|(name, value)| (name.clone(), value.clone()));
    differ
        .chain(gone)
        .filter(|(name, _)| !MANAGED.contains(&name.as_str()))
        .collect()
}

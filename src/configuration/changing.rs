//! Operations that change configurations: create, update, restore, delete, and the undo of each.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    aggregate::ConfigurationCommand,
    configurations::Configurations,
    definition::input,
    history::{MANAGED, Revision},
};
use crate::{
    cqrs::{Command, CommandMetadata},
    domain::{Failure, code},
    observability::{ConsistencyEvent, EventKind},
    services::{BASES, refuse_faults, slug},
};

/// The field of an update that names it in the log of conflicts.
const OPERATION: &str = "operation";

type Changed = Result<Map<String, Value>, Box<Failure>>;

impl Configurations {
    pub async fn create(&self, command: &Arc<str>, value: &Value) -> Changed {
        let input = input(value)?;
        let id: Arc<str> = match input.text("id")? {
            Some(id) => id.into(),
            // No two commands have the same id.
            None => slug(&format!("configuration {command}")).into(),
        };
        let draft = Self::draft(&id, input.fields());
        refuse_faults(self.faults(&id, &draft).await?)?;
        let mut fields = input.fields().clone();
        fields.retain(|name, _| !MANAGED.contains(&name.as_str()));
        let create = ConfigurationCommand::Create { fields };
        self.handle(command, &id, create).await
    }

    /// Gives it the fields of the input; the reply has the `conflicts` that were resolved, if any.
    pub async fn update(&self, command: &Arc<str>, value: &Value) -> Changed {
        let input = input(value)?;
        let (alias, id) = input.id()?;
        let mut base = None;
        for field in BASES {
            base = input.number(field)?.or(base);
        }
        let operation = input.text(OPERATION)?.map(Arc::from);
        let mut fields = input.fields().clone();
        let is_own = |name: &str| {
            name == alias || name == OPERATION || BASES.contains(&name) || MANAGED.contains(&name)
        };
        fields.retain(|name, _| !is_own(name));
        refuse_faults(self.dangling(id, &fields).await?)?;
        let name = operation.as_ref().unwrap_or(command).clone();
        let names = fields.keys().cloned().collect();
        let update = ConfigurationCommand::Update {
            base,
            operation,
            fields,
        };
        let updated = self.handle(command, id, update).await;
        if let Err(failure) = &updated
            && *failure.code == *code::CONCURRENT_MODIFICATION
        {
            self.record(ConsistencyEvent::UpdateRejected {
                configuration: id.into(),
                operation: name,
                reason: "conflict_with_earlier_operation",
                fields: names,
                version: self.history(id).await?.version(),
            });
        }
        updated
    }

    pub async fn restore(&self, command: &Arc<str>, value: &Value) -> Changed {
        let input = input(value)?;
        let (_, id) = input.id()?;
        let version = input.number("version")?;
        let rollback = ConfigurationCommand::Rollback { version };
        self.handle(command, id, rollback).await
    }

    pub async fn delete(&self, command: &Arc<str>, value: &Value) -> Changed {
        let (_, id) = input(value)?.id()?;
        self.refuse_dependents(id).await?;
        self.handle(command, id, ConfigurationCommand::Delete {})
            .await
    }

    /// Reverts what a command did to a configuration; `None` if it did nothing to it.
    pub async fn undo(
        &self,
        command: &Arc<str>,
        undone: &str,
        id: &str,
    ) -> Result<Option<Map<String, Value>>, Box<Failure>> {
        let history = self.history(id).await?;
        let Some((version, _)) = history.of_command(undone) else {
            return Ok(None);
        };
        if history.at(version - 1).is_none() {
            self.refuse_dependents(id).await?;
        }
        let undo = ConfigurationCommand::Undo {
            command: undone.into(),
        };
        self.handle(command, id, undo).await.map(Some)
    }

    /// Handles a command, and returns what the configuration is by it.
    pub(super) async fn handle(
        &self,
        id: &Arc<str>,
        of: &str,
        command: ConfigurationCommand,
    ) -> Changed {
        let (kind, payload) = command.into_parts();
        let command = Command {
            id: Arc::clone(id),
            kind,
            aggregate_id: of.into(),
            payload: Arc::new(payload),
            metadata: CommandMetadata::default(),
        };
        let result = match self.commands.handle(&command).await {
            Ok(result) => result,
            Err(failure) => return Err(self.with_hint(failure, of).await),
        };
        let history = self.history(of).await?;
        let Some((_, revision)) = history.of_command(id) else {
            return Ok(deletion(of, result.version));
        };
        self.record_conflicts(of, revision);
        match &revision.configuration {
            None => Ok(deletion(of, result.version)),
            Some(configuration) => {
                let mut reply = configuration.clone();
                if !revision.conflicts.is_empty() {
                    reply.insert("conflicts".to_owned(), json!(revision.conflicts));
                }
                Ok(reply)
            }
        }
    }

    fn record_conflicts(&self, configuration: &str, revision: &Revision) {
        for conflict in &revision.conflicts {
            self.record(ConsistencyEvent::ConflictResolved {
                configuration: configuration.into(),
                conflict: conflict.clone(),
            });
        }
    }

    pub(super) fn record(&self, event: ConsistencyEvent) {
        let event = EventKind::Consistency(Box::new(event));
        self.client.timeline().record(event);
    }
}

fn deletion(id: &str, version: u64) -> Map<String, Value> {
    let mut reply = Map::new();
    reply.insert("deleted".to_owned(), true.into());
    reply.insert("id".to_owned(), id.into());
    reply.insert("version".to_owned(), version.into());
    reply
}

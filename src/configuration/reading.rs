//! Operations that only read configurations: get, list, validate.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    aggregate::NOT_FOUND,
    configurations::Configurations,
    consistency::Consistency,
    definition::{ReadLevel, input},
    history::History,
};
use crate::{
    clock::Clock,
    domain::{Failure, code, format_duration},
    services::{refuse_faults, wrong_type},
};

type Answered = Result<Value, Box<Failure>>;

impl Configurations {
    /// The configuration, or null; it may be wanted at a version or a later one.
    pub async fn get(&self, value: &Value) -> Answered {
        let input = input(value)?;
        let (_, id) = input.id()?;
        let wanted = input.number("version")?;
        let found = match self.rules.reads {
            ReadLevel::Strong => current(&self.history(id).await?),
            ReadLevel::Eventual | ReadLevel::Weak => self.read(id).await?,
        };
        let version = found.get("version").and_then(Value::as_u64).unwrap_or(0);
        if self.rules.reads == ReadLevel::Eventual {
            self.refuse_old(id, version).await?;
        }
        match wanted {
            Some(wanted) if version < wanted => Err(stale(format!(
                "configuration {id:?} is read at version {version}, expected at least {wanted}"
            ))),
            _ => Ok(found),
        }
    }

    /// Refuses a version that a later one has replaced for too long.
    async fn refuse_old(&self, id: &str, version: u64) -> Result<(), Box<Failure>> {
        let history = self.history(id).await?;
        let is_gone = version == 0 && history.current().is_none();
        let Some(replaced) = history.time_of(version + 1).filter(|_| !is_gone) else {
            return Ok(());
        };
        let now = Clock::instant(self.client.timeline().now());
        let behind = (now - replaced).to_std().unwrap_or_default();
        if behind <= self.rules.staleness {
            return Ok(());
        }
        let (behind, bound) = (
            format_duration(behind),
            format_duration(self.rules.staleness),
        );
        Err(stale(format!(
            "configuration {id:?} is read at version {version}, which is {behind} behind, expected {bound} at most"
        )))
    }

    pub async fn list(&self, value: &Value) -> Answered {
        let none = Map::new();
        let filter = match input(value)?.get("filter") {
            None => &none,
            Some(Value::Object(filter)) => filter,
            Some(other) => return Err(wrong_type("filter", "an object of fields", other)),
        };
        if self.rules.reads == ReadLevel::Strong {
            self.projector.caught_up().await;
        }
        let all = self.read_all().await?;
        let has = |item: &Value| {
            filter
                .iter()
                .all(|(name, value)| item.get(name) == Some(value))
        };
        let items: Vec<Value> = all.into_iter().map(|(_, item)| item).filter(has).collect();
        Ok(json!({ "total": items.len(), "items": items }))
    }

    /// Fails if a create with this input would, or, of an id alone, if the configuration is not valid as it is.
    pub async fn validate(&self, value: &Value) -> Answered {
        let input = input(value)?;
        let (id, draft) = if input.is_only_an_id() {
            let (_, id) = input.id()?;
            let history = self.history(id).await?;
            let Some(current) = history.current() else {
                let message = format!("configuration {id:?} does not exist");
                let failure = Box::new(Failure::new(NOT_FOUND, message).field("id"));
                return Err(self.with_hint(failure, id).await);
            };
            (Some(id), current.clone())
        } else {
            let id = input.text("id")?;
            (id, Self::draft(id.unwrap_or_default(), input.fields()))
        };
        refuse_faults(self.faults(id.unwrap_or_default(), &draft).await?)?;
        let mut reply = json!({ "isValid": true, "errors": [] });
        if let Some(id) = id {
            reply["id"] = id.into();
        }
        Ok(reply)
    }
}

impl Configurations {
    /// What is found against the rules that the services must keep.
    pub async fn inconsistencies(&self) -> Answered {
        let Some(rules) = &self.rules.consistency else {
            let message = "nothing is declared that the services must agree on: \"consistency\"";
            let failure = Failure::new(code::VALIDATION_FAILED, message);
            return Err(Box::new(failure));
        };
        let checked = Consistency::new(Arc::clone(rules), Arc::clone(&self.client));
        let checked = checked.map_err(|fault| fault.failure(code::VALIDATION_FAILED))?;
        let findings = checked.check().await;
        Ok(json!({ "isConsistent": findings.is_empty(), "findings": findings }))
    }
}

fn stale(message: String) -> Box<Failure> {
    Box::new(Failure::new(code::STALE_READ, message).field("version"))
}

fn current(history: &History) -> Value {
    let current = history.current();
    current.map_or(Value::Null, |current| Value::Object(current.clone()))
}

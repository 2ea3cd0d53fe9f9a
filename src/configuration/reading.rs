//! Operations that only read configurations: get, list, validate.

use serde_json::{Map, Value, json};

use super::{
    aggregate::NOT_FOUND, changing::input, configurations::Configurations, history::History,
};
use crate::{
    domain::Failure,
    services::{refuse_faults, wrong_type},
};

type Answered = Result<Value, Box<Failure>>;

impl Configurations {
    /// The configuration, or null.
    pub async fn get(&self, value: &Value) -> Answered {
        let (_, id) = input(value)?.id()?;
        Ok(current(&self.history(id).await?))
    }

    pub async fn list(&self, value: &Value) -> Answered {
        let none = Map::new();
        let filter = match input(value)?.get("filter") {
            None => &none,
            Some(Value::Object(filter)) => filter,
            Some(other) => return Err(wrong_type("filter", "an object of fields", other)),
        };
        self.projector.caught_up().await;
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

fn current(history: &History) -> Value {
    let current = history.current();
    current.map_or(Value::Null, |current| Value::Object(current.clone()))
}

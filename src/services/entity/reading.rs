//! Operations that only read entities: validate, batchValidate, get, list, suggest.

use std::{cmp::Reverse, sync::Arc};

use serde_json::{Map, Value, json};

use super::{
    input::{Input, refuse_faults, wrong_type},
    store::{EntityType, Store},
};
use crate::domain::Failure;

type Answered = Result<Arc<Value>, Box<Failure>>;

/// The default minimum similarity of a suggestion.
const MIN_SIMILARITY: f64 = 0.8;
/// The default maximum number of suggestions.
const MAX_SUGGESTIONS: u64 = 3;

impl Store {
    /// Fails if a create or update with this input would, so that a workflow stops there.
    pub fn validate(&mut self, owner: &EntityType, input: Input<'_>, now: &str) -> Answered {
        let (id, version, faults) = if input.is_only_an_id() {
            let (field, id) = input.id()?;
            let current = self.entity(owner, field, id)?.current.clone();
            let faults = self.faults(owner, current.fields());
            (Arc::from(id), Some(current.version), faults)
        } else {
            let (id, draft) = self.draft(owner, input, now)?;
            let stored = self.table(owner).entities.get(&id);
            let version = stored.map(|entity| entity.current.version);
            (id, version, self.faults(owner, draft.fields()))
        };
        refuse_faults(faults)?;
        let mut reply = verdict(&[]);
        if version.is_some() || input.get("id").is_some() {
            reply.insert("id".to_owned(), (*id).into());
        }
        if let Some(version) = version {
            reply.insert("version".to_owned(), version.into());
        }
        Ok(Arc::new(Value::Object(reply)))
    }

    /// Reports what is wrong with each item, an entity or an id; only a malformed input fails.
    pub fn batch_validate(&mut self, owner: &EntityType, input: Input<'_>, now: &str) -> Answered {
        let items = match input.get("items") {
            Some(Value::Array(items)) => items,
            other => {
                let expected = "a list of entities or ids";
                return Err(wrong_type("items", expected, other.unwrap_or(&Value::Null)));
            }
        };
        let mut all_valid = true;
        let mut results = Vec::new();
        for item in items {
            let (id, faults) = self.judge(owner, item, now);
            all_valid &= faults.is_empty();
            let mut result = verdict(&faults);
            if let Some(id) = id {
                result.insert("id".to_owned(), id.into());
            }
            results.push(Value::Object(result));
        }
        Ok(Arc::new(json!({"isValid": all_valid, "results": results})))
    }

    /// The id that an item gives, and what is wrong with it.
    fn judge(
        &mut self,
        owner: &EntityType,
        item: &Value,
        now: &str,
    ) -> (Option<String>, Vec<Value>) {
        let wrapped;
        let item = match item {
            Value::String(id) => {
                wrapped = json!({ "id": id });
                &wrapped
            }
            item => item,
        };
        let read = Input::new(item, &owner.model.alias);
        let id = read
            .as_ref()
            .ok()
            .and_then(|input| Some(input.id().ok()?.1.to_owned()));
        let verdict = read.and_then(|input| self.validate(owner, input, now));
        let faults = match verdict {
            Ok(_) => Vec::new(),
            Err(failure) if failure.causes.is_empty() => vec![finding(&failure)],
            Err(failure) => failure.causes.iter().map(finding).collect(),
        };
        (id, faults)
    }

    /// The entity, or null.
    pub fn get(&mut self, owner: &EntityType, input: Input<'_>) -> Answered {
        let (_, id) = input.id()?;
        let found = self.table(owner).entities.get(id);
        Ok(found.map_or_else(
            || Arc::new(Value::Null),
            |entity| Arc::clone(&entity.current.content),
        ))
    }

    pub fn list(&mut self, owner: &EntityType, input: Input<'_>) -> Answered {
        let none = Map::new();
        let filter = match input.get("filter") {
            None => &none,
            Some(Value::Object(filter)) => filter,
            Some(other) => return Err(wrong_type("filter", "an object of fields", other)),
        };
        let entities = self.table(owner).entities.values();
        let items: Vec<Value> = entities
            .map(|entity| &*entity.current.content)
            .filter(|content| {
                let has = |(name, value): (&String, &Value)| content.get(name) == Some(value);
                filter.iter().all(has)
            })
            .cloned()
            .collect();
        Ok(Arc::new(json!({"total": items.len(), "items": items})))
    }

    /// Entities whose id or name is similar to the given one, best first.
    pub fn suggest(&mut self, owner: &EntityType, input: Input<'_>) -> Answered {
        let id = input
            .id_field()
            .map(|field| input.text(field))
            .transpose()?
            .flatten();
        let wanted = [id, input.text("name")?];
        let least = match input.get("similarityThreshold") {
            None => MIN_SIMILARITY,
            Some(value) => value
                .as_f64()
                .filter(|least| (0.0..=1.0).contains(least))
                .ok_or_else(|| wrong_type("similarityThreshold", "a number from 0 to 1", value))?,
        };
        let most = input.number("max")?.unwrap_or(MAX_SUGGESTIONS);
        if wanted == [None, None] {
            input.id()?;
        }
        let mut found = Vec::new();
        for (own, entity) in &self.table(owner).entities {
            let name = entity.current.fields().get("name").and_then(Value::as_str);
            let similarity = percent(&wanted, &[Some(&**own), name]);
            if f64::from(similarity) >= least * 100.0 && id != Some(&**own) {
                found.push((similarity, own, name));
            }
        }
        // A stable sort: among equals, the older comes first.
        found.sort_by_key(|(similarity, ..)| Reverse(*similarity));
        let suggestions: Vec<Value> = found
            .into_iter()
            .take(usize::try_from(most).unwrap_or(usize::MAX))
            .map(|(similarity, id, name)| {
                json!({
                    "id": &**id,
                    "name": name,
                    "similarity": f64::from(similarity) / 100.0,
                })
            })
            .collect();
        Ok(Arc::new(json!({ "suggestions": suggestions })))
    }
}

fn verdict(faults: &[Value]) -> Map<String, Value> {
    let mut verdict = Map::new();
    verdict.insert("isValid".to_owned(), faults.is_empty().into());
    verdict.insert("errors".to_owned(), faults.into());
    verdict
}

fn finding(failure: &Failure) -> Value {
    json!({
        "field": failure.field,
        "message": failure.message,
        "code": &*failure.code,
    })
}

/// The similarity of the two most similar texts, in percent.
fn percent(wanted: &[Option<&str>], own: &[Option<&str>]) -> u8 {
    let mut best = 0.0_f64;
    for wanted in wanted.iter().flatten() {
        for own in own.iter().flatten() {
            let like = strsim::jaro_winkler(&wanted.to_lowercase(), &own.to_lowercase());
            best = best.max(like);
        }
    }
    // Between 0 and 100, so the cast is exact.
    (best * 100.0).round() as u8
}

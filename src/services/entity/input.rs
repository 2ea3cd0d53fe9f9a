use serde_json::{Map, Value};

use super::fault::refuse;
use crate::domain::{Failure, code};

/// The versions that an update may be based on, by the field that says so.
pub(super) const BASES: [&str; 2] = ["version", "expectedVersion"];

/// What a call sends, as an operation on an entity reads it.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    fields: &'a Map<String, Value>,
    /// The field by which others name the entity, such as `agentId`.
    alias: &'a str,
}

impl<'a> Input<'a> {
    /// # Errors
    ///
    /// If it is no object.
    pub fn new(value: &'a Value, alias: &'a str) -> Result<Self, Box<Failure>> {
        let fields = value.as_object().ok_or_else(|| {
            let message = format!("expected an object, found {}", kind_of(value));
            refuse(code::VALIDATION_FAILED, "", message)
        })?;
        Ok(Self { fields, alias })
    }

    pub fn fields(self) -> &'a Map<String, Value> {
        self.fields
    }

    pub fn get(self, name: &str) -> Option<&'a Value> {
        self.fields.get(name)
    }

    /// Whether it only names an entity.
    pub fn is_only_an_id(self) -> bool {
        self.fields.len() == 1 && self.id_field().is_some()
    }

    /// The field that names the entity: `id`, else the one by which others do.
    pub fn id_field(self) -> Option<&'a str> {
        ["id", self.alias]
            .into_iter()
            .find(|field| self.fields.contains_key(*field))
    }

    /// The id of the entity that is spoken of, and the field it stands in.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn id(self) -> Result<(&'a str, &'a str), Box<Failure>> {
        match self.id_field() {
            None => Err(refuse(code::VALIDATION_FAILED, "id", "no id is given")),
            Some(field) => Ok((field, self.text(field)?.unwrap_or_default())),
        }
    }

    /// A text that is not empty, if the field is there.
    ///
    /// # Errors
    ///
    /// If it is anything else.
    pub fn text(self, field: &str) -> Result<Option<&'a str>, Box<Failure>> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(other) => Err(unfit(field, "a text that is not empty", other)),
        }
    }

    /// A whole number that is not negative, if the field is there.
    ///
    /// # Errors
    ///
    /// If it is anything else.
    pub fn number(self, field: &str) -> Result<Option<u64>, Box<Failure>> {
        match self.get(field) {
            None => Ok(None),
            Some(value) => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| unfit(field, "a whole number from 0 on", value)),
        }
    }
}

/// Refuses a field whose value is of the wrong kind.
pub(super) fn unfit(field: &str, expected: &str, found: &Value) -> Box<Failure> {
    let message = format!("expected {expected}, found {}", kind_of(found));
    refuse(code::VALIDATION_FAILED, field, message)
}

/// A value's kind, as messages say what was found.
pub(super) fn kind_of(value: &Value) -> String {
    let kind = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => return value.to_string(),
        Value::String(text) if text.is_empty() => "an empty text",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    kind.to_owned()
}

/// What the input of a recovery, `{ "input", "error" }`, asks for: what was sent before.
///
/// After a conflict it is asked of what is there now, whatever version it was based on. Any other
/// input stands for itself.
pub(super) fn asked_again(input: &Value) -> Option<Value> {
    let fields = input.as_object().filter(|fields| fields.len() == 2)?;
    let code = fields.get("error")?.get("code")?;
    let mut asked = fields.get("input")?.as_object()?.clone();
    if code == code::CONCURRENT_MODIFICATION {
        asked.retain(|name, _| !BASES.contains(&name.as_str()));
    }
    Some(Value::Object(asked))
}

/// The ids of an entity of ours that the input of an undo, `{ "input", "reply" }`, speaks of.
///
/// As the deed was another service's, its reply names our entity by the field that others use
/// first, and its own `id` only for want of that. Any other input stands for itself.
pub(super) fn spoken_of(input: &Value, alias: &str) -> Option<Value> {
    let fields = input.as_object()?;
    let (asked, reply) = (fields.get("input")?, fields.get("reply")?);
    if fields.len() != 2 {
        return None;
    }
    let find = |name: &str| {
        let found = [reply, asked].into_iter().find_map(|part| part.get(name));
        found.filter(|value| !value.is_null()).cloned()
    };
    let mut ids = Map::new();
    if let Some(id) = find(alias).or_else(|| find("id")) {
        ids.insert("id".to_owned(), id);
    }
    if let Some(id) = find("reservationId") {
        ids.insert("reservationId".to_owned(), id);
    }
    Some(Value::Object(ids))
}

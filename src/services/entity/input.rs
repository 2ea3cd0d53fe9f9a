use serde_json::{Map, Value};

use crate::{
    domain::{Failure, code},
    services::refused,
};

/// The fields with the version that an update is based on.
pub const BASES: [&str; 2] = ["version", "expectedVersion"];

/// The input of an operation on an entity.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    fields: &'a Map<String, Value>,
    /// The field by which other entities refer to it, such as `agentId`.
    alias: &'a str,
}

impl<'a> Input<'a> {
    /// # Errors
    ///
    /// If it is not an object.
    pub fn new(value: &'a Value, alias: &'a str) -> Result<Self, Box<Failure>> {
        let fields = value.as_object().ok_or_else(|| {
            let message = format!("expected an object, found {}", kind_of(value));
            refused(code::VALIDATION_FAILED, "", message)
        })?;
        Ok(Self { fields, alias })
    }

    pub fn fields(self) -> &'a Map<String, Value> {
        self.fields
    }

    pub fn get(self, name: &str) -> Option<&'a Value> {
        self.fields.get(name)
    }

    /// Whether it only has an id.
    pub fn is_only_an_id(self) -> bool {
        self.fields.len() == 1 && self.id_field().is_some()
    }

    /// The field with the id: `id`, else the one by which others refer to the entity.
    pub fn id_field(self) -> Option<&'a str> {
        ["id", self.alias]
            .into_iter()
            .find(|field| self.fields.contains_key(*field))
    }

    /// The field with the id of the entity, and the id.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn id(self) -> Result<(&'a str, &'a str), Box<Failure>> {
        match self.id_field() {
            None => Err(refused(code::VALIDATION_FAILED, "id", "an id is required")),
            Some(field) => Ok((field, self.text(field)?.unwrap_or_default())),
        }
    }

    /// A non-empty string, if the field exists.
    ///
    /// # Errors
    ///
    /// If it is anything else.
    pub fn text(self, field: &str) -> Result<Option<&'a str>, Box<Failure>> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(other) => Err(wrong_type(field, "a non-empty string", other)),
        }
    }

    /// A non-negative integer, if the field exists.
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
                .ok_or_else(|| wrong_type(field, "a non-negative integer", value)),
        }
    }
}

/// Refuses a field whose value is of the wrong type.
pub fn wrong_type(field: &str, expected: &str, found: &Value) -> Box<Failure> {
    let message = format!("expected {expected}, found {}", kind_of(found));
    refused(code::VALIDATION_FAILED, field, message)
}

/// Fails with the code and field of the first fault, and, if there are several, with all messages and
/// the faults as causes.
pub fn refuse_faults(mut faults: Vec<Failure>) -> Result<(), Box<Failure>> {
    match faults.len() {
        0 => Ok(()),
        1 => Err(Box::new(faults.remove(0))),
        count => {
            let field = |fault: &Failure| fault.field.clone().unwrap_or_default();
            let listed = faults
                .iter()
                .map(|fault| format!("{}: {}", field(fault), fault.message));
            let message = format!("{count} faults: {}", listed.collect::<Vec<_>>().join("; "));
            let mut failure = refused(&faults[0].code, &field(&faults[0]), message);
            failure.causes = faults;
            Err(failure)
        }
    }
}

/// A value's type, for messages.
pub(super) fn kind_of(value: &Value) -> String {
    let kind = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => return value.to_string(),
        Value::String(text) if text.is_empty() => "an empty string",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    kind.to_owned()
}

/// The original input within that of a recovery, `{ "input", "error" }`; `None` for any other input.
///
/// After a conflict it is based on the current version.
pub(super) fn retried_input(input: &Value) -> Option<Value> {
    let fields = input.as_object().filter(|fields| fields.len() == 2)?;
    let code = fields.get("error")?.get("code")?;
    let mut input = fields.get("input")?.as_object()?.clone();
    if code == code::CONCURRENT_MODIFICATION {
        input.retain(|name, _| !BASES.contains(&name.as_str()));
    }
    Some(Value::Object(input))
}

/// The ids of our entity in the input of an undo, `{ "input", "reply" }`; `None` for any other input.
///
/// The undone call was another service's, so the field by which others refer to our entity comes before
/// `id`.
pub fn undo_target(input: &Value, alias: &str) -> Option<Value> {
    let fields = input.as_object()?;
    let (requested, reply) = (fields.get("input")?, fields.get("reply")?);
    if fields.len() != 2 {
        return None;
    }
    let find = |name: &str| {
        let found = [reply, requested]
            .into_iter()
            .find_map(|part| part.get(name));
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

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::{
    Failure, Violation, code, did_you_mean, pointer_names, reference_faults, resolve,
};

/// A change that an event makes to a document: to the state of an aggregate, or in a read model.
///
/// In JSON it is one of
///
/// - `{ "set": "/open", "to": true }`,
/// - `{ "add": "/balance", "by": 5 }` and `{ "subtract": "/balance", "by": 5 }`; a missing number is 0,
/// - `{ "append": "/entries", "item": … }`; a missing list is empty,
/// - `{ "remove": "/name" }`, or from a list `{ "remove": "/entries", "item": … }`,
///
/// where values may refer to `${/state/…}` and `${/event/…}`. Missing objects on the way to the value are created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ChangeFields")]
pub struct DocumentChange {
    pointer: String,
    action: ChangeAction,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
enum ChangeAction {
    Set(Value),
    Add(Value),
    Subtract(Value),
    Append(Value),
    Remove(Option<Value>),
}

/// The names that values may refer to.
const NAMES: [&str; 2] = ["state", "event"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ChangeFields {
    set: Option<String>,
    add: Option<String>,
    subtract: Option<String>,
    append: Option<String>,
    remove: Option<String>,
    #[serde(default, deserialize_with = "present")]
    to: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    by: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    item: Option<Value>,
}

/// A field that is present, even if null.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl TryFrom<ChangeFields> for DocumentChange {
    type Error = String;

    fn try_from(fields: ChangeFields) -> Result<Self, Self::Error> {
        const VERBS: [&str; 5] = ["set", "add", "subtract", "append", "remove"];
        let ChangeFields { to, by, item, .. } = fields;
        let pointers = [
            fields.set,
            fields.add,
            fields.subtract,
            fields.append,
            fields.remove,
        ];
        let mut given = VERBS
            .into_iter()
            .zip(pointers)
            .filter_map(|(verb, pointer)| Some((verb, pointer?)));
        let (Some((verb, pointer)), None) = (given.next(), given.next()) else {
            return Err(
                "expected one of \"set\", \"add\", \"subtract\", \"append\" and \"remove\""
                    .to_owned(),
            );
        };
        let action = match (verb, to, by, item) {
            ("set", Some(value), None, None) => ChangeAction::Set(value),
            ("add", None, Some(value), None) => ChangeAction::Add(value),
            ("subtract", None, Some(value), None) => ChangeAction::Subtract(value),
            ("append", None, None, Some(value)) => ChangeAction::Append(value),
            ("remove", None, None, item) => ChangeAction::Remove(item),
            ("set", ..) => return Err("\"set\" takes \"to\"".to_owned()),
            ("append", ..) => return Err("\"append\" takes \"item\"".to_owned()),
            ("remove", ..) => return Err("\"remove\" takes at most \"item\"".to_owned()),
            (verb, ..) => return Err(format!("{verb:?} takes \"by\"")),
        };
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return Err(format!(
                "{pointer:?} is not a valid JSON pointer, expected for example \"/balance\""
            ));
        }
        if let Some(value) = action.value() {
            check_references(value, &NAMES).map_err(|fault| fault.to_string())?;
        }
        if let ChangeAction::Add(value) | ChangeAction::Subtract(value) = &action
            && !value.is_number()
            && !value.is_string()
        {
            return Err(format!("{value} is not a number"));
        }
        Ok(Self { pointer, action })
    }
}

/// Checks that a template refers only to known names.
pub(in crate::cqrs) fn check_references(template: &Value, names: &[&str]) -> Result<(), Violation> {
    let mut known = |name: &str| match names.contains(&name) {
        true => Ok(()),
        false => Err(did_you_mean(name, names.iter().copied())),
    };
    let mut faults = reference_faults(template, &mut known).into_iter();
    faults.next().map_or(Ok(()), Err)
}

impl ChangeAction {
    fn value(&self) -> Option<&Value> {
        match self {
            Self::Set(value) | Self::Add(value) | Self::Subtract(value) | Self::Append(value) => {
                Some(value)
            }
            Self::Remove(item) => item.as_ref(),
        }
    }
}

impl DocumentChange {
    /// Whether it removes the whole document.
    pub(in crate::cqrs) fn removes_all(&self) -> bool {
        self.pointer.is_empty() && self.action == ChangeAction::Remove(None)
    }

    /// Changes a document.
    ///
    /// # Errors
    ///
    /// `INVALID_REFERENCE` if a value refers to something missing; `VALIDATION_FAILED`, naming the
    /// pointer, if the document does not fit the change.
    pub fn apply(&self, state: &mut Arc<Value>, event: &Value) -> Result<(), Box<Failure>> {
        let value = match self.action.value() {
            None => None,
            Some(template) => Some(resolve(template, &|name| match name {
                "state" => Some(&**state),
                "event" => Some(event),
                _ => None,
            })?),
        };
        let refused = |why: String| {
            let message = format!("{:?} {why}", self.pointer);
            Box::new(Failure::new(code::VALIDATION_FAILED, message).field(self.pointer.as_str()))
        };
        let document = Arc::make_mut(state);
        match (&self.action, value) {
            (ChangeAction::Set(_), Some(value)) => {
                *self.place(document).map_err(refused)? = value;
            }
            (ChangeAction::Add(_), Some(by)) => {
                let place = self.place(document).map_err(refused)?;
                *place = sum(place, &by, false).map_err(refused)?;
            }
            (ChangeAction::Subtract(_), Some(by)) => {
                let place = self.place(document).map_err(refused)?;
                *place = sum(place, &by, true).map_err(refused)?;
            }
            (ChangeAction::Append(_), Some(item)) => match self.place(document).map_err(refused)? {
                Value::Array(items) => items.push(item),
                place @ Value::Null => *place = Value::Array(vec![item]),
                _ => return Err(refused("is not a list to append to".to_owned())),
            },
            (_, Some(item)) => match document.pointer_mut(&self.pointer) {
                None => {}
                Some(Value::Array(items)) => items.retain(|own| *own != item),
                Some(_) => return Err(refused("is not a list to remove from".to_owned())),
            },
            (_, None) => self.remove(document),
        }
        Ok(())
    }

    /// The value at the pointer, null if it is new.
    fn place<'a>(&self, document: &'a mut Value) -> Result<&'a mut Value, String> {
        let mut place = document;
        for token in pointer_names(&self.pointer) {
            if place.is_null() {
                *place = Value::Object(Map::new());
            }
            place = match place {
                Value::Object(fields) => fields.entry(token).or_insert(Value::Null),
                Value::Array(items) => {
                    let index: Option<usize> = token.parse().ok();
                    match index.and_then(|index| items.get_mut(index)) {
                        Some(item) => item,
                        None => return Err(format!("is in a list that has no item {token}")),
                    }
                }
                _ => return Err("is in a value that is neither an object nor a list".to_owned()),
            };
        }
        Ok(place)
    }

    fn remove(&self, document: &mut Value) {
        let Some(token) = pointer_names(&self.pointer).last() else {
            *document = Value::Null;
            return;
        };
        let parent = self.pointer.rfind('/').map_or("", |at| &self.pointer[..at]);
        match document.pointer_mut(parent) {
            Some(Value::Object(fields)) => {
                fields.shift_remove(&token);
            }
            Some(Value::Array(items)) => {
                if let Some(index) = token
                    .parse()
                    .ok()
                    .filter(|&index: &usize| index < items.len())
                {
                    items.remove(index);
                }
            }
            _ => {}
        }
    }
}

/// Integers stay integers; a missing number is 0.
fn sum(value: &Value, by: &Value, negated: bool) -> Result<Value, String> {
    let whole = |value: &Value| match value {
        Value::Null => Some(0),
        Value::Number(number) => number.as_i128(),
        _ => None,
    };
    if let (Some(one), Some(other)) = (whole(value), whole(by)) {
        // Both are within 64 bits, so neither sum nor difference can overflow.
        let sum = if negated { one - other } else { one + other };
        return i64::try_from(sum)
            .map(Value::from)
            .or_else(|_| u64::try_from(sum).map(Value::from))
            .map_err(|_| format!("would become {sum}, beyond 64 bits"));
    }
    let real = |value: &Value| match value {
        Value::Null => Some(0.0),
        value => value.as_f64(),
    };
    let one = real(value).ok_or_else(|| "is not a number".to_owned())?;
    let other = by
        .as_f64()
        .ok_or_else(|| format!("cannot be changed by {by}, which is not a number"))?;
    let sum = if negated { one - other } else { one + other };
    serde_json::Number::from_f64(sum)
        .map(Value::Number)
        .ok_or_else(|| "would exceed the largest number".to_owned())
}

#[cfg(test)]
mod tests;

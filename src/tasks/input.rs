//! How the input of a tool is read.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        DeserializeOwned, Error, IntoDeserializer as _, MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::Value;

use super::failures::{ToolResult, refused};
use crate::domain::{code, from_value};

/// The longest id, in characters.
const MAX_ID: usize = 100;
/// The longest text of one line, in bytes.
pub const MAX_LINE: usize = 500;
/// The longest text, in bytes.
pub const MAX_TEXT: usize = 1024 * 1024;

/// Reads the input of a tool.
///
/// # Errors
///
/// `VALIDATION_FAILED` with the field at fault.
pub fn decode<T: DeserializeOwned>(input: &Value) -> ToolResult<T> {
    from_value(input).map_err(|violation| {
        // serde names a missing field in its message alone.
        let missing = violation.message.strip_prefix("missing field `");
        let missing = missing.and_then(|rest| rest.split('`').next());
        let field = match missing {
            Some(name) => format!("{}/{name}", violation.pointer),
            None => violation.pointer.clone(),
        };
        let field = match field.strip_prefix('/') {
            Some(name) if !name.contains('/') => name,
            _ => field.as_str(),
        };
        refused(code::VALIDATION_FAILED, field, violation.message)
    })
}

/// The default of what is done unless a client asks otherwise.
pub fn yes() -> bool {
    true
}

/// A list in an input: one item may be given without brackets.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list, or one item of it")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<List<T>, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(items)).map(List)
    }

    fn visit_map<A: MapAccess<'de>>(self, item: A) -> Result<List<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(item)).map(|item| List(vec![item]))
    }

    fn visit_str<E: Error>(self, item: &str) -> Result<List<T>, E> {
        T::deserialize(item.into_deserializer()).map(|item| List(vec![item]))
    }

    fn visit_unit<E: Error>(self) -> Result<List<T>, E> {
        Ok(List::default())
    }
}

/// Checks a text that must not be blank.
///
/// # Errors
///
/// `VALIDATION_FAILED` if it is blank or longer than `max` bytes.
pub fn check_text(field: &str, text: &str, max: usize) -> ToolResult<()> {
    if text.trim().is_empty() {
        return Err(refused(
            code::VALIDATION_FAILED,
            field,
            format!("{field} is empty, expected a text"),
        ));
    }
    check_size(field, text.len(), max)
}

/// Checks the size of a text in bytes.
///
/// # Errors
///
/// `VALIDATION_FAILED` if it is larger than `max`.
pub fn check_size(field: &str, size: usize, max: usize) -> ToolResult<()> {
    match size > max {
        true => Err(refused(
            code::VALIDATION_FAILED,
            field,
            format!("{field} has {size} bytes, expected at most {max}"),
        )),
        false => Ok(()),
    }
}

/// Checks an id, which may become part of a file's name.
///
/// # Errors
///
/// `PATH_OUTSIDE_DIRECTORY` if it would lead to another folder, else `VALIDATION_FAILED`.
pub fn check_id(field: &str, id: &str) -> ToolResult<()> {
    if id.contains(['/', '\\', '\0']) || id.contains("..") {
        return Err(refused(
            code::PATH_OUTSIDE_DIRECTORY,
            field,
            format!("{id:?} is not an id: it would lead out of the folder of the artifacts"),
        ));
    }
    let is_id = (1..=MAX_ID).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    match is_id {
        true => Ok(()),
        false => Err(refused(
            code::VALIDATION_FAILED,
            field,
            format!("{id:?} is not an id, expected 1 to {MAX_ID} letters, digits, _ or -"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tasks::status::TaskStatus;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Input {
        title: String,
        #[serde(default)]
        status: List<TaskStatus>,
    }

    #[test]
    fn refusal_names_the_field() {
        let field = |input: Value| decode::<Input>(&input).unwrap_err().field.unwrap();
        assert_eq!(field(json!({})), "title");
        assert_eq!(field(json!({"title": 1})), "title");
        assert_eq!(field(json!({"title": "a", "tite": "b"})), "tite");
        assert_eq!(field(json!({"title": "a", "status": "penning"})), "status");
        assert_eq!(
            field(json!({"title": "a", "status": ["pending", "done"]})),
            "/status/1"
        );
        assert_eq!(field(json!("a")), "");
    }

    #[test]
    fn one_item_is_a_list_of_one() {
        let read = |input: Value| decode::<Input>(&input).unwrap();
        let one = read(json!({"title": "a", "status": "pending"}));
        assert_eq!(one.status.0, [TaskStatus::Pending]);
        assert_eq!(one.title, "a");
        let list = read(json!({"title": "a", "status": ["pending"]}));
        assert_eq!(list.status, one.status);
        assert!(
            read(json!({"title": "a", "status": null}))
                .status
                .0
                .is_empty()
        );
    }

    #[test]
    fn ids_are_names_that_lead_nowhere() {
        for id in ["a", "task_0a1b2c3d", "A-1", &"x".repeat(100)] {
            assert!(check_id("id", id).is_ok(), "{id}");
        }
        let code = |id: &str| check_id("id", id).unwrap_err().code;
        for id in ["../a", "a/b", "a\\b", "..", "a\0b"] {
            assert_eq!(&*code(id), code::PATH_OUTSIDE_DIRECTORY, "{id:?}");
        }
        for id in ["", "a b", "é", ".", &"x".repeat(101)] {
            assert_eq!(&*code(id), code::VALIDATION_FAILED, "{id:?}");
        }
    }
}

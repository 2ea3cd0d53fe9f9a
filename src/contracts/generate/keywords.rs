use serde_json::{Map, Value};

use crate::domain::pointer_token;

/// All keywords that apply to one value: references and `allOf` resolved, one branch of `anyOf` and
/// `oneOf` taken.
pub(super) type Keywords = Map<String, Value>;

/// How deep schemas may refer to each other for the same value.
const MAX_DEPTH: usize = 32;

/// Why nothing can be generated from a schema.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{keyword} at {pointer:?}: {message}")]
pub(in super::super) struct GenerateError {
    /// JSON pointer into the input that was to be generated.
    pub pointer: String,
    /// The keyword that is not supported.
    pub keyword: String,
    /// The attempt and a remedy.
    pub message: String,
}

/// How much of what a schema allows is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// What is required.
    Minimal,
    /// All that is declared.
    Full,
    /// A random part.
    Random,
}

/// A part of a value, with the keywords that apply to it.
#[derive(Debug)]
pub(super) struct SchemaPart {
    pub pointer: String,
    pub keywords: Keywords,
}

impl GenerateError {
    pub fn new(pointer: &str, keyword: &str, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.to_owned(),
            keyword: keyword.to_owned(),
            message: message.into(),
        }
    }
}

/// A limit that counts something.
pub(super) fn limit(keywords: &Keywords, keyword: &str) -> Option<usize> {
    let limit = keywords.get(keyword)?;
    limit.as_u64().and_then(|limit| usize::try_from(limit).ok())
}

/// The keywords that a schema applies to a value; `pick` takes one of a number of branches.
///
/// # Errors
///
/// If a reference does not exist in the schema or refers to itself, or the schema forbids any value.
pub(super) fn resolve(
    root: &Value,
    schema: &Value,
    pointer: &str,
    pick: &mut dyn FnMut(usize) -> usize,
) -> Result<Keywords, GenerateError> {
    let mut keywords = Keywords::new();
    gather(root, schema, pointer, pick, 0, &mut keywords)?;
    Ok(keywords)
}

fn gather(
    root: &Value,
    schema: &Value,
    pointer: &str,
    pick: &mut dyn FnMut(usize) -> usize,
    depth: usize,
    into: &mut Keywords,
) -> Result<(), GenerateError> {
    let error = |keyword: &str, message: String| GenerateError::new(pointer, keyword, message);
    let Value::Object(keywords) = schema else {
        return match schema {
            Value::Bool(false) => Err(error("falseSchema", "no value is valid".to_owned())),
            _ => Ok(()),
        };
    };
    if depth > MAX_DEPTH {
        return Err(error(
            "$ref",
            "the schema refers to itself without end".to_owned(),
        ));
    }
    let mut part = keywords.clone();
    for keyword in ["$ref", "allOf", "anyOf", "oneOf"] {
        part.shift_remove(keyword);
    }
    merge(into, part);
    if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
        let referred = reference
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer))
            .ok_or_else(|| {
                error(
                    "$ref",
                    format!("{reference:?} is not a JSON pointer into the schema"),
                )
            })?;
        gather(root, referred, pointer, pick, depth + 1, into)?;
    }
    for part in parts(keywords, "allOf") {
        gather(root, part, pointer, pick, depth + 1, into)?;
    }
    for keyword in ["anyOf", "oneOf"] {
        let branches = parts(keywords, keyword);
        if !branches.is_empty() {
            let branch = &branches[pick(branches.len()) % branches.len()];
            gather(root, branch, pointer, pick, depth + 1, into)?;
        }
    }
    Ok(())
}

fn parts<'a>(keywords: &'a Keywords, keyword: &str) -> &'a [Value] {
    keywords
        .get(keyword)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Adds the keywords of another schema of the same value; the narrower limits win.
fn merge(into: &mut Keywords, other: Keywords) {
    for (keyword, value) in other {
        let Some(own) = into.get_mut(&keyword) else {
            into.insert(keyword, value);
            continue;
        };
        match keyword.as_str() {
            "properties" => properties(own, value),
            "required" => {
                if let (Value::Array(own), Value::Array(more)) = (own, value) {
                    let new: Vec<Value> = more.into_iter().filter(|it| !own.contains(it)).collect();
                    own.extend(new);
                }
            }
            "enum" => {
                if let (Value::Array(own), Value::Array(other)) = (own, value) {
                    own.retain(|it| other.contains(it));
                }
            }
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties"
                if value.as_f64() > own.as_f64() =>
            {
                *own = value;
            }
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties"
                if value.as_f64() < own.as_f64() =>
            {
                *own = value;
            }
            "type" if value == "integer" && own == "number" => *own = value,
            "additionalProperties" | "unevaluatedProperties" if value == false => *own = value,
            // What cannot be merged is left to the validation of the generated value.
            _ => {}
        }
    }
}

fn properties(own: &mut Value, more: Value) {
    let (Value::Object(own), Value::Object(more)) = (own, more) else {
        return;
    };
    for (name, schema) in more {
        let joined = match own.get(&name) {
            Some(own) => serde_json::json!({ "allOf": [own, schema] }),
            None => schema,
        };
        own.insert(name, joined);
    }
}

/// The schema of an array's item.
pub(super) fn item_schema(keywords: &Keywords, index: usize) -> Value {
    let prefix = parts(keywords, "prefixItems");
    let schema = prefix.get(index).or_else(|| keywords.get("items"));
    schema.cloned().unwrap_or(Value::Bool(true))
}

/// The schema of an object's property.
pub(super) fn property_schema(keywords: &Keywords, name: &str) -> Value {
    let named = keywords.get("properties").and_then(|own| own.get(name));
    let schema = named.or_else(|| keywords.get("additionalProperties"));
    // A required property is present, even where additional ones are forbidden.
    match schema {
        None | Some(Value::Bool(_)) => Value::Bool(true),
        Some(schema) => schema.clone(),
    }
}

/// All parts of a value, outer ones first; of branches, the first.
pub(super) fn parts_of(root: &Value, value: &Value) -> Vec<SchemaPart> {
    let mut found = Vec::new();
    visit(root, root, value, String::new(), &mut found);
    found
}

fn visit(
    root: &Value,
    schema: &Value,
    value: &Value,
    pointer: String,
    found: &mut Vec<SchemaPart>,
) {
    let Ok(keywords) = resolve(root, schema, &pointer, &mut |_| 0) else {
        return;
    };
    let mut within: Vec<(Value, &Value, String)> = Vec::new();
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let pointer = format!("{pointer}/{}", pointer_token(name));
                within.push((property_schema(&keywords, name), value, pointer));
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                within.push((
                    item_schema(&keywords, index),
                    value,
                    format!("{pointer}/{index}"),
                ));
            }
        }
        _ => {}
    }
    found.push(SchemaPart { pointer, keywords });
    for (schema, value, pointer) in within {
        visit(root, &schema, value, pointer, found);
    }
}

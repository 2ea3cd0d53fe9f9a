use serde_json::{Map, Value};

use super::GenerateError;
use crate::domain::pointer_token;

/// Everything that a schema says of one value: references and `allOf` resolved, one branch of
/// `anyOf` and `oneOf` taken.
pub(super) type Shape = Map<String, Value>;

/// How deep schemas may refer to each other for the same value.
const DEEPEST: usize = 32;

/// A place in a value, and what its schema says of it.
#[derive(Debug)]
pub(super) struct Place {
    pub pointer: String,
    pub shape: Shape,
}

/// The shape that a schema gives to a value; `pick` takes one of so many branches.
///
/// # Errors
///
/// If a reference leads nowhere within the schema or to itself, or the schema forbids any value.
pub(super) fn shape(
    root: &Value,
    schema: &Value,
    pointer: &str,
    pick: &mut dyn FnMut(usize) -> usize,
) -> Result<Shape, GenerateError> {
    let mut shape = Shape::new();
    gather(root, schema, pointer, pick, 0, &mut shape)?;
    Ok(shape)
}

fn gather(
    root: &Value,
    schema: &Value,
    pointer: &str,
    pick: &mut dyn FnMut(usize) -> usize,
    depth: usize,
    into: &mut Shape,
) -> Result<(), GenerateError> {
    let beyond = |keyword: &str, message: String| GenerateError::new(pointer, keyword, message);
    let Value::Object(keywords) = schema else {
        return match schema {
            Value::Bool(false) => Err(beyond("falseSchema", "no value is valid".to_owned())),
            _ => Ok(()),
        };
    };
    if depth > DEEPEST {
        return Err(beyond(
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
            .ok_or_else(|| beyond("$ref", format!("{reference:?} is no JSON pointer into it")))?;
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

fn parts<'a>(keywords: &'a Shape, keyword: &str) -> &'a [Value] {
    keywords
        .get(keyword)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Adds what another schema says of the same value; of limits, the narrower holds.
fn merge(into: &mut Shape, other: Shape) {
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
            // What cannot be joined is left to the check of the value that comes out.
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
pub(super) fn item_schema(shape: &Shape, index: usize) -> Value {
    let prefix = parts(shape, "prefixItems");
    let schema = prefix.get(index).or_else(|| shape.get("items"));
    schema.cloned().unwrap_or(Value::Bool(true))
}

/// The schema of an object's property.
pub(super) fn property_schema(shape: &Shape, name: &str) -> Value {
    let named = shape.get("properties").and_then(|own| own.get(name));
    let schema = named.or_else(|| shape.get("additionalProperties"));
    // A property that is required is there, whatever is said of others.
    match schema {
        None | Some(Value::Bool(_)) => Value::Bool(true),
        Some(schema) => schema.clone(),
    }
}

/// All places of a value, with their shapes, outer ones first; of branches, the first.
pub(super) fn places(root: &Value, value: &Value) -> Vec<Place> {
    let mut found = Vec::new();
    visit(root, root, value, String::new(), &mut found);
    found
}

fn visit(root: &Value, schema: &Value, value: &Value, pointer: String, found: &mut Vec<Place>) {
    let Ok(shape) = shape(root, schema, &pointer, &mut |_| 0) else {
        return;
    };
    let mut within: Vec<(Value, &Value, String)> = Vec::new();
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let pointer = format!("{pointer}/{}", pointer_token(name));
                within.push((property_schema(&shape, name), value, pointer));
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                within.push((
                    item_schema(&shape, index),
                    value,
                    format!("{pointer}/{index}"),
                ));
            }
        }
        _ => {}
    }
    found.push(Place { pointer, shape });
    for (schema, value, pointer) in within {
        visit(root, &schema, value, pointer, found);
    }
}

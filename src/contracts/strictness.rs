use serde::Deserialize;
use serde_json::{Map, Value};

/// How strictly an output is checked against its schema.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Strictness {
    /// The output matches the schema and has only what it declares, at any depth.
    Strict,
    /// The output matches the schema, and may have undeclared properties.
    #[default]
    Present,
    /// Any output is valid.
    None,
}

/// Keywords whose schemas apply to the same value as the schema around them.
const IN_PLACE: [&str; 8] = [
    "$ref",
    "allOf",
    "anyOf",
    "oneOf",
    "if",
    "then",
    "else",
    "dependentSchemas",
];

/// Keywords that hold a schema for another value.
const CHILD: [&str; 3] = ["items", "contains", "additionalProperties"];

/// Keywords that hold schemas for other values by name.
const CHILDREN: [&str; 2] = ["properties", "patternProperties"];

impl Strictness {
    /// The schema that an output must match; `None` if any output is valid.
    pub fn applied_to(self, schema: &Value) -> Option<Value> {
        match self {
            Self::None => None,
            Self::Present => Some(schema.clone()),
            Self::Strict => {
                let mut closed = schema.clone();
                close(&mut closed, schema, true);
                Some(closed)
            }
        }
    }
}

/// Forbids undeclared properties, in a schema and all schemas inside it.
///
/// Schemas that share a value are closed where they are combined, because none of them alone knows
/// what the others declare.
fn close(schema: &mut Value, root: &Value, whole: bool) {
    let Value::Object(keywords) = schema else {
        return;
    };
    for (keyword, value) in keywords.iter_mut() {
        let name = keyword.as_str();
        if CHILD.contains(&name) {
            close(value, root, true);
        } else if CHILDREN.contains(&name) {
            each(value, |child| close(child, root, true));
        } else if name == "prefixItems" {
            each(value, |child| close(child, root, true));
        } else if IN_PLACE.contains(&name) || name == "$defs" {
            match name {
                "if" | "then" | "else" => close(value, root, false),
                _ => each(value, |child| close(child, root, false)),
            }
        }
    }
    let is_open = !["additionalProperties", "unevaluatedProperties"]
        .iter()
        .any(|keyword| keywords.contains_key(*keyword));
    if whole && is_open && declares(keywords, root, 0) {
        let shared = IN_PLACE
            .iter()
            .any(|keyword| keywords.contains_key(*keyword));
        let keyword = if shared {
            "unevaluatedProperties"
        } else {
            "additionalProperties"
        };
        keywords.insert(keyword.to_owned(), false.into());
    }
}

/// Whether a schema declares properties, itself or through those that share its value.
fn declares(keywords: &Map<String, Value>, root: &Value, depth: usize) -> bool {
    // Beyond this depth, a reference refers to itself.
    const MAX_DEPTH: usize = 32;
    if CHILDREN
        .iter()
        .any(|keyword| keywords.contains_key(*keyword))
    {
        return true;
    }
    let of = |schema: &Value| {
        let keywords = schema.as_object();
        depth < MAX_DEPTH && keywords.is_some_and(|keywords| declares(keywords, root, depth + 1))
    };
    IN_PLACE.iter().any(|keyword| match keywords.get(*keyword) {
        Some(Value::String(reference)) => reference
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer))
            .is_some_and(of),
        Some(Value::Array(schemas)) => schemas.iter().any(of),
        Some(schemas @ Value::Object(named)) => match *keyword {
            "dependentSchemas" => named.values().any(of),
            _ => of(schemas),
        },
        _ => false,
    })
}

fn each(value: &mut Value, mut change: impl FnMut(&mut Value)) {
    match value {
        Value::Array(schemas) => schemas.iter_mut().for_each(change),
        Value::Object(schemas) => schemas.values_mut().for_each(&mut change),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::JsonSchema;

    fn faults(schema: &Value, value: &Value) -> Vec<String> {
        let schema = Strictness::Strict.applied_to(schema).unwrap();
        let faults = JsonSchema::compile(&schema).unwrap().faults(value);
        faults.into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn strict_schema_forbids_undeclared_properties_at_any_depth() {
        let schema = json!({
            "properties": {
                "name": {},
                "team": { "type": "array", "items": { "$ref": "#/$defs/member" } },
                "free": { "type": "object" },
                "open": { "properties": { "a": {} }, "additionalProperties": true },
            },
            "$defs": { "member": { "properties": { "id": {}, "boss": { "$ref": "#/$defs/member" } } } },
        });
        let fine = json!({
            "name": 1, "team": [{ "id": 1, "boss": { "id": 2 } }], "free": { "x": 1 }, "open": { "x": 1 },
        });
        assert_eq!(faults(&schema, &fine), [""; 0]);
        let more = json!({ "team": [{ "x": 1, "boss": { "y": 1 } }], "z": 1 });
        assert_eq!(
            faults(&schema, &more),
            ["/team/0/boss/y", "/team/0/x", "/z"]
        );
    }

    #[test]
    fn strict_schema_closes_combined_schemas_together() {
        let schema = json!({
            "allOf": [{ "properties": { "a": {} } }, { "properties": { "b": {} } }],
            "properties": { "c": {} },
        });
        assert_eq!(faults(&schema, &json!({ "a": 1, "b": 1, "c": 1 })), [""; 0]);
        assert_eq!(faults(&schema, &json!({ "a": 1, "d": 1 })), ["/d"]);
    }
}

use serde_json::{Value, json};

use super::{
    keywords::SchemaPart,
    limits::{FullInput, of_length, of_size, replaced},
    numbers::decimal,
};
use crate::domain::{JsonSchema, SchemaFault, pointer_token};

/// An input that breaks exactly one keyword of its schema, at one part.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct BrokenInput {
    pub keyword: String,
    /// JSON pointer to the fault, as in a [`SchemaFault`].
    pub pointer: String,
    pub input: Value,
}

/// One input for each keyword at each part of a valid one that can be broken alone.
pub(super) fn broken(full: &FullInput<'_>) -> Vec<BrokenInput> {
    let mut found = Vec::new();
    for part in &full.parts {
        for (keyword, argument) in &part.keywords {
            let whole = (full.fresh)(&format!("breaks {keyword} at {:?}", part.pointer));
            let Some(value) = whole.pointer(&part.pointer) else {
                continue;
            };
            for (pointer, candidates) in candidates(keyword, argument, part, value, &whole, full) {
                let mut inputs = candidates
                    .into_iter()
                    .map(|candidate| replaced(&whole, &part.pointer, candidate));
                let breaks = |input: &Value| breaks(full.schema, input, keyword, &pointer);
                if let Some(input) = inputs.find(breaks) {
                    found.push(BrokenInput {
                        keyword: keyword.clone(),
                        pointer,
                        input,
                    });
                }
            }
        }
    }
    found
}

fn breaks(schema: &JsonSchema, input: &Value, keyword: &str, pointer: &str) -> bool {
    let faults = schema.faults(input);
    let as_intended = |fault: &SchemaFault| fault.keyword == keyword && fault.pointer == pointer;
    !faults.is_empty() && faults.iter().all(as_intended)
}

/// Where the fault of a broken keyword is, and values of the part that may break it, best first.
fn candidates(
    keyword: &str,
    argument: &Value,
    part: &SchemaPart,
    value: &Value,
    whole: &Value,
    full: &FullInput<'_>,
) -> Vec<(String, Vec<Value>)> {
    let limit = argument.as_f64().unwrap_or_default();
    let candidates = match keyword {
        "required" => return without_each(argument, part, value),
        "additionalProperties" | "unevaluatedProperties" if argument == false => {
            return with_undeclared_field(part, value);
        }
        "type" => of_other_types(),
        "enum" | "const" => others(value),
        "pattern" => near_misses(value),
        "format" => ["not of the format", "%%%", "", "(", "a b"]
            .map(Value::from)
            .into(),
        "minimum" => vec![decimal(limit - 1.0), decimal(limit - 0.5)],
        "maximum" => vec![decimal(limit + 1.0), decimal(limit + 0.5)],
        "exclusiveMinimum" | "exclusiveMaximum" => vec![argument.clone()],
        "multipleOf" => vec![
            decimal(value.as_f64().unwrap_or_default() + 1.0),
            decimal(value.as_f64().unwrap_or_default() + limit / 2.0),
        ],
        "minLength" => of_length(part, keyword, -1, full.seed),
        "maxLength" => of_length(part, keyword, 1, full.seed),
        "minItems" => of_size(part, keyword, -1, whole, full),
        "maxItems" => of_size(part, keyword, 1, whole, full),
        "uniqueItems" => with_repeated_item(value),
        _ => Vec::new(),
    };
    vec![(part.pointer.clone(), candidates)]
}

fn without_each(required: &Value, part: &SchemaPart, value: &Value) -> Vec<(String, Vec<Value>)> {
    let names = required.as_array().into_iter().flatten();
    let without = |name: &str| {
        let mut fields = value.as_object()?.clone();
        fields.shift_remove(name)?;
        let pointer = format!("{}/{}", part.pointer, pointer_token(name));
        Some((pointer, vec![Value::Object(fields)]))
    };
    names
        .filter_map(Value::as_str)
        .filter_map(without)
        .collect()
}

fn with_undeclared_field(part: &SchemaPart, value: &Value) -> Vec<(String, Vec<Value>)> {
    let Some(fields) = value.as_object() else {
        return Vec::new();
    };
    let mut name = "undeclared".to_owned();
    while fields.contains_key(&name) {
        name.push('_');
    }
    let mut fields = fields.clone();
    fields.insert(name.clone(), true.into());
    vec![(
        format!("{}/{name}", part.pointer),
        vec![Value::Object(fields)],
    )]
}

fn of_other_types() -> Vec<Value> {
    vec![
        Value::Null,
        json!(7),
        json!("text"),
        json!(0.5),
        json!(true),
        json!([]),
        json!({}),
    ]
}

fn others(value: &Value) -> Vec<Value> {
    let mut others = match value {
        Value::String(text) => vec![format!("{text}x").into(), format!("x{text}").into()],
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            [1.0, -1.0, 1000.0]
                .map(|more| decimal(number + more))
                .into()
        }
        Value::Bool(value) => vec![json!(!value)],
        _ => Vec::new(),
    };
    others.extend(of_other_types());
    others
}

/// Strings that may not match the pattern of another, the most similar first.
fn near_misses(value: &Value) -> Vec<Value> {
    let text = value.as_str().unwrap_or_default();
    let swapped = |with: char| -> String {
        let rest = text.chars().skip(1);
        std::iter::once(with).chain(rest).collect()
    };
    let mut near_misses: Vec<String> = [' ', '!', '0', 'a', 'A'].map(swapped).into();
    near_misses.extend([" ", "!", "0", "a", "A"].map(|more| format!("{text}{more}")));
    let length = text.chars().count();
    near_misses.extend(["!", " ", "0", "a", "A"].map(|one| one.repeat(length.max(1))));
    near_misses.push(String::new());
    near_misses.into_iter().map(Value::from).collect()
}

fn with_repeated_item(value: &Value) -> Vec<Value> {
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    let Some(first) = items.first() else {
        return Vec::new();
    };
    let mut more = items.to_vec();
    more.push(first.clone());
    let mut instead = items.to_vec();
    if let Some(last) = instead.last_mut() {
        last.clone_from(first);
    }
    vec![Value::Array(more), Value::Array(instead)]
}

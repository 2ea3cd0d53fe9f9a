use serde_json::{Value, json};

use super::{
    Base, Broken,
    edit::{of_length, of_size, replaced},
    numbers::decimal,
    shape::Place,
};
use crate::domain::{JsonSchema, SchemaFault, pointer_token};

/// One input for each keyword at each place of a valid one, that breaks it and nothing else.
pub(super) fn broken(base: &Base<'_>) -> Vec<Broken> {
    let mut found = Vec::new();
    for place in &base.places {
        for (keyword, says) in &place.shape {
            let whole = (base.fresh)(&format!("breaks {keyword} at {:?}", place.pointer));
            let Some(value) = whole.pointer(&place.pointer) else {
                continue;
            };
            for (pointer, candidates) in attempts(keyword, says, place, value, &whole, base) {
                let mut inputs = candidates
                    .into_iter()
                    .map(|candidate| replaced(&whole, &place.pointer, candidate));
                let breaks = |input: &Value| breaks(base.schema, input, keyword, &pointer);
                if let Some(input) = inputs.find(breaks) {
                    found.push(Broken {
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
    let as_claimed = |fault: &SchemaFault| fault.keyword == keyword && fault.pointer == pointer;
    !faults.is_empty() && faults.iter().all(as_claimed)
}

/// Where a keyword shows that it is broken, and values for the place that may break it, best first.
fn attempts(
    keyword: &str,
    says: &Value,
    place: &Place,
    value: &Value,
    whole: &Value,
    base: &Base<'_>,
) -> Vec<(String, Vec<Value>)> {
    let limit = says.as_f64().unwrap_or_default();
    let candidates = match keyword {
        "required" => return without_each(says, place, value),
        "additionalProperties" | "unevaluatedProperties" if says == false => {
            return one_too_many(place, value);
        }
        "type" => of_other_types(),
        "enum" | "const" => others(value),
        "pattern" => unlike(value),
        "format" => ["not of the format", "%%%", "", "(", "a b"]
            .map(Value::from)
            .into(),
        "minimum" => vec![decimal(limit - 1.0), decimal(limit - 0.5)],
        "maximum" => vec![decimal(limit + 1.0), decimal(limit + 0.5)],
        "exclusiveMinimum" | "exclusiveMaximum" => vec![says.clone()],
        "multipleOf" => vec![
            decimal(value.as_f64().unwrap_or_default() + 1.0),
            decimal(value.as_f64().unwrap_or_default() + limit / 2.0),
        ],
        "minLength" => of_length(place, keyword, -1, base.seed),
        "maxLength" => of_length(place, keyword, 1, base.seed),
        "minItems" => of_size(place, keyword, -1, whole, base),
        "maxItems" => of_size(place, keyword, 1, whole, base),
        "uniqueItems" => doubled(value),
        _ => Vec::new(),
    };
    vec![(place.pointer.clone(), candidates)]
}

fn without_each(required: &Value, place: &Place, value: &Value) -> Vec<(String, Vec<Value>)> {
    let names = required.as_array().into_iter().flatten();
    let without = |name: &str| {
        let mut fields = value.as_object()?.clone();
        fields.shift_remove(name)?;
        let pointer = format!("{}/{}", place.pointer, pointer_token(name));
        Some((pointer, vec![Value::Object(fields)]))
    };
    names
        .filter_map(Value::as_str)
        .filter_map(without)
        .collect()
}

fn one_too_many(place: &Place, value: &Value) -> Vec<(String, Vec<Value>)> {
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
        format!("{}/{name}", place.pointer),
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

/// Texts unlike one that a pattern matches, as alike as can be.
fn unlike(value: &Value) -> Vec<Value> {
    let text = value.as_str().unwrap_or_default();
    let swapped = |with: char| -> String {
        let rest = text.chars().skip(1);
        std::iter::once(with).chain(rest).collect()
    };
    let mut unlike: Vec<String> = [' ', '!', '0', 'a', 'A'].map(swapped).into();
    unlike.extend([" ", "!", "0", "a", "A"].map(|more| format!("{text}{more}")));
    let length = text.chars().count();
    unlike.extend(["!", " ", "0", "a", "A"].map(|one| one.repeat(length.max(1))));
    unlike.push(String::new());
    unlike.into_iter().map(Value::from).collect()
}

fn doubled(value: &Value) -> Vec<Value> {
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

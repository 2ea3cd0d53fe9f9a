use serde_json::Value;

use super::{
    numbers::decimal,
    shape::Place,
    text,
    values::{Extent, Maker, limit},
};
use crate::{clock::Seed, domain::JsonSchema};

/// The longest array that is made.
const MOST_ITEMS: usize = 256;

/// A value with another in place of what a pointer leads to.
pub(super) fn replaced(value: &Value, pointer: &str, with: Value) -> Value {
    let mut value = value.clone();
    if let Some(part) = value.pointer_mut(pointer) {
        *part = with;
    }
    value
}

/// Valid values that are at a limit: all that is allowed, but no more.
pub(super) fn boundaries(
    full: &Value,
    places: &[Place],
    schema: &JsonSchema,
    seed: Seed,
) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for place in places {
        for (keyword, limit) in &place.shape {
            let candidates = at_limit(keyword, limit, place, full, schema, seed);
            let mut values = candidates
                .into_iter()
                .map(|candidate| replaced(full, &place.pointer, candidate));
            if let Some(value) = values.find(|value| schema.faults(value).is_empty()) {
                found.push((format!("{keyword} at {:?}", place.pointer), value));
            }
        }
    }
    found
}

fn at_limit(
    keyword: &str,
    limit: &Value,
    place: &Place,
    full: &Value,
    schema: &JsonSchema,
    seed: Seed,
) -> Vec<Value> {
    let number = limit.as_f64().unwrap_or_default();
    match keyword {
        "minimum" | "maximum" => vec![limit.clone()],
        "exclusiveMinimum" => vec![decimal(number + 1.0), decimal(number + 0.125)],
        "exclusiveMaximum" => vec![decimal(number - 1.0), decimal(number - 0.125)],
        "minLength" | "maxLength" => of_length(place, keyword, 0, seed),
        "minItems" | "maxItems" => of_size(place, keyword, 0, full, schema, seed),
        _ => Vec::new(),
    }
}

/// A text that is so many characters longer than a limit says.
pub(super) fn of_length(place: &Place, keyword: &str, more: isize, seed: Seed) -> Vec<Value> {
    let Some(length) = limit(&place.shape, keyword).and_then(|it| it.checked_add_signed(more))
    else {
        return Vec::new();
    };
    let mut rng = seed.part([keyword, &place.pointer]).rng();
    let text = text::of_length(&place.shape, length, &mut rng);
    text.into_iter().map(Value::from).collect()
}

/// The array at a place with so many items more than a limit says.
pub(super) fn of_size(
    place: &Place,
    keyword: &str,
    more: isize,
    full: &Value,
    schema: &JsonSchema,
    seed: Seed,
) -> Vec<Value> {
    let size = limit(&place.shape, keyword).and_then(|it| it.checked_add_signed(more));
    let items = full.pointer(&place.pointer).and_then(Value::as_array);
    let (Some(size), Some(items)) = (size.filter(|size| *size <= MOST_ITEMS), items) else {
        return Vec::new();
    };
    let mut items = items.clone();
    items.truncate(size);
    let mut maker = Maker::new(schema.source(), seed.part([keyword, &place.pointer]));
    while items.len() < size {
        let index = items.len();
        match maker.another(&place.shape, &items, Extent::Full, &place.pointer, index) {
            Ok(item) => items.push(item),
            Err(_) => return Vec::new(),
        }
    }
    vec![Value::Array(items)]
}

//! Inputs at the limits of a schema, and beyond them.

use serde_json::Value;

use super::{
    keywords::{Extent, SchemaPart, limit},
    numbers::decimal,
    text,
    values::ValueGenerator,
};
use crate::{clock::Seed, domain::JsonSchema};

/// The longest array that is generated.
const MAX_ITEMS: usize = 256;

/// A valid value with everything that its schema declares, which inputs at and beyond limits are
/// made from.
pub(super) struct FullInput<'a> {
    pub schema: &'a JsonSchema,
    pub parts: Vec<SchemaPart>,
    pub seed: Seed,
    /// Generates such a value for an input with this name.
    pub fresh: &'a dyn Fn(&str) -> Value,
}

/// A value with the part at a pointer replaced.
pub(super) fn replaced(value: &Value, pointer: &str, with: Value) -> Value {
    let mut value = value.clone();
    if let Some(part) = value.pointer_mut(pointer) {
        *part = with;
    }
    value
}

/// Valid values that are exactly at a limit.
pub(super) fn boundaries(full: &FullInput<'_>) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for part in &full.parts {
        for (keyword, limit) in &part.keywords {
            let name = format!("{keyword} at {:?}", part.pointer);
            let whole = (full.fresh)(&name);
            let mut values = at_limit(keyword, limit, part, &whole, full)
                .into_iter()
                .map(|candidate| replaced(&whole, &part.pointer, candidate));
            if let Some(value) = values.find(|value| full.schema.faults(value).is_empty()) {
                found.push((name, value));
            }
        }
    }
    found
}

fn at_limit(
    keyword: &str,
    limit: &Value,
    part: &SchemaPart,
    whole: &Value,
    full: &FullInput<'_>,
) -> Vec<Value> {
    let number = limit.as_f64().unwrap_or_default();
    match keyword {
        "minimum" | "maximum" => vec![limit.clone()],
        "exclusiveMinimum" => vec![decimal(number + 1.0), decimal(number + 0.125)],
        "exclusiveMaximum" => vec![decimal(number - 1.0), decimal(number - 0.125)],
        "minLength" | "maxLength" => of_length(part, keyword, 0, full.seed),
        "minItems" | "maxItems" => of_size(part, keyword, 0, whole, full),
        _ => Vec::new(),
    }
}

/// A string that is longer than a limit by a number of characters.
pub(super) fn of_length(part: &SchemaPart, keyword: &str, more: isize, seed: Seed) -> Vec<Value> {
    let Some(length) = limit(&part.keywords, keyword).and_then(|it| it.checked_add_signed(more))
    else {
        return Vec::new();
    };
    let mut rng = seed.part([keyword, &part.pointer]).rng();
    let text = text::of_length(&part.keywords, length, &mut rng);
    text.into_iter().map(Value::from).collect()
}

/// The array at a part with more items than a limit, by a number.
pub(super) fn of_size(
    part: &SchemaPart,
    keyword: &str,
    more: isize,
    whole: &Value,
    full: &FullInput<'_>,
) -> Vec<Value> {
    let size = limit(&part.keywords, keyword).and_then(|it| it.checked_add_signed(more));
    let items = whole.pointer(&part.pointer).and_then(Value::as_array);
    let (Some(size), Some(items)) = (size.filter(|size| *size <= MAX_ITEMS), items) else {
        return Vec::new();
    };
    let mut items = items.clone();
    items.truncate(size);
    let mut generator = ValueGenerator::new(
        full.schema.source(),
        full.seed.part([keyword, &part.pointer]),
    );
    while items.len() < size {
        let index = items.len();
        match generator.another(&part.keywords, &items, Extent::Full, &part.pointer, index) {
            Ok(item) => items.push(item),
            Err(_) => return Vec::new(),
        }
    }
    vec![Value::Array(items)]
}

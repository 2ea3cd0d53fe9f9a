use serde_json::Value;

use super::{
    Base,
    numbers::decimal,
    shape::Place,
    text,
    values::{Extent, Maker, limit},
};
use crate::clock::Seed;

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
pub(super) fn boundaries(base: &Base<'_>) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for place in &base.places {
        for (keyword, limit) in &place.shape {
            let name = format!("{keyword} at {:?}", place.pointer);
            let whole = (base.fresh)(&name);
            let mut values = at_limit(keyword, limit, place, &whole, base)
                .into_iter()
                .map(|candidate| replaced(&whole, &place.pointer, candidate));
            if let Some(value) = values.find(|value| base.schema.faults(value).is_empty()) {
                found.push((name, value));
            }
        }
    }
    found
}

fn at_limit(
    keyword: &str,
    limit: &Value,
    place: &Place,
    whole: &Value,
    base: &Base<'_>,
) -> Vec<Value> {
    let number = limit.as_f64().unwrap_or_default();
    match keyword {
        "minimum" | "maximum" => vec![limit.clone()],
        "exclusiveMinimum" => vec![decimal(number + 1.0), decimal(number + 0.125)],
        "exclusiveMaximum" => vec![decimal(number - 1.0), decimal(number - 0.125)],
        "minLength" | "maxLength" => of_length(place, keyword, 0, base.seed),
        "minItems" | "maxItems" => of_size(place, keyword, 0, whole, base),
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
    whole: &Value,
    base: &Base<'_>,
) -> Vec<Value> {
    let size = limit(&place.shape, keyword).and_then(|it| it.checked_add_signed(more));
    let items = whole.pointer(&place.pointer).and_then(Value::as_array);
    let (Some(size), Some(items)) = (size.filter(|size| *size <= MOST_ITEMS), items) else {
        return Vec::new();
    };
    let mut items = items.clone();
    items.truncate(size);
    let mut maker = Maker::new(
        base.schema.source(),
        base.seed.part([keyword, &place.pointer]),
    );
    while items.len() < size {
        let index = items.len();
        match maker.another(&place.shape, &items, Extent::Full, &place.pointer, index) {
            Ok(item) => items.push(item),
            Err(_) => return Vec::new(),
        }
    }
    vec![Value::Array(items)]
}

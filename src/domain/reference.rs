use std::borrow::Borrow;

use serde_json::Value;

use super::{Failure, code, split_pointer};

/// The JSON pointer in a string `${/…}`.
fn pointer(text: &str) -> Option<&str> {
    text.strip_prefix("${")?
        .strip_suffix('}')
        .filter(|pointer| pointer.starts_with('/'))
}

/// Whether any string in the value refers to data, as [`resolve`] reads it.
pub fn refers(value: &Value) -> bool {
    match value {
        Value::String(text) => pointer(text).is_some(),
        Value::Array(items) => items.iter().any(refers),
        Value::Object(fields) => fields.values().any(refers),
        _ => false,
    }
}

#[cfg(feature = "cqrs")]
/// The pointers of all references in the value, in order, as [`resolve`] reads them.
pub fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => pointer(text).into_iter().collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Object(fields) => fields.values().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// The value with every reference, a string `${/…}`, replaced by the data it points to, its type kept.
///
/// Pointers are those of [RFC 6901](https://www.rfc-editor.org/rfc/rfc6901) into an object such as
/// `{ "input": …, "<stepId>": reply }`; `data` finds the value of the first name.
///
/// # Errors
///
/// `INVALID_REFERENCE`, naming the pointer, if it leads to nothing.
pub fn resolve<'a, D: Borrow<Value> + 'a>(
    value: &Value,
    data: &impl Fn(&str) -> Option<&'a D>,
) -> Result<Value, Box<Failure>> {
    Ok(match value {
        Value::String(text) => match pointer(text) {
            Some(pointer) => find(pointer, data)?,
            None => value.clone(),
        },
        Value::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| resolve(item, data))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| Ok((name.clone(), resolve(value, data)?)))
                .collect::<Result<_, Box<Failure>>>()?,
        ),
        _ => value.clone(),
    })
}

fn find<'a, D: Borrow<Value> + 'a>(
    pointer: &str,
    data: &impl Fn(&str) -> Option<&'a D>,
) -> Result<Value, Box<Failure>> {
    split_pointer(pointer)
        .and_then(|(name, rest)| data(&name)?.borrow().pointer(rest))
        .cloned()
        .ok_or_else(|| {
            let message = format!("the input refers to {pointer}, where there is no data");
            Box::new(Failure::new(code::INVALID_REFERENCE, message).field(pointer))
        })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    #[test]
    fn resolve_keeps_the_type_of_the_data() {
        let input = Arc::new(json!({"n": 1, "a/b": [true]}));
        let data = |name: &str| (name == "input").then_some(&input);
        let resolved = resolve(
            &json!({"n": "${/input/n}", "deep": ["${/input/a~1b/0}"], "all": "${/input}", "text": "${x} and ${/input/n}"}),
            &data,
        );
        assert_eq!(
            resolved.unwrap(),
            json!({"n": 1, "deep": [true], "all": {"n": 1, "a/b": [true]}, "text": "${x} and ${/input/n}"})
        );
    }

    #[cfg(feature = "cqrs")]
    #[test]
    fn references_finds_those_at_every_depth() {
        let value = json!({"a": ["${/x/y}", "${x}"], "b": {"c": "${/z}"}});
        assert_eq!(references(&value), ["/x/y", "/z"]);
    }

    #[test]
    fn resolve_names_a_pointer_to_nothing() {
        let input = Arc::new(json!({}));
        let data = |name: &str| (name == "input").then_some(&input);
        for pointer in ["/input/n", "/other", "/", "/other/n"] {
            let failure = resolve(&json!([format!("${{{pointer}}}")]), &data).unwrap_err();
            assert_eq!(&*failure.code, code::INVALID_REFERENCE);
            assert_eq!(failure.field.as_deref(), Some(pointer));
        }
    }
}

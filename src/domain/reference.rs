use std::borrow::Borrow;

use serde_json::Value;

use super::{Failure, Violation, code, did_you_mean, pointer_token, split_pointer};

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

/// What is wrong with the references in a value, as far as it can be known without the data: each at
/// its pointer.
///
/// `known` says whether there can be data under a name, and why not. What looks like a reference but
/// is not one is a fault too, since it would be sent as it is.
pub fn reference_faults(
    value: &Value,
    known: &mut impl FnMut(&str) -> Result<(), String>,
) -> Vec<Violation> {
    let within = |pointer: String, value: &Value, known: &mut _| {
        let faults = reference_faults(value, known).into_iter();
        faults.map(move |fault| fault.within(&pointer))
    };
    match value {
        Value::String(text) => fault_of(text, known)
            .map(|message| Violation::new("", message))
            .into_iter()
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, item)| within(format!("/{index}"), item, known))
            .collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| within(format!("/{}", pointer_token(name)), value, known))
            .collect(),
        _ => Vec::new(),
    }
}

fn fault_of(text: &str, known: &mut impl FnMut(&str) -> Result<(), String>) -> Option<String> {
    let Some(pointer) = pointer(text) else {
        let looks_like_one = text.contains("${") || text.starts_with("{/") && text.ends_with('}');
        return looks_like_one.then(|| {
            format!(
                "{text:?} looks like a reference but is not one: a reference is a whole string, such as \"${{/input/name}}\""
            )
        });
    };
    let (name, _) = split_pointer(pointer)?;
    let why = known(&name).err()?;
    Some(format!("{text:?} leads nowhere: {why}"))
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
            let fields = split_pointer(pointer)
                .and_then(|(name, rest)| fields_instead(data(&name)?.borrow(), rest));
            let message = match fields {
                Some(fields) => format!("{message}: {fields}"),
                None => message,
            };
            Box::new(Failure::new(code::INVALID_REFERENCE, message).field(pointer))
        })
}

/// What a pointer that leads to nothing could have named, where it first leads nowhere.
fn fields_instead(value: &Value, pointer: &str) -> Option<String> {
    let (name, rest) = split_pointer(pointer)?;
    match value {
        Value::Object(fields) => match fields.get(&*name) {
            Some(value) => fields_instead(value, rest),
            None => Some(did_you_mean(&name, fields.keys().map(String::as_str))),
        },
        Value::Array(items) => fields_instead(items.get(name.parse::<usize>().ok()?)?, rest),
        _ => None,
    }
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

    #[test]
    fn pointer_that_leads_nowhere_is_answered_with_the_fields_that_there_are() {
        let input = json!({"order": {"id": 1, "lines": [{"amount": 2}]}, "text": "x"});
        let data = |name: &str| (name == "input").then_some(&input);
        for (pointer, hint) in [
            ("/input/ordr/id", ": did you mean \"order\"?"),
            ("/input/order/total", ": there are: \"id\", \"lines\""),
            ("/input/order/lines/0/amuont", ": did you mean \"amount\"?"),
            ("/input/order/lines/1/amount", ""),
            ("/input/text/length", ""),
            ("/other/id", ""),
        ] {
            let failure = resolve(&json!(format!("${{{pointer}}}")), &data).unwrap_err();
            let expected = format!("the input refers to {pointer}, where there is no data{hint}");
            assert_eq!(failure.message, expected);
        }
    }

    #[test]
    fn faults_of_references_are_found_at_every_depth() {
        let value = json!({
            "good": ["${/x/y}", "x", "{\"a\": 1}", "$5"],
            "b/ad": { "c": ["${/z}"] },
            "text": "costs ${/x/y}", "dot": "${x.y}", "brace": "{/x/y}", "open": "${/x",
        });
        let mut known = |name: &str| match name {
            "x" => Ok(()),
            _ => Err("did you mean \"x\"?".to_owned()),
        };
        let faults = reference_faults(&value, &mut known);
        let faults: Vec<_> = faults
            .iter()
            .map(|fault| {
                (
                    fault.pointer.as_str(),
                    fault.message.contains("leads nowhere"),
                )
            })
            .collect();
        let expected = [
            ("/b~1ad/c/0", true),
            ("/text", false),
            ("/dot", false),
            ("/brace", false),
            ("/open", false),
        ];
        assert_eq!(faults, expected);
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

//! Whether a payload arrives as it was sent.

use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::domain::{CallName, Failure, code};

/// The SHA-256 of a payload's canonical JSON: without spaces, fields sorted by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checksum([u8; 32]);

impl Checksum {
    /// The checksum of a payload.
    pub fn of(payload: &Value) -> Self {
        let mut text = Vec::new();
        write_canonical(payload, &mut text);
        Self(Sha256::digest(&text).into())
    }

    /// Compares it with the payload that arrived; `what` is `request` or `reply`.
    ///
    /// The message reveals nothing of the payload, not even its checksum: it may hold a secret.
    pub fn check(self, arrived: &Value, what: &str, call: &CallName) -> Result<(), Box<Failure>> {
        if self == Self::of(arrived) {
            return Ok(());
        }
        let message = format!("the {what} is not what was sent: its checksum differs");
        Err(Box::new(
            Failure::new(code::CORRUPTION_DETECTED, message).at(call),
        ))
    }
}

fn write_canonical(value: &Value, text: &mut Vec<u8>) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            text.push(b'{');
            for (place, (name, value)) in fields.into_iter().enumerate() {
                if place > 0 {
                    text.push(b',');
                }
                write_json(name, text);
                text.push(b':');
                write_canonical(value, text);
            }
            text.push(b'}');
        }
        Value::Array(items) => {
            text.push(b'[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(b',');
                }
                write_canonical(item, text);
            }
            text.push(b']');
        }
        plain => write_json(plain, text),
    }
}

fn write_json(value: &(impl serde::Serialize + ?Sized), text: &mut Vec<u8>) {
    // Writing to a `Vec` cannot fail, and all keys are strings.
    let _ = serde_json::to_writer(text, value);
}

/// The payload with its first scalar value changed, as a faulty wire delivers it.
pub(super) fn corrupted(payload: &Value) -> Arc<Value> {
    let mut payload = payload.clone();
    corrupt(&mut payload);
    Arc::new(payload)
}

fn corrupt(value: &mut Value) {
    match value {
        Value::Null => *value = false.into(),
        Value::Bool(flag) => *flag = !*flag,
        Value::Number(number) => *value = number.as_i64().map_or(Value::Null, |n| (n ^ 1).into()),
        Value::String(text) => text.insert(0, char::REPLACEMENT_CHARACTER),
        Value::Array(items) => match items.first_mut() {
            Some(item) => corrupt(item),
            None => items.push(Value::Null),
        },
        Value::Object(fields) => corrupt_fields(fields),
    }
}

fn corrupt_fields(fields: &mut Map<String, Value>) {
    match fields.values_mut().next() {
        Some(value) => corrupt(value),
        None => {
            fields.insert(char::REPLACEMENT_CHARACTER.to_string(), Value::Null);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn checksum_ignores_the_order_of_fields() {
        let canonical = |value: &Value| {
            let mut text = Vec::new();
            write_canonical(value, &mut text);
            String::from_utf8(text).unwrap()
        };
        let one = json!({"b": [1, {"d": "\n", "c": null}], "a": 1.5});
        let other = json!({"a": 1.5, "b": [1, {"c": null, "d": "\n"}]});
        assert_eq!(canonical(&one), r#"{"a":1.5,"b":[1,{"c":null,"d":"\n"}]}"#);
        assert_eq!(Checksum::of(&one), Checksum::of(&other));
        let shuffled = json!({"a": 1.5, "b": [{"c": null, "d": "\n"}, 1]});
        assert_ne!(Checksum::of(&one), Checksum::of(&shuffled));
    }

    #[test]
    fn checksum_is_the_sha_256_of_canonical_json() {
        let hex: String = Checksum::of(&json!({}))
            .0
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        // printf '{}' | sha256sum
        assert_eq!(
            hex,
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let plain = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
        ];
        plain.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((".{0,4}", inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn corruption_is_always_detected(payload in any_json()) {
            let taken = Checksum::of(&payload);
            let call = CallName::new("S", "op");
            prop_assert_eq!(taken.check(&payload, "reply", &call), Ok(()));
            let failure = taken.check(&corrupted(&payload), "reply", &call).unwrap_err();
            prop_assert_eq!(&*failure.code, code::CORRUPTION_DETECTED);
        }
    }
}

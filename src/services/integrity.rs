//! Whether a payload arrives as it was sent.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::domain::{CallName, Failure, code, json_sha_256};

/// The SHA-256 of a payload's canonical JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checksum([u8; 32]);

impl Checksum {
    /// The checksum of a payload.
    pub fn of(payload: &Value) -> Self {
        Self(json_sha_256(payload))
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

    use super::*;

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

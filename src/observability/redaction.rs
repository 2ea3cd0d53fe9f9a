use std::sync::Arc;

use serde_json::Value;

/// What stands in place of a secret.
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

/// For each byte, as a set of letters, those that follow it where a secret begins.
const SECOND_LETTERS: [u32; 256] = {
    let mut seconds = [0; 256];
    let mut at = 0;
    while at < SECRETS.len() {
        let secret = SECRETS[at].as_bytes();
        let second = 1 << (secret[1] - b'a');
        seconds[secret[0] as usize] |= second;
        seconds[secret[0].to_ascii_uppercase() as usize] |= second;
        at += 1;
    }
    seconds
};

/// For each byte, the set of letters that it may stand for: a separator's may stand for any, as
/// there may be one behind it.
const LETTERS: [u32; 256] = {
    let mut letters = [u32::MAX; 256];
    let mut letter = 0;
    while letter < 26 {
        letters[b'a' as usize + letter] = 1 << letter;
        letters[b'A' as usize + letter] = 1 << letter;
        letter += 1;
    }
    letters
};

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
    // None is shorter.
    if key.len() < "token".len() {
        return false;
    }
    let pairs = key.as_bytes().windows(2).enumerate();
    let mut beginnings = pairs.filter(|(_, pair)| may_begin_secret(pair[0], pair[1]));
    beginnings.any(|(at, pair)| {
        let first = pair[0].to_ascii_lowercase();
        let mut same = SECRETS.iter().filter(|own| own.as_bytes()[0] == first);
        same.any(|secret| {
            // What begins with a letter of one byte begins between two characters.
            let mut rest = plain(&key[at..]);
            secret.chars().all(|letter| rest.next() == Some(letter))
        })
    })
}

/// Whether a secret may begin with these two bytes, the second of which may be a separator's.
fn may_begin_secret(first: u8, second: u8) -> bool {
    SECOND_LETTERS[usize::from(first)] & LETTERS[usize::from(second)] != 0
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
    fn every_secret_is_found_in_either_case() {
        for secret in SECRETS {
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

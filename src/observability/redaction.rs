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

/// As [`redact`], also in its texts: see [`redact_text`].
pub fn redact_with_texts(value: &Arc<Value>) -> Arc<Value> {
    let mut value = redact(value);
    if has_secret_text(&value) {
        hide_in_texts(Arc::make_mut(&mut value));
    }
    value
}

/// The text with what follows the name of a secret replaced by [`REDACTED`], as in `password=x`,
/// `"apiKey": "x"` and `Authorization: Bearer x`; `None` where it has no secret.
pub fn redact_text(text: &str) -> Option<String> {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(end) = rest.find([':', '=']) {
        let (name, value) = (&rest[..end], &rest[end + 1..]);
        let name = name.trim_end_matches([' ', '"', '\'', '\\']);
        let name = name.rsplit(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')));
        let is_secret = name.into_iter().next().is_some_and(looks_secret);
        let blanks = value.len() - value.trim_start().len();
        let length = if is_secret {
            value_length(&value[blanks..])
        } else {
            0
        };
        if length == 0 || value[blanks..].starts_with(REDACTED) {
            shown += &rest[..=end];
            rest = value;
        } else {
            shown += &rest[..end + 1 + blanks];
            shown += REDACTED;
            rest = &value[blanks + length..];
        }
    }
    shown += rest;
    (shown != text).then_some(shown)
}

/// The length of the value that a text begins with, in bytes: a quoted one, a word, or `Bearer` and a word;
/// of an object or a list, all that follows.
fn value_length(text: &str) -> usize {
    match text.chars().next() {
        Some('{' | '[') => text.len(),
        Some(quote @ ('"' | '\'')) => text[1..].find(quote).map_or(text.len(), |end| end + 2),
        _ => {
            let word = |text: &str| {
                let ends =
                    |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '&' | ')' | '}' | ']');
                text.find(ends).unwrap_or(text.len())
            };
            let first = word(text);
            let is_scheme = ["basic", "bearer"].contains(&&*text[..first].to_ascii_lowercase());
            match text[first..].strip_prefix(' ') {
                Some(next) if is_scheme => first + 1 + word(next),
                _ => first,
            }
        }
    }
}

fn has_secret_text(value: &Value) -> bool {
    match value {
        Value::String(text) => redact_text(text).is_some(),
        Value::Object(fields) => fields.values().any(has_secret_text),
        Value::Array(items) => items.iter().any(has_secret_text),
        _ => false,
    }
}

fn hide_in_texts(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(shown) = redact_text(text) {
                *text = shown;
            }
        }
        Value::Object(fields) => fields.values_mut().for_each(hide_in_texts),
        Value::Array(items) => items.iter_mut().for_each(hide_in_texts),
        _ => {}
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

    #[test]
    fn redact_text_hides_what_follows_the_name_of_a_secret() {
        for (text, shown) in [
            (
                "log in with password=hunter2",
                "log in with password=[redacted]",
            ),
            (
                "password: hunter2, user: ada",
                "password: [redacted], user: ada",
            ),
            (
                r#"got {"apiKey": "k 1", "n": 1}"#,
                r#"got {"apiKey": [redacted], "n": 1}"#,
            ),
            (
                "Authorization: Bearer abc.def rest",
                "Authorization: [redacted] rest",
            ),
            ("/cb?token=t-1&state=9", "/cb?token=[redacted]&state=9"),
            (r#"credentials: {"user": "ada"}"#, "credentials: [redacted]"),
            ("secret='unfinished", "secret=[redacted]"),
            ("a token=ä, ö=ü", "a token=[redacted], ö=ü"),
        ] {
            assert_eq!(redact_text(text).as_deref(), Some(shown), "{text}");
            assert_eq!(redact_text(shown), None, "{shown}");
        }
        for text in [
            "",
            "the token is not valid",
            "tokens: 5, maxTokens=7",
            "password:",
            "at 12:30: a = b",
            "unknown field `token`: did you mean `tokens`?",
        ] {
            assert_eq!(redact_text(text), None, "{text}");
        }
        let value = Arc::new(json!({"goal": ["token=t-1"], "secret": 1}));
        let shown = json!({"goal": ["token=[redacted]"], "secret": REDACTED});
        assert_eq!(*redact_with_texts(&value), shown);
    }
}

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Violation, did_you_mean, json_pointer, pointer_token};

/// Why a JSON text was refused: where, what was found, what was expected.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{source_name}:{line}:{column}: {}{message}", json_pointer::prefix(.pointer))]
pub struct JsonError {
    /// The file, or what the text is called.
    pub source_name: String,
    /// Line within the file, from 1.
    pub line: usize,
    /// Column within the line, from 1.
    pub column: usize,
    /// JSON pointer to the value at fault; empty for the whole text.
    pub pointer: String,
    /// What was found and what was expected.
    pub message: String,
}

/// Reads a value from JSON text that begins on `first_line` of `source_name`.
///
/// # Errors
///
/// If the text is not valid JSON, or not of the type: with the JSON pointer, the line,
/// and the nearest valid name where a field or variant is unknown.
pub fn from_json<T: DeserializeOwned>(
    text: &str,
    source_name: &str,
    first_line: usize,
) -> Result<T, JsonError> {
    // Tracking the path to each value takes longer than the rest, and only an error needs it.
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let refused = |pointer: String, error: &serde_json::Error| JsonError {
        source_name: source_name.to_owned(),
        line: (error.line() + first_line).saturating_sub(1),
        column: error.column(),
        pointer,
        message: readable(error),
    };
    let value = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| refused(pointer(error.path()), error.inner()))?;
    deserializer
        .end()
        .map_err(|error| refused(String::new(), &error))?;
    Ok(value)
}

/// Reads a value of a type from a JSON value.
///
/// # Errors
///
/// If it is not of the type: with the JSON pointer, and the nearest valid name where a field or
/// variant is unknown.
pub fn from_value<T: DeserializeOwned>(value: &Value) -> Result<T, Violation> {
    serde_path_to_error::deserialize(value)
        .map_err(|error| Violation::new(pointer(error.path()), readable(error.inner())))
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", pointer_token(key)),
            // The only field of the object that stands for the variant.
            Segment::Enum { variant } => format!("/{}", pointer_token(variant)),
            Segment::Unknown => String::new(),
        })
        .collect()
}

/// The message without its position, and with the nearest valid name.
fn readable(error: &serde_json::Error) -> String {
    let mut message = error.to_string();
    if let Some(position) = message.rfind(" at line ") {
        message.truncate(position);
    }
    // serde says "unknown field `x`, expected one of `a`, `b`" and keeps no
    // other trace of the names.
    // A nested value may have been given its hint already.
    if message.starts_with("unknown ") && !message.contains("; did you mean ") {
        let names: Vec<String> = message
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        if let Some((wanted, valid)) = names.split_first()
            && !valid.is_empty()
        {
            let hint = did_you_mean(wanted, valid.iter().map(String::as_str));
            if hint.starts_with("did") {
                message = format!("{message}; {hint}");
            }
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::domain::code;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read by serde")]
    struct Inner {
        latency: u32,
        reply: u32,
    }

    #[test]
    fn from_json_reports_pointer_line_and_nearest_name() {
        let text = "{\"a\": [\n  {\"latncy\": 1}\n]}";
        let error = from_json::<std::collections::BTreeMap<String, Vec<Inner>>>(text, "x.json", 10)
            .unwrap_err();
        assert_eq!(error.pointer, "/a/0/latncy");
        assert_eq!(error.line, 11);
        assert_eq!(
            error.message,
            "unknown field `latncy`, expected `latency` or `reply`; did you mean \"latency\"?"
        );
        assert!(error.to_string().starts_with("x.json:11:"));
    }

    #[test]
    fn from_value_reports_like_from_json() {
        let value = serde_json::json!({"a": [{"latncy": 1}]});
        let error = from_value::<std::collections::BTreeMap<String, Vec<Inner>>>(&value);
        let failure = error.unwrap_err().failure(code::VALIDATION_FAILED);
        assert_eq!(
            failure.message,
            "at /a/0/latncy: unknown field `latncy`, expected `latency` or `reply`; did you mean \"latency\"?"
        );
        assert_eq!(failure.field.as_deref(), Some("/a/0/latncy"));
        assert_eq!(&*failure.code, code::VALIDATION_FAILED);
    }

    #[test]
    fn from_json_reports_the_line_of_broken_json() {
        let error = from_json::<Value>("{\n\"a\": }", "x.json", 1).unwrap_err();
        assert_eq!((error.line, error.message.as_str()), (2, "expected value"));
        assert!(from_json::<Value>("{} {}", "x.json", 1).is_err());
    }
}

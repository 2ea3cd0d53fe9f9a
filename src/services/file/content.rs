use std::{fmt::Write as _, sync::Arc};

use serde_json::Value;

use super::{
    failures::{FileResult, refused},
    record::ContentForm,
};
use crate::{
    domain::{JsonSchema, code},
    observability::redact,
};

const CONTENT: &str = "content";
const CHECK: &str = "validateContent";

/// The new content of a file.
pub(super) struct Content {
    pub bytes: Vec<u8>,
    pub form: ContentForm,
}

impl Content {
    /// A string as it is; any other JSON indented, with a newline at the end.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => Self {
                bytes: text.clone().into_bytes(),
                form: ContentForm::Text,
            },
            value => Self {
                bytes: format!("{value:#}\n").into_bytes(),
                form: ContentForm::Json,
            },
        }
    }

    /// Parses bytes in the form in which they were written.
    pub fn parse(bytes: &[u8], form: ContentForm) -> Option<Value> {
        match form {
            ContentForm::Text => Some(std::str::from_utf8(bytes).ok()?.into()),
            ContentForm::Json => serde_json::from_slice(bytes).ok(),
        }
    }
}

/// What a content must satisfy before it replaces a file's.
pub(super) enum ContentCheck {
    /// Anything.
    Nothing,
    /// JSON.
    WellFormed,
    /// JSON that is valid against a schema.
    Schema(Box<JsonSchema>),
}

impl ContentCheck {
    /// Reads the field `validateContent`: a JSON Schema, or whether the content must be JSON.
    ///
    /// # Errors
    ///
    /// `VALIDATION_FAILED` if it is neither, or the schema is not valid.
    pub fn read(value: Option<&Value>) -> FileResult<Self> {
        match value {
            None | Some(Value::Null | Value::Bool(false)) => Ok(Self::Nothing),
            Some(Value::Bool(true)) => Ok(Self::WellFormed),
            Some(schema @ Value::Object(_)) => JsonSchema::compile(schema)
                .map(|schema| Self::Schema(Box::new(schema)))
                .map_err(|error| refused(code::VALIDATION_FAILED, CHECK, error.to_string())),
            Some(other) => {
                let message = format!("{other} is not a JSON Schema, true or false");
                Err(refused(code::VALIDATION_FAILED, CHECK, message))
            }
        }
    }

    /// Checks the bytes of a content.
    ///
    /// # Errors
    ///
    /// `VALIDATION_FAILED` with all that is wrong; the field is the JSON pointer of the first.
    pub fn run(&self, bytes: &[u8]) -> FileResult<()> {
        let json = |bytes: &[u8]| {
            serde_json::from_slice::<Value>(bytes).map_err(|error| {
                let message = format!("the content is not valid JSON: {error}");
                refused(code::VALIDATION_FAILED, CONTENT, message)
            })
        };
        match self {
            Self::Nothing => Ok(()),
            Self::WellFormed => json(bytes).map(|_| ()),
            Self::Schema(schema) => {
                let value = Arc::new(json(bytes)?);
                // A message quotes the value at fault, which may be a secret.
                let may_quote = Arc::ptr_eq(&redact(&value), &value);
                let faults = schema.faults(&value).into_iter();
                let wrong: Vec<(String, String)> = faults
                    .map(|fault| {
                        let at = format!("/{CONTENT}{}", fault.pointer);
                        (
                            at,
                            if may_quote {
                                fault.message
                            } else {
                                fault.masked
                            },
                        )
                    })
                    .collect();
                let Some((field, _)) = wrong.first() else {
                    return Ok(());
                };
                let mut message = "the content does not match its schema".to_owned();
                for (at, error) in &wrong {
                    let _ = write!(message, "\n  at {at}: {error}");
                }
                Err(refused(code::VALIDATION_FAILED, field, message))
            }
        }
    }
}

#[cfg(all(test, feature = "json-schema"))]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn content_check_is_a_schema_or_a_boolean() {
        for (check, content, passes) in [
            (json!(null), "{", true),
            (json!(false), "{", true),
            (json!(true), "{", false),
            (json!(true), "{}", true),
            (json!({ "type": "array" }), "{}", false),
            (json!({ "type": "array" }), "[]", true),
            (json!({ "type": "array" }), "[", false),
        ] {
            let found = ContentCheck::read(Some(&check))
                .unwrap()
                .run(content.as_bytes());
            assert_eq!(found.is_ok(), passes, "{check} {content}");
        }
        for none in [json!("true"), json!({ "type": "aray" })] {
            let failure = ContentCheck::read(Some(&none)).err().unwrap();
            assert_eq!(failure.field.as_deref(), Some("validateContent"));
        }
    }

    #[test]
    fn content_check_quotes_no_secret() {
        let schema = json!({ "properties": { "password": { "type": "integer" } } });
        let check = ContentCheck::read(Some(&schema)).unwrap();
        let failure = check.run(br#"{"password": "open sesame"}"#).unwrap_err();
        assert!(!failure.message.contains("sesame"), "{failure}");
        assert_eq!(failure.field.as_deref(), Some("/content/password"));
    }
}

use std::fmt::Write as _;

use jsonschema::Validator;
use serde_json::Value;

use super::{
    failures::{FileResult, refused},
    record::Form,
};
use crate::domain::code;

const CONTENT: &str = "content";
const CHECK: &str = "validateContent";

/// What a file is to hold.
pub(super) struct Content {
    pub bytes: Vec<u8>,
    pub form: Form,
}

impl Content {
    /// A text as it is; any other JSON indented, with a line end behind it.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::String(text) => Self {
                bytes: text.clone().into_bytes(),
                form: Form::Text,
            },
            value => Self {
                bytes: format!("{value:#}\n").into_bytes(),
                form: Form::Json,
            },
        }
    }

    /// What bytes hold, in the form that they were given in.
    pub fn give_back(bytes: &[u8], form: Form) -> Option<Value> {
        match form {
            Form::Text => Some(std::str::from_utf8(bytes).ok()?.into()),
            Form::Json => serde_json::from_slice(bytes).ok(),
        }
    }
}

/// What a content must be before it may take its file's place.
pub(super) enum Check {
    /// Anything.
    Nothing,
    /// JSON.
    WellFormed,
    /// JSON that a schema allows.
    Schema(Box<Validator>),
}

impl Check {
    /// Reads the field `validateContent`: a JSON Schema, or whether it must be JSON at all.
    ///
    /// # Errors
    ///
    /// `VALIDATION_FAILED` if it is neither, or the schema is none.
    pub fn read(value: Option<&Value>) -> FileResult<Self> {
        match value {
            None | Some(Value::Null | Value::Bool(false)) => Ok(Self::Nothing),
            Some(Value::Bool(true)) => Ok(Self::WellFormed),
            Some(schema @ Value::Object(_)) => jsonschema::validator_for(schema)
                .map(|validator| Self::Schema(Box::new(validator)))
                .map_err(|error| {
                    let message = format!("the schema is none: {error}");
                    refused(code::VALIDATION_FAILED, CHECK, message)
                }),
            Some(other) => {
                let message = format!("{other} is no JSON Schema and neither true nor false");
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
                let message = format!("the content is no JSON: {error}");
                refused(code::VALIDATION_FAILED, CONTENT, message)
            })
        };
        match self {
            Self::Nothing => Ok(()),
            Self::WellFormed => json(bytes).map(|_| ()),
            Self::Schema(validator) => {
                let value = json(bytes)?;
                let mut wrong: Vec<(String, String)> = validator
                    .iter_errors(&value)
                    .map(|error| {
                        let at = format!("/{CONTENT}{}", error.instance_path());
                        (at, error.to_string())
                    })
                    .collect();
                wrong.sort();
                let Some((field, _)) = wrong.first() else {
                    return Ok(());
                };
                let mut message = "the content is not as its schema says".to_owned();
                for (at, error) in &wrong {
                    let _ = write!(message, "\n  at {at}: {error}");
                }
                Err(refused(code::VALIDATION_FAILED, field, message))
            }
        }
    }
}

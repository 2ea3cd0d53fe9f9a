use super::{Failure, json_pointer};

/// What is wrong with a JSON value, and where in it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq, PartialOrd, Ord)]
#[error("{}{message}", json_pointer::prefix(.pointer))]
pub struct Violation {
    /// JSON pointer to the part at fault; empty for the whole value.
    pub pointer: String,
    /// What was found and what was expected.
    pub message: String,
}

/// What a JSON Schema finds wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaFault {
    /// JSON pointer to what is at fault, also where it is missing.
    pub pointer: String,
    /// What was found and what was expected; quotes scalar values.
    pub message: String,
    /// The same without quoting, for secrets.
    pub masked: String,
    /// The keyword of the schema that it breaks, such as `required` or `pattern`.
    pub keyword: String,
}

impl Violation {
    /// What is wrong at a pointer.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
        }
    }

    /// The same, for a value at a pointer within a larger one.
    #[must_use]
    pub fn within(mut self, pointer: &str) -> Self {
        self.pointer.insert_str(0, pointer);
        self
    }

    /// The failure of a call with this code, and the pointer as its field.
    pub fn failure(self, code: &str) -> Box<Failure> {
        Box::new(Failure::new(code, self.to_string()).field(self.pointer))
    }
}

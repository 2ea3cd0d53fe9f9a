use std::convert::Infallible;

use serde_json::Value;

use super::Violation;

/// A JSON Schema. There is none: the Cargo feature `json-schema` is off.
#[derive(Debug)]
pub struct JsonSchema(Infallible);

/// What is wrong with a value, as its schema has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaFault {
    /// JSON pointer to what is at fault.
    pub pointer: String,
    /// What was found and what was expected.
    pub message: String,
    /// The same without quoting.
    pub masked: String,
}

impl JsonSchema {
    /// Compiles no schema.
    ///
    /// # Errors
    ///
    /// Always: it names the Cargo feature that is off.
    pub fn compile(_: &Value) -> Result<Self, Violation> {
        Err(Violation::new(
            "",
            "a JSON Schema needs the Cargo feature `json-schema` of rehearsal, which is off",
        ))
    }

    /// All that is wrong with a value.
    pub fn faults(&self, _: &Value) -> Vec<SchemaFault> {
        match self.0 {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_refused_by_naming_the_feature_it_needs() {
        let refused = JsonSchema::compile(&Value::Bool(true)).unwrap_err();
        assert!(refused.to_string().contains("`json-schema`"), "{refused}");
    }
}

use std::convert::Infallible;

use serde_json::Value;

use super::{SchemaFault, Violation};

/// A JSON Schema, which does not exist while the Cargo feature `json-schema` is off.
#[derive(Debug)]
pub struct JsonSchema(Infallible);

impl JsonSchema {
    /// Refuses every schema.
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
    fn compile_names_the_feature_that_is_off() {
        let refused = JsonSchema::compile(&Value::Bool(true)).unwrap_err();
        assert!(refused.to_string().contains("`json-schema`"), "{refused}");
    }
}

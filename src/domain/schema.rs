use std::fmt;

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde_json::{Map, Value};

use super::{SchemaFault, Violation, did_you_mean, pointer_token};

/// A JSON Schema of [draft 2020-12](https://json-schema.org/draft/2020-12), compiled.
///
/// Formats are checked, and nothing is fetched from elsewhere.
pub struct JsonSchema {
    validator: Validator,
    source: Value,
}

impl JsonSchema {
    /// Compiles a schema.
    ///
    /// # Errors
    ///
    /// If it is not a valid schema, refers to something outside of it, or names a format that does not exist.
    pub fn compile(source: &Value) -> Result<Self, Violation> {
        let validator = jsonschema::draft202012::options()
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .build(source)
            .map_err(|error| refused(&error))?;
        Ok(Self {
            validator,
            source: source.clone(),
        })
    }

    /// The schema itself.
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// All that is wrong with a value, in the order of the pointers.
    pub fn faults(&self, value: &Value) -> Vec<SchemaFault> {
        if self.validator.is_valid(value) {
            return Vec::new();
        }
        let errors = self.validator.iter_errors(value);
        let mut faults: Vec<SchemaFault> =
            errors.flat_map(|error| self.faults_of(&error)).collect();
        // The validator promises no order.
        faults.sort();
        faults.dedup();
        faults
    }

    /// The properties that a part of the schema names, itself or by reference to another part.
    pub fn properties<'a>(&'a self, part: &'a Value) -> Option<&'a Map<String, Value>> {
        let referred = part
            .get("$ref")
            .and_then(|reference| self.source.pointer(reference.as_str()?.strip_prefix('#')?));
        let own = part.get("properties");
        own.or_else(|| referred?.get("properties"))?.as_object()
    }

    /// One fault, or one for each unexpected property.
    fn faults_of(&self, error: &ValidationError<'_>) -> Vec<SchemaFault> {
        let pointer = error.instance_path().as_str();
        let keyword = error.kind().keyword();
        match error.kind() {
            ValidationErrorKind::Required {
                property: Value::String(property),
            } => vec![plain(
                keyword,
                format!("{pointer}/{}", pointer_token(property)),
                "is required".to_owned(),
            )],
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                let one = |property: &String| {
                    let hint = self.nearest_property(error, property);
                    plain(
                        keyword,
                        format!("{pointer}/{}", pointer_token(property)),
                        format!("{property:?} is not known here: {hint}"),
                    )
                };
                unexpected.iter().map(one).collect()
            }
            _ => {
                let masked = error.masked().to_string();
                let message = match error.instance().as_ref() {
                    Value::Object(_) | Value::Array(_) => masked.clone(),
                    _ => error.to_string(),
                };
                vec![SchemaFault {
                    pointer: pointer.to_owned(),
                    message,
                    masked,
                    keyword: keyword.to_owned(),
                }]
            }
        }
    }

    fn nearest_property(&self, error: &ValidationError<'_>, unexpected: &str) -> String {
        // The place of the keyword in the schema, references followed.
        let keyword = error.schema_path().as_str();
        let parent = keyword.rsplit_once('/').map_or("", |(parent, _)| parent);
        let names = self
            .source
            .pointer(parent)
            .and_then(|it| self.properties(it));
        did_you_mean(
            unexpected,
            names.into_iter().flat_map(Map::keys).map(String::as_str),
        )
    }
}

/// A fault whose message quotes no value.
fn plain(keyword: &str, pointer: String, message: String) -> SchemaFault {
    SchemaFault {
        keyword: keyword.to_owned(),
        pointer,
        masked: message.clone(),
        message,
    }
}

impl fmt::Debug for JsonSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JsonSchema").field(&self.source).finish()
    }
}

fn refused(error: &ValidationError<'_>) -> Violation {
    const TYPES: [&str; 7] = [
        "array", "boolean", "integer", "null", "number", "object", "string",
    ];
    // A keyword that does not compile has a place in the schema; a schema that breaks the metaschema
    // is an instance of that.
    let pointer = match error.kind() {
        ValidationErrorKind::Custom { .. } => error.schema_path().as_str(),
        _ => error.instance_path().as_str(),
    };
    let message = match (pointer.rsplit('/').next(), error.instance().as_ref()) {
        (Some("type"), Value::String(found)) => {
            format!("there is no type {found:?}, {}", did_you_mean(found, TYPES))
        }
        _ => error.to_string(),
    };
    Violation::new(pointer, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn faults_have_a_pointer_and_the_nearest_name() {
        let schema = JsonSchema::compile(&json!({
            "type": "object",
            "required": ["name"],
            "properties": { "steps": { "type": "array", "items": { "$ref": "#/$defs/step" } } },
            "$defs": { "step": {
                "properties": { "service": { "type": "string" }, "timeout": {} },
                "additionalProperties": false,
            } },
        }));
        let value = json!({ "steps": [{ "service": 1 }, { "timeuot": 1, "x/y": 2 }] });
        let faults: Vec<_> = schema
            .unwrap()
            .faults(&value)
            .into_iter()
            .map(|found| (found.keyword, found.pointer, found.message, found.masked))
            .collect();
        let fault = |keyword: &str, pointer: &str, message: &str, masked: &str| {
            let own = str::to_owned;
            (own(keyword), own(pointer), own(message), own(masked))
        };
        let known = "\"timeuot\" is not known here: did you mean \"timeout\"?";
        let others = "\"x/y\" is not known here: there are: \"service\", \"timeout\"";
        assert_eq!(
            faults,
            [
                fault("required", "/name", "is required", "is required"),
                fault(
                    "type",
                    "/steps/0/service",
                    "1 is not of type \"string\"",
                    "value is not of type \"string\""
                ),
                fault("additionalProperties", "/steps/1/timeuot", known, known),
                fault("additionalProperties", "/steps/1/x~1y", others, others),
            ]
        );
    }

    #[test]
    fn compile_refuses_an_invalid_schema_with_its_place() {
        for (source, pointer, says) in [
            (
                json!({ "type": "strng" }),
                "/type",
                "did you mean \"string\"?",
            ),
            (json!({ "minimum": "1" }), "/minimum", "is not of type"),
            (json!({ "format": "nonsense" }), "/format", "nonsense"),
            (
                json!({ "$ref": "https://example.com/other" }),
                "",
                "example.com",
            ),
        ] {
            let error = JsonSchema::compile(&source).unwrap_err();
            assert_eq!(error.pointer, pointer, "{error}");
            assert!(error.message.contains(says), "{error}");
        }
    }
}

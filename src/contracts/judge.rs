use indexmap::IndexMap;
use serde_json::Value;

use super::{Breach, BreachKind, Expectation, Operation, Strictness, mismatches};
use crate::{
    domain::{Failure, JsonSchema, Violation, code},
    services::CallResult,
};

/// What an operation promises, ready to hold calls to it.
pub(super) struct Judge<'a> {
    pub operation: &'a Operation,
    /// The schema of what it takes.
    pub input: JsonSchema,
    output: Option<JsonSchema>,
    /// The schemas of failures, in the order of the declared errors.
    errors: Vec<Option<JsonSchema>>,
}

/// What a call is to come to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expected {
    /// A reply as declared, or a declared failure.
    Declared,
    /// A reply as declared that holds at least this.
    Output(Value),
    /// A failure with this code.
    Error(String),
    /// A declared failure, or `VALIDATION_FAILED`, because the input breaks its schema.
    Refusal {
        /// The keyword that is broken.
        keyword: String,
        /// JSON pointer into the input.
        pointer: String,
    },
}

impl From<Option<&Expectation>> for Expected {
    fn from(expectation: Option<&Expectation>) -> Self {
        match expectation {
            None => Self::Declared,
            Some(Expectation::Output(output)) => Self::Output(output.clone()),
            Some(Expectation::Error(code)) => Self::Error(code.clone()),
        }
    }
}

impl<'a> Judge<'a> {
    /// Compiles the schemas of an operation.
    ///
    /// # Errors
    ///
    /// If one does not compile.
    pub fn new(operation: &'a Operation, strictness: Strictness) -> Result<Self, Violation> {
        let output = strictness.applied_to(&operation.output);
        let of_error =
            |schema: &Option<Value>| schema.as_ref().map(JsonSchema::compile).transpose();
        let errors = operation.errors.iter().map(|error| of_error(&error.schema));
        Ok(Self {
            operation,
            input: JsonSchema::compile(&operation.input)?,
            output: output.as_ref().map(JsonSchema::compile).transpose()?,
            errors: errors.collect::<Result<_, _>>()?,
        })
    }

    /// In what a call does not keep to the promise.
    pub fn breaches(&self, expected: &Expected, result: &CallResult) -> Vec<Breach> {
        match result {
            Ok(reply) => self.of_reply(expected, &reply.value),
            Err(failure) => self.of_failure(expected, failure),
        }
    }

    fn of_reply(&self, expected: &Expected, reply: &Value) -> Vec<Breach> {
        match expected {
            Expected::Refusal { keyword, pointer } => {
                let message = format!("accepts input that breaks {keyword} at {pointer:?}");
                let breach = Breach::new(BreachKind::AcceptsBroken, message);
                return vec![breach.at(pointer, keyword)];
            }
            Expected::Error(code) => {
                let message = format!("expected {code}, it replies {reply}");
                return vec![Breach::new(BreachKind::UnexpectedReply, message)];
            }
            Expected::Declared | Expected::Output(_) => {}
        }
        let mut breaches = mismatched(self.output.as_ref(), reply, BreachKind::Output);
        if let Expected::Output(expected) = expected {
            for found in mismatches(expected, reply, &IndexMap::new()) {
                let breach = Breach::new(BreachKind::Output, found.message);
                breaches.push(breach.at(found.pointer, found.rule));
            }
        }
        breaches
    }

    fn of_failure(&self, expected: &Expected, failure: &Failure) -> Vec<Breach> {
        let declared = &self.operation.errors;
        let known = declared
            .iter()
            .position(|error| *error.code == *failure.code);
        let refusal = matches!(expected, Expected::Refusal { .. });
        if known.is_none() && !(refusal && *failure.code == *code::VALIDATION_FAILED) {
            let codes: Vec<&str> = declared.iter().map(|error| error.code.as_str()).collect();
            let message = format!("{failure}; declared: {}", listed(&codes));
            let breach = Breach::new(BreachKind::UndeclaredError, message);
            return vec![breach.code(&failure.code)];
        }
        let wanted = match expected {
            Expected::Output(_) => Some("a reply"),
            Expected::Error(code) if **code != *failure.code => Some(code.as_str()),
            _ => None,
        };
        if let Some(wanted) = wanted {
            let message = format!("expected {wanted}: {failure}");
            let breach = Breach::new(BreachKind::UnexpectedError, message);
            return vec![breach.code(&failure.code)];
        }
        let schema = known.and_then(|index| self.errors[index].as_ref());
        // A failure is plain data; it cannot fail to be written.
        let details = serde_json::to_value(failure).unwrap_or_default();
        let breaches = mismatched(schema, &details, BreachKind::ErrorDetails);
        let coded = |breach: Breach| breach.code(&failure.code);
        breaches.into_iter().map(coded).collect()
    }
}

fn mismatched(schema: Option<&JsonSchema>, value: &Value, kind: BreachKind) -> Vec<Breach> {
    let faults = schema.map_or_else(Vec::new, |schema| schema.faults(value));
    let breach = |fault: crate::domain::SchemaFault| {
        Breach::new(kind, fault.message).at(fault.pointer, fault.keyword)
    };
    faults.into_iter().map(breach).collect()
}

fn listed(codes: &[&str]) -> String {
    match codes {
        [] => "none".to_owned(),
        codes => codes.join(", "),
    }
}

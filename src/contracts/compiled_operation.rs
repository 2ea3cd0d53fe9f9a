use indexmap::IndexMap;
use serde_json::Value;

use super::{
    Breach, BreachKind, Expectation, PromisedOperation, Strictness, generate::BrokenInput,
};
use crate::{
    domain::{Failure, JsonSchema, SchemaFault, Violation, code},
    services::CallResult,
};

/// A promised operation with its schemas, which results are checked against.
pub(super) struct CompiledOperation<'a> {
    pub operation: &'a PromisedOperation,
    pub input: JsonSchema,
    output: Option<JsonSchema>,
    /// The schemas of failures, in the order of the declared errors.
    errors: Vec<Option<JsonSchema>>,
}

impl<'a> CompiledOperation<'a> {
    /// Compiles the schemas of an operation.
    ///
    /// # Errors
    ///
    /// If one does not compile.
    pub fn new(
        operation: &'a PromisedOperation,
        strictness: Strictness,
    ) -> Result<Self, Violation> {
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

    /// How a result breaks the promise: it must be declared and, if one is expected, as expected.
    pub fn breaches(&self, expected: Option<&Expectation>, result: &CallResult) -> Vec<Breach> {
        let unexpected = expected.map_or_else(Vec::new, |expected| {
            expected.breaches(result, &IndexMap::new())
        });
        match result {
            Ok(_) if matches!(expected, Some(Expectation::Error(_))) => unexpected,
            Ok(reply) => {
                let mut breaches =
                    schema_breaches(self.output.as_ref(), &reply.value, BreachKind::Output);
                breaches.extend(unexpected);
                breaches
            }
            Err(failure) => match self.declared(failure) {
                None => vec![self.undeclared(failure)],
                Some(_) if !unexpected.is_empty() => unexpected,
                Some(index) => self.detail_breaches(index, failure),
            },
        }
    }

    /// How a result fails to refuse a broken input: it must be a declared failure, or
    /// `VALIDATION_FAILED`.
    pub fn refusal_breaches(&self, broken: &BrokenInput, result: &CallResult) -> Vec<Breach> {
        let BrokenInput {
            keyword, pointer, ..
        } = broken;
        match result {
            Ok(_) => {
                let message = format!("accepts input that breaks {keyword} at {pointer:?}");
                let breach = Breach::new(BreachKind::AcceptsBroken, message);
                vec![breach.at(pointer, keyword)]
            }
            Err(failure) => match self.declared(failure) {
                Some(index) => self.detail_breaches(index, failure),
                None if *failure.code == *code::VALIDATION_FAILED => Vec::new(),
                None => vec![self.undeclared(failure)],
            },
        }
    }

    /// The index of the declared error with a failure's code.
    fn declared(&self, failure: &Failure) -> Option<usize> {
        let mut codes = self.operation.errors.iter().map(|error| &*error.code);
        codes.position(|code| code == &*failure.code)
    }

    fn undeclared(&self, failure: &Failure) -> Breach {
        let codes: Vec<&str> = self.operation.errors.iter().map(|it| &*it.code).collect();
        let declared = match codes.is_empty() {
            true => "none".to_owned(),
            false => codes.join(", "),
        };
        let message = format!("{failure}; declared: {declared}");
        Breach::new(BreachKind::UndeclaredError, message).code(&failure.code)
    }

    fn detail_breaches(&self, index: usize, failure: &Failure) -> Vec<Breach> {
        // Serializing cannot fail: a failure is plain data.
        let details = serde_json::to_value(failure).unwrap_or_default();
        let breaches = schema_breaches(
            self.errors[index].as_ref(),
            &details,
            BreachKind::ErrorDetails,
        );
        let coded = |breach: Breach| breach.code(&failure.code);
        breaches.into_iter().map(coded).collect()
    }
}

fn schema_breaches(schema: Option<&JsonSchema>, value: &Value, kind: BreachKind) -> Vec<Breach> {
    let faults = schema.map_or_else(Vec::new, |schema| schema.faults(value));
    let breach =
        |fault: SchemaFault| Breach::new(kind, fault.message).at(fault.pointer, fault.keyword);
    faults.into_iter().map(breach).collect()
}

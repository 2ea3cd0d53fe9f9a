use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;

use super::{ProviderState, States, Strictness, state};
use crate::domain::{JsonSchema, Violation, is_code};

/// What a service promises to whoever calls it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderContract {
    /// The schema, for editors.
    #[serde(default, rename = "$schema")]
    pub schema: Option<String>,
    /// The service.
    pub service: String,
    /// The version of the contract.
    pub version: String,
    /// How closely outputs are held to their schemas.
    #[serde(default)]
    pub strictness: Strictness,
    /// The operations promised.
    pub operations: Vec<Operation>,
    /// What the states that cases start from take.
    #[serde(default)]
    pub states: States,
}

/// One operation that is promised.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operation {
    /// Its name within the service.
    pub name: String,
    /// The JSON Schema of what it takes.
    pub input: Value,
    /// The JSON Schema of what it replies.
    pub output: Value,
    /// The ways in which it may fail.
    #[serde(default)]
    pub errors: Vec<OperationError>,
    /// The calls that show it.
    #[serde(default)]
    pub cases: Vec<Case>,
}

/// A way in which an operation may fail.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OperationError {
    /// The failure's code.
    pub code: String,
    /// The JSON Schema of the failure, any unless given.
    #[serde(default)]
    pub schema: Option<Value>,
}

/// A call that shows an operation.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// The state that the service is brought to before.
    #[serde(default)]
    pub provider_state: Option<String>,
    /// What is sent.
    pub input: Value,
    /// What it comes to; a reply or a declared error unless given.
    #[serde(default)]
    pub expect: Option<Expectation>,
}

/// What a call is to come to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Expectation {
    /// A reply that holds at least this.
    Output(Value),
    /// A failure with this code.
    Error(String),
}

impl ProviderContract {
    /// Everything that is wrong with it, which its form does not tell.
    pub fn faults(&self) -> Vec<Violation> {
        let mut faults = Vec::new();
        let mut names = HashSet::new();
        for (index, operation) in self.operations.iter().enumerate() {
            let at = format!("/operations/{index}");
            if !names.insert(&operation.name) {
                faults.push(fault(&at, "/name", twice("operation", &operation.name)));
            }
            operation.check(&at, &mut faults);
        }
        state::check(&self.states, &mut faults);
        faults
    }
}

impl Operation {
    /// Whether it may fail with a code.
    pub fn declares(&self, code: &str) -> bool {
        self.errors.iter().any(|error| error.code == code)
    }

    fn check(&self, at: &str, faults: &mut Vec<Violation>) {
        let input = compile(&self.input, at, "/input", faults);
        compile(&self.output, at, "/output", faults);
        let mut codes = HashSet::new();
        for (index, error) in self.errors.iter().enumerate() {
            let at = format!("{at}/errors/{index}");
            if !is_code(&error.code) {
                faults.push(fault(&at, "/code", not_a_code(&error.code)));
            } else if !codes.insert(&error.code) {
                faults.push(fault(&at, "/code", twice("error", &error.code)));
            }
            if let Some(schema) = &error.schema {
                compile(schema, &at, "/schema", faults);
            }
        }
        let mut names = HashSet::new();
        for (index, case) in self.cases.iter().enumerate() {
            let at = format!("{at}/cases/{index}");
            if !names.insert(&case.name) {
                faults.push(fault(&at, "/name", twice("case", &case.name)));
            }
            case.check(&at, input.as_ref(), faults);
        }
    }
}

impl Case {
    /// The state it starts from, without parameters.
    pub fn state(&self) -> Option<ProviderState> {
        self.provider_state.clone().map(ProviderState::named)
    }

    /// A case that shows no error must send what the operation takes.
    fn check(&self, at: &str, input: Option<&JsonSchema>, faults: &mut Vec<Violation>) {
        if let Some(Expectation::Error(code)) = &self.expect {
            if !is_code(code) {
                faults.push(fault(at, "/expect/error", not_a_code(code)));
            }
            return;
        }
        for found in input.map_or_else(Vec::new, |schema| schema.faults(&self.input)) {
            let pointer = format!("/input{}", found.pointer);
            faults.push(fault(at, &pointer, found.message));
        }
    }
}

pub(super) fn fault(at: &str, pointer: &str, message: impl Into<String>) -> Violation {
    Violation::new(pointer, message).within(at)
}

pub(super) fn twice(what: &str, name: &str) -> String {
    format!("the {what} {name:?} is declared twice")
}

pub(super) fn not_a_code(code: &str) -> String {
    format!("{code:?} is no code, expected UPPER_SNAKE case")
}

fn compile(
    source: &Value,
    at: &str,
    pointer: &str,
    faults: &mut Vec<Violation>,
) -> Option<JsonSchema> {
    let refused =
        |error: Violation| fault(at, &format!("{pointer}{}", error.pointer), error.message);
    JsonSchema::compile(source)
        .map_err(|error| faults.push(refused(error)))
        .ok()
}

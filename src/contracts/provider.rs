use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;

use super::{Expectation, ProviderStates, Strictness, state};
use crate::domain::{JsonSchema, Violation, check_code};

/// What a service promises its callers.
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
    /// How strictly outputs are checked against their schemas.
    #[serde(default)]
    pub strictness: Strictness,
    /// The operations promised.
    pub operations: Vec<PromisedOperation>,
    /// How the states that cases start from are reached.
    #[serde(default)]
    pub states: ProviderStates,
}

/// An operation that a contract promises.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PromisedOperation {
    /// Its name within the service.
    pub name: String,
    /// The JSON Schema of its input.
    pub input: Value,
    /// The JSON Schema of its output.
    pub output: Value,
    /// The ways in which it may fail.
    #[serde(default)]
    pub errors: Vec<DeclaredError>,
    /// The calls that verify it.
    #[serde(default)]
    pub cases: Vec<ContractCase>,
}

/// A way in which an operation may fail.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclaredError {
    /// The failure's code.
    pub code: String,
    /// The JSON Schema of the failure; by default any is valid.
    #[serde(default)]
    pub schema: Option<Value>,
}

/// A call that verifies an operation.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContractCase {
    /// What it is about.
    pub name: String,
    /// The state that the service is brought to first.
    #[serde(default)]
    pub provider_state: Option<String>,
    /// The input sent.
    pub input: Value,
    /// Its result; by default any declared one.
    #[serde(default)]
    pub expect: Option<Expectation>,
}

impl ProviderContract {
    /// All faults that reading it does not find.
    pub fn faults(&self) -> Vec<Violation> {
        let mut faults = Vec::new();
        let mut names = HashSet::new();
        for (index, operation) in self.operations.iter().enumerate() {
            let at = format!("/operations/{index}");
            if !names.insert(&operation.name) {
                let message = declared_twice("operation", &operation.name);
                faults.push(Violation::new(format!("{at}/name"), message));
            }
            operation.check(&at, &mut faults);
        }
        state::check(&self.states, &mut faults);
        faults
    }
}

impl PromisedOperation {
    fn check(&self, at: &str, faults: &mut Vec<Violation>) {
        let input = compile(&self.input, &format!("{at}/input"), faults);
        compile(&self.output, &format!("{at}/output"), faults);
        let mut codes = HashSet::new();
        for (index, error) in self.errors.iter().enumerate() {
            let at = format!("{at}/errors/{index}");
            if let Err(message) = check_code(&error.code) {
                faults.push(Violation::new(format!("{at}/code"), message));
            } else if !codes.insert(&error.code) {
                let message = declared_twice("error", &error.code);
                faults.push(Violation::new(format!("{at}/code"), message));
            }
            if let Some(schema) = &error.schema {
                compile(schema, &format!("{at}/schema"), faults);
            }
        }
        let mut names = HashSet::new();
        for (index, case) in self.cases.iter().enumerate() {
            let at = format!("{at}/cases/{index}");
            if !names.insert(&case.name) {
                let message = declared_twice("case", &case.name);
                faults.push(Violation::new(format!("{at}/name"), message));
            }
            case.check(&at, input.as_ref(), faults);
        }
    }
}

impl ContractCase {
    /// A case that expects no error must send valid input.
    fn check(&self, at: &str, input: Option<&JsonSchema>, faults: &mut Vec<Violation>) {
        if let Some(Expectation::Error(code)) = &self.expect {
            if let Err(message) = check_code(code) {
                faults.push(Violation::new(format!("{at}/expect/error"), message));
            }
            return;
        }
        for found in input.map_or_else(Vec::new, |schema| schema.faults(&self.input)) {
            faults
                .push(Violation::new(found.pointer, found.message).within(&format!("{at}/input")));
        }
    }
}

pub(super) fn declared_twice(what: &str, name: &str) -> String {
    format!("the {what} {name:?} is declared twice")
}

fn compile(source: &Value, at: &str, faults: &mut Vec<Violation>) -> Option<JsonSchema> {
    JsonSchema::compile(source)
        .map_err(|error| faults.push(error.within(at)))
        .ok()
}

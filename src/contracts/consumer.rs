use std::collections::HashSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Breach, BreachKind, MatchingRule, Mismatch, ProviderState, States, matching_rule, mismatches,
    provider::{fault, not_a_code, twice},
    state,
};
use crate::{
    domain::{Violation, is_code},
    services::CallResult,
};

/// What one service relies on of another, as recorded interactions.
///
/// In the spirit of [Pact](https://github.com/pact-foundation/pact-specification): an interaction is
/// an example, and rules say where a reply may differ from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsumerContract {
    /// The schema, for editors.
    #[serde(default, rename = "$schema", skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Who relies on it.
    pub consumer: String,
    /// The service that is relied on.
    pub provider: String,
    /// What was recorded.
    pub interactions: Vec<Interaction>,
    /// What the states that interactions start from take.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub states: States,
}

/// A call and what it came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Interaction {
    /// What it shows.
    pub description: String,
    /// The states that the provider is brought to before, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provider_states: Vec<ProviderState>,
    /// What is asked.
    pub request: Request,
    /// What it comes to.
    pub response: Response,
    /// Where a reply may differ from the recorded one, by JSON pointer into it; a `*` in a pointer
    /// stands for every item or field.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub matching_rules: IndexMap<String, MatchingRule>,
}

/// What is asked of a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The operation called.
    pub operation: String,
    /// What is sent.
    pub input: Value,
}

/// What a recorded call came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Response {
    /// A reply; one that holds more will do as well.
    Output(Value),
    /// A failure with this code.
    Error(String),
}

impl ConsumerContract {
    /// Everything that is wrong with it, which its form does not tell.
    pub fn faults(&self) -> Vec<Violation> {
        let mut faults = Vec::new();
        let mut descriptions = HashSet::new();
        for (index, interaction) in self.interactions.iter().enumerate() {
            let at = format!("/interactions/{index}");
            let description = &interaction.description;
            if !descriptions.insert(description) {
                faults.push(fault(
                    &at,
                    "/description",
                    twice("interaction", description),
                ));
            }
            match &interaction.response {
                Response::Error(code) if !is_code(code) => {
                    faults.push(fault(&at, "/response/error", not_a_code(code)));
                }
                Response::Error(_) if !interaction.matching_rules.is_empty() => {
                    let message = "rules match an output, and the response is an error";
                    faults.push(fault(&at, "/matchingRules", message));
                }
                Response::Error(_) => {}
                Response::Output(output) => {
                    let at = format!("{at}/matchingRules");
                    matching_rule::check(&interaction.matching_rules, output, &at, &mut faults);
                }
            }
        }
        state::check(&self.states, &mut faults);
        faults
    }
}

impl Interaction {
    /// In what a call differs from the recorded one.
    pub(super) fn breaches(&self, result: &CallResult) -> Vec<Breach> {
        match (&self.response, result) {
            (Response::Output(expected), Ok(reply)) => {
                let found = mismatches(expected, &reply.value, &self.matching_rules);
                let breach = |found: Mismatch| {
                    Breach::new(BreachKind::Output, found.message).at(found.pointer, found.rule)
                };
                found.into_iter().map(breach).collect()
            }
            (Response::Output(_), Err(failure)) => vec![
                Breach::new(
                    BreachKind::UnexpectedError,
                    format!("expected a reply: {failure}"),
                )
                .code(&failure.code),
            ],
            (Response::Error(code), Err(failure)) if **code == *failure.code => Vec::new(),
            (Response::Error(code), Err(failure)) => vec![
                Breach::new(
                    BreachKind::UnexpectedError,
                    format!("expected {code}: {failure}"),
                )
                .code(&failure.code),
            ],
            (Response::Error(code), Ok(reply)) => {
                let message = format!("expected {code}, it replies {}", reply.value);
                vec![Breach::new(BreachKind::UnexpectedReply, message)]
            }
        }
    }
}

use std::collections::HashSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Breach, Expectation, MatchingRule, ProviderState, ProviderStates, matching_rule,
    provider::declared_twice, state,
};
use crate::{
    domain::{Violation, check_code},
    services::CallResult,
};

/// What a consumer relies on, as recorded interactions.
///
/// In the spirit of [Pact](https://github.com/pact-foundation/pact-specification): an interaction is
/// an example, and rules say where a reply may differ from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsumerContract {
    /// The schema, for editors.
    #[serde(default, rename = "$schema", skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The service that relies on it.
    pub consumer: String,
    /// The service that is relied on.
    pub provider: String,
    /// What was recorded.
    pub interactions: Vec<Interaction>,
    /// How the states that interactions start from are reached.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub states: ProviderStates,
}

/// A call and its result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Interaction {
    /// What it is about.
    pub description: String,
    /// The states that the provider is brought to first, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provider_states: Vec<ProviderState>,
    /// The call.
    pub request: RecordedRequest,
    /// Its result.
    pub response: Expectation,
    /// Where a reply may differ from the recorded one, by JSON pointer into it; a `*` in a pointer
    /// means every item or field.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub matching_rules: IndexMap<String, MatchingRule>,
}

/// A call of a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordedRequest {
    /// The operation called.
    pub operation: String,
    /// The input sent.
    pub input: Value,
}

impl ConsumerContract {
    /// All faults that reading it does not find.
    pub fn faults(&self) -> Vec<Violation> {
        let mut faults = Vec::new();
        let mut descriptions = HashSet::new();
        for (index, interaction) in self.interactions.iter().enumerate() {
            let at = format!("/interactions/{index}");
            let mut fault = |pointer: &str, message: String| {
                faults.push(Violation::new(format!("{at}{pointer}"), message));
            };
            let description = &interaction.description;
            if !descriptions.insert(description) {
                fault("/description", declared_twice("interaction", description));
            }
            match &interaction.response {
                Expectation::Error(code) => {
                    if let Err(message) = check_code(code) {
                        fault("/response/error", message);
                    } else if !interaction.matching_rules.is_empty() {
                        let message = "rules match an output, and the response is an error";
                        fault("/matchingRules", message.to_owned());
                    }
                }
                Expectation::Output(output) => {
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
    /// How a result differs from the recorded one.
    pub(super) fn breaches(&self, result: &CallResult) -> Vec<Breach> {
        self.response.breaches(result, &self.matching_rules)
    }
}

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Breach, BreachKind, MatchingRule, matching::mismatches};
use crate::services::CallResult;

/// The result that a contract expects of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Expectation {
    /// A reply that has at least this.
    Output(Value),
    /// A failure with this code.
    Error(String),
}

impl Expectation {
    /// How a result differs beyond what the rules allow.
    pub(super) fn breaches(
        &self,
        result: &CallResult,
        rules: &IndexMap<String, MatchingRule>,
    ) -> Vec<Breach> {
        let expected = match (self, result) {
            (Self::Output(expected), Ok(reply)) => {
                return mismatches(expected, &reply.value, rules);
            }
            (Self::Error(code), Err(failure)) if **code == *failure.code => return Vec::new(),
            (Self::Output(_), Err(_)) => "a reply",
            (Self::Error(code), _) => code,
        };
        vec![match result {
            Ok(reply) => {
                let message = format!("expected {expected}, found the reply {}", reply.value);
                Breach::new(BreachKind::UnexpectedReply, message)
            }
            Err(failure) => {
                let message = format!("expected {expected}, found {failure}");
                Breach::new(BreachKind::UnexpectedError, message).code(&failure.code)
            }
        }]
    }
}

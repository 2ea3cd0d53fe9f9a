use indexmap::IndexMap;
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{provider::fault, rule_path::RulePath};
use crate::domain::{Violation, pointer_token};

/// How a value of a reply is compared with the recorded one.
///
/// The names follow the matching rules of the
/// [Pact specification](https://github.com/pact-foundation/pact-specification). A rule holds for the
/// value that its pointer leads to and, but for those of single texts and numbers, for what is
/// within, as far as no rule of its own holds there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "match", rename_all = "camelCase", deny_unknown_fields)]
pub enum MatchingRule {
    /// The same value; more fields may be there.
    Equality {},
    /// A value of the same JSON type; an integer and a decimal are both numbers.
    Type {},
    /// A text in which the expression is found; a number or boolean is matched as it is written.
    Regex {
        /// The expression.
        regex: String,
    },
    /// A number without fraction.
    Integer {},
    /// A number written with a fraction.
    Decimal {},
    /// An array of at least so many items, each of the type of the first recorded one.
    ArrayMin {
        /// How many items there are at least.
        min: usize,
    },
}

impl MatchingRule {
    /// Its name, as contracts write it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Equality {} => "equality",
            Self::Type {} => "type",
            Self::Regex { .. } => "regex",
            Self::Integer {} => "integer",
            Self::Decimal {} => "decimal",
            Self::ArrayMin { .. } => "arrayMin",
        }
    }
}

/// Finds rules that cannot hold anywhere, and expressions that are none.
pub(super) fn check(
    rules: &IndexMap<String, MatchingRule>,
    output: &Value,
    at: &str,
    faults: &mut Vec<Violation>,
) {
    for (pointer, rule) in rules {
        let at = format!("{at}/{}", pointer_token(pointer));
        if !pointer.is_empty() && !pointer.starts_with('/') {
            let message = format!("{pointer:?} is no JSON pointer: it begins with \"/\"");
            faults.push(fault(&at, "", message));
        } else if !RulePath::new(pointer).reaches(output) {
            let message = format!("{pointer:?} leads nowhere in the response's output");
            faults.push(fault(&at, "", message));
        }
        if let MatchingRule::Regex { regex } = rule
            && let Err(error) = Regex::new(regex)
        {
            let lines = error.to_string();
            let reason = lines.lines().last().unwrap_or_default();
            let message = format!("{regex:?} is no regular expression: {reason}");
            faults.push(fault(&at, "/regex", message));
        }
    }
}

use indexmap::IndexMap;
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::{Violation, pointer_names, pointer_token};

/// How a value of a reply is compared with the recorded one.
///
/// The names follow the matching rules of the
/// [Pact specification](https://github.com/pact-foundation/pact-specification). A rule applies to the
/// value that its pointer leads to and, if that is an object or an array, to everything inside that
/// no other rule names more precisely.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "match", rename_all = "camelCase", deny_unknown_fields)]
pub enum MatchingRule {
    /// The same value; an object may have more fields.
    Equality {},
    /// A value of the same JSON type; an integer and a decimal are both numbers.
    Type {},
    /// A string that matches a regular expression; a number or boolean is matched as JSON writes it.
    Regex {
        /// The regular expression.
        regex: String,
    },
    /// A number without a fraction.
    Integer {},
    /// A number written with a fraction.
    Decimal {},
    /// An array with a minimum of items, each of the type of the first recorded one.
    ArrayMin {
        /// The minimum.
        min: usize,
    },
}

impl MatchingRule {
    /// Its name in contracts.
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

/// Finds rules without a value to apply to, and invalid regular expressions.
pub(super) fn check(
    rules: &IndexMap<String, MatchingRule>,
    output: &Value,
    at: &str,
    faults: &mut Vec<Violation>,
) {
    for (pointer, rule) in rules {
        let at = format!("{at}/{}", pointer_token(pointer));
        if !pointer.is_empty() && !pointer.starts_with('/') {
            let message =
                format!("{pointer:?} is not a JSON pointer, expected it to begin with \"/\"");
            faults.push(Violation::new(&at, message));
        } else if !RulePath::new(pointer).reaches(output) {
            let message = format!("{pointer:?} does not exist in the response's output");
            faults.push(Violation::new(&at, message));
        }
        if let MatchingRule::Regex { regex } = rule
            && let Err(error) = Regex::new(regex)
        {
            let lines = error.to_string();
            let reason = lines.lines().last().unwrap_or_default();
            let message = format!("{regex:?} is not a valid regular expression: {reason}");
            faults.push(Violation::new(format!("{at}/regex"), message));
        }
    }
}

/// The paths in a reply that a rule applies to: a JSON pointer in which `*` means every item or
/// field.
pub(super) struct RulePath {
    tokens: Vec<String>,
}

const ANY: &str = "*";

impl RulePath {
    pub fn new(pointer: &str) -> Self {
        Self {
            tokens: pointer_names(pointer).collect(),
        }
    }

    pub fn matches(&self, path: &[String]) -> bool {
        let same = |(token, step): (&String, &String)| token == ANY || token == step;
        self.tokens.len() == path.len() && self.tokens.iter().zip(path).all(same)
    }

    /// The number of steps that are not `*`.
    pub fn named_steps(&self) -> usize {
        self.tokens.iter().filter(|token| *token != ANY).count()
    }

    /// Whether a value has such a path.
    pub fn reaches(&self, value: &Value) -> bool {
        reaches(&self.tokens, value)
    }
}

fn reaches(tokens: &[String], value: &Value) -> bool {
    let Some((first, rest)) = tokens.split_first() else {
        return true;
    };
    match value {
        Value::Object(fields) if first == ANY => fields.values().any(|it| reaches(rest, it)),
        Value::Array(items) if first == ANY => items.iter().any(|it| reaches(rest, it)),
        Value::Object(fields) => fields.get(first).is_some_and(|it| reaches(rest, it)),
        Value::Array(items) => first
            .parse::<usize>()
            .ok()
            .and_then(|index| items.get(index))
            .is_some_and(|it| reaches(rest, it)),
        _ => false,
    }
}

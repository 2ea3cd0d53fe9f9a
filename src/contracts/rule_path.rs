use serde_json::Value;

use crate::domain::pointer_names;

/// Which places of a reply a rule holds for: a JSON pointer in which `*` stands for every item or
/// field.
pub(super) struct RulePath {
    tokens: Vec<String>,
}

const ANY: &str = "*";

impl RulePath {
    /// Whatever a pointer leads to; whatever precedes its first `/` is ignored.
    pub fn new(pointer: &str) -> Self {
        Self {
            tokens: pointer_names(pointer).collect(),
        }
    }

    /// Whether a place, as the names and indexes on the way there, is one of them.
    pub fn leads_to(&self, path: &[String]) -> bool {
        let same = |(token, step): (&String, &String)| token == ANY || token == step;
        self.tokens.len() == path.len() && self.tokens.iter().zip(path).all(same)
    }

    /// Of how many steps it says where they lead.
    pub fn named(&self) -> usize {
        self.tokens.iter().filter(|token| *token != ANY).count()
    }

    /// Whether a value has such a place.
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

use indexmap::IndexMap;
use regex::Regex;
use serde_json::Value;

use super::{Breach, BreachKind, MatchingRule, matching_rule::RulePath};
use crate::domain::pointer_token;

/// All differences between a value and the expected one.
///
/// Where no rule applies, values must be equal; an object may have more fields than expected.
pub(super) fn mismatches(
    expected: &Value,
    found: &Value,
    rules: &IndexMap<String, MatchingRule>,
) -> Vec<Breach> {
    let mut comparison = Comparison {
        rules: rules
            .iter()
            .map(|(pointer, rule)| (RulePath::new(pointer), rule))
            .collect(),
        mismatches: Vec::new(),
    };
    let (mut path, rule) = (Vec::new(), &MatchingRule::Equality {});
    comparison.compare(expected, found, &mut path, rule);
    comparison.mismatches
}

struct Comparison<'a> {
    rules: Vec<(RulePath, &'a MatchingRule)>,
    mismatches: Vec<Breach>,
}

impl<'a> Comparison<'a> {
    fn compare(
        &mut self,
        expected: &Value,
        found: &Value,
        path: &mut Vec<String>,
        inherited: &'a MatchingRule,
    ) {
        let rule = self.rule_at(path).unwrap_or(inherited);
        match rule {
            MatchingRule::Equality {} | MatchingRule::Type {} => {
                self.structure(expected, found, path, rule);
            }
            MatchingRule::ArrayMin { min } => self.array(expected, found, path, *min),
            MatchingRule::Regex { regex } => {
                let text = match found {
                    Value::String(text) => Some(text.clone()),
                    Value::Number(_) | Value::Bool(_) => Some(found.to_string()),
                    _ => None,
                };
                // It compiles, because contracts are checked.
                let matches = Regex::new(regex)
                    .ok()
                    .zip(text)
                    .is_some_and(|(regex, text)| regex.is_match(&text));
                self.expect(matches, path, rule, || {
                    format!("expected a string that matches {regex:?}, found {found}")
                });
            }
            MatchingRule::Integer {} => {
                self.expect(found.is_i64() || found.is_u64(), path, rule, || {
                    format!("expected a number without a fraction, found {found}")
                });
            }
            MatchingRule::Decimal {} => self.expect(found.is_f64(), path, rule, || {
                format!("expected a number with a fraction, found {found}")
            }),
        }
    }

    /// Compares two values and everything inside them.
    fn structure(
        &mut self,
        expected: &Value,
        found: &Value,
        path: &mut Vec<String>,
        rule: &'a MatchingRule,
    ) {
        let by_type = matches!(rule, MatchingRule::Type {});
        match (expected, found) {
            (Value::Object(fields), Value::Object(others)) => {
                for (name, expected) in fields {
                    path.push(name.clone());
                    match others.get(name) {
                        Some(found) => self.compare(expected, found, path, rule),
                        None => self.push(path, rule, format!("is missing, expected {expected}")),
                    }
                    path.pop();
                }
            }
            // By type, all items match the first one, and there may be any number.
            (Value::Array(items), Value::Array(others)) if by_type => {
                self.items(items.first(), others, path);
            }
            (Value::Array(items), Value::Array(others)) => {
                self.expect(items.len() == others.len(), path, rule, || {
                    format!("expected {} items, found {}", items.len(), others.len())
                });
                for (index, (expected, found)) in items.iter().zip(others).enumerate() {
                    path.push(index.to_string());
                    self.compare(expected, found, path, rule);
                    path.pop();
                }
            }
            _ if by_type => self.expect(kind(expected) == kind(found), path, rule, || {
                format!("expected a value of type {}, found {found}", kind(expected))
            }),
            _ => self.expect(same(expected, found), path, rule, || {
                format!("expected {expected}, found {found}")
            }),
        }
    }

    fn array(&mut self, expected: &Value, found: &Value, path: &mut Vec<String>, min: usize) {
        let rule = &MatchingRule::ArrayMin { min };
        let Value::Array(others) = found else {
            return self.push(path, rule, format!("expected an array, found {found}"));
        };
        self.expect(others.len() >= min, path, rule, || {
            format!("expected at least {min} items, found {}", others.len())
        });
        self.items(expected.get(0), others, path);
    }

    /// Compares each item with the first expected one, by type.
    fn items(&mut self, first: Option<&Value>, others: &[Value], path: &mut Vec<String>) {
        for (index, found) in others.iter().enumerate() {
            path.push(index.to_string());
            if let Some(expected) = first {
                self.compare(expected, found, path, &MatchingRule::Type {});
            }
            path.pop();
        }
    }

    /// The rule for a path: the one that names most of its steps; of several, the first.
    fn rule_at(&self, path: &[String]) -> Option<&'a MatchingRule> {
        let matching = self.rules.iter().filter(|(rule, _)| rule.matches(path));
        let best = matching.rev().max_by_key(|(rule, _)| rule.named_steps());
        best.map(|(_, rule)| *rule)
    }

    fn expect(
        &mut self,
        holds: bool,
        path: &[String],
        rule: &MatchingRule,
        otherwise: impl FnOnce() -> String,
    ) {
        if !holds {
            self.push(path, rule, otherwise());
        }
    }

    fn push(&mut self, path: &[String], rule: &MatchingRule, message: String) {
        let breach = Breach::new(BreachKind::Output, message);
        self.mismatches.push(breach.at(pointer(path), rule.name()));
    }
}

fn pointer(path: &[String]) -> String {
    let tokens = path
        .iter()
        .map(|token| format!("/{}", pointer_token(token)));
    tokens.collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Numbers are compared by value, as in JSON Schema: `1` is `1.0`.
fn same(one: &Value, other: &Value) -> bool {
    one == other || (one.is_number() && one.as_f64() == other.as_f64())
}

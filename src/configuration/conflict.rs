use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    domain::Violation,
    observability::{Conflict, ConflictType, OperationValue},
};

/// How updates that are based on a version that is no longer the current one are resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConflictPolicy {
    /// They are refused, whatever they change.
    #[default]
    FirstWriteWins,
    /// They are applied; of each field, the last value holds.
    LastWriteWins,
    /// They are applied; the rule of each field chooses its value, by default the last one.
    Merge(IndexMap<String, MergeRule>),
}

/// How the value of a field is chosen from those of concurrent updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MergeRule {
    /// The greatest of their values; the former value does not count.
    Maximum,
    /// The mean of their values and the former one.
    Average,
    /// The first of their values that is not null.
    FirstNonNull,
    /// The last of their values.
    Last,
}

/// The fields that an operation gives a configuration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write<'a> {
    pub operation: &'a Arc<str>,
    pub fields: &'a Map<String, Value>,
}

/// An update whose conflicts are resolved.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Resolved {
    /// The fields to set.
    pub fields: Map<String, Value>,
    /// One for each field that others have changed to another value since the base.
    pub conflicts: Vec<Conflict>,
}

impl MergeRule {
    fn name(self) -> &'static str {
        match self {
            Self::Maximum => "maximum",
            Self::Average => "average",
            Self::FirstNonNull => "firstNonNull",
            Self::Last => "last",
        }
    }
}

impl ConflictPolicy {
    /// The rule of a field of updates that are not refused, and the name that logs give it.
    fn rule_of(&self, field: &str) -> (MergeRule, &'static str) {
        match self {
            Self::FirstWriteWins | Self::LastWriteWins => (MergeRule::Last, "lastWriteWins"),
            Self::Merge(rules) => {
                let rule = rules.get(field).copied().unwrap_or(MergeRule::Last);
                (rule, rule.name())
            }
        }
    }

    /// Applies an update to a configuration that others have changed since its base, oldest first;
    /// `None` if it is refused.
    ///
    /// # Errors
    ///
    /// If a rule for numbers finds anything else: the pointer is that of the field.
    pub(super) fn resolve(
        &self,
        base: &Map<String, Value>,
        others: &[Write<'_>],
        own: Write<'_>,
    ) -> Result<Option<Resolved>, Violation> {
        if *self == Self::FirstWriteWins {
            return Ok(None);
        }
        let mut resolved = Resolved::default();
        for (field, value) in own.fields {
            let (rule, name) = self.rule_of(field);
            let writes = others.iter().chain([&own]);
            let values = writes.filter_map(|write| {
                Some(OperationValue {
                    operation: Arc::clone(write.operation),
                    value: write.fields.get(field)?.clone(),
                })
            });
            let values: Vec<_> = values.collect();
            if values.iter().all(|given| given.value == *value) {
                resolved.fields.insert(field.clone(), value.clone());
                continue;
            }
            let (winning_value, winner) = rule
                .choose(base.get(field), &values)
                .map_err(|message| Violation::new(format!("/{field}"), message))?;
            resolved.fields.insert(field.clone(), winning_value.clone());
            resolved.conflicts.push(Conflict {
                conflict_type: ConflictType::ConcurrentFieldModification,
                field: field.clone(),
                winning_operation: winner.map(|index| Arc::clone(&values[index].operation)),
                conflicting_values: values,
                resolution: name.into(),
                winning_value,
            });
        }
        Ok(Some(resolved))
    }
}

impl MergeRule {
    /// The value, and which of those given it is.
    fn choose(
        self,
        base: Option<&Value>,
        given: &[OperationValue],
    ) -> Result<(Value, Option<usize>), String> {
        let at = |index: usize| (given[index].value.clone(), Some(index));
        let number = |value: &Value| {
            value
                .as_f64()
                .ok_or_else(|| format!("the rule {:?} needs numbers, found {value}", self.name()))
        };
        let last = given.len() - 1;
        match self {
            Self::Last => Ok(at(last)),
            Self::FirstNonNull => {
                let first = given.iter().position(|given| !given.value.is_null());
                Ok(at(first.unwrap_or(last)))
            }
            Self::Maximum => {
                let mut best = (0, number(&given[0].value)?);
                for (index, given) in given.iter().enumerate().skip(1) {
                    let value = number(&given.value)?;
                    if value > best.1 {
                        best = (index, value);
                    }
                }
                Ok(at(best.0))
            }
            Self::Average => {
                let base = base.filter(|base| !base.is_null());
                let all = base
                    .into_iter()
                    .chain(given.iter().map(|given| &given.value));
                let all = all.map(number).collect::<Result<Vec<_>, _>>()?;
                Ok((average(&all), None))
            }
        }
    }
}

/// A whole number where the mean is one.
fn average(values: &[f64]) -> Value {
    /// Up to here, every whole number has a floating-point number of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    if mean.fract() == 0.0 && mean.abs() < EXACT {
        // Whole and small enough, so the cast is exact.
        return (mean as i64).into();
    }
    mean.into()
}

#[cfg(test)]
mod tests;

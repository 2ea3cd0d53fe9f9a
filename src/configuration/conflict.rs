use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    domain::Violation,
    observability::{Conflict, ConflictType, OperationValue},
};

/// What becomes of updates that are based on a version that is no longer the current one.
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
    /// The rule of a field, and the name that logs give it; `None` if updates are refused.
    fn rule_of(&self, field: &str) -> Option<(MergeRule, &'static str)> {
        match self {
            Self::FirstWriteWins => None,
            Self::LastWriteWins => Some((MergeRule::Last, "lastWriteWins")),
            Self::Merge(rules) => {
                let rule = rules.get(field).copied().unwrap_or(MergeRule::Last);
                Some((rule, rule.name()))
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
        let mut resolved = Resolved::default();
        for (field, value) in own.fields {
            let Some((rule, name)) = self.rule_of(field) else {
                return Ok(None);
            };
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
mod tests {
    use serde_json::json;

    use super::*;

    fn resolve(
        policy: &Value,
        base: &Value,
        writes: &[Value],
    ) -> Result<Option<Resolved>, Violation> {
        let policy: ConflictPolicy = serde_json::from_value(policy.clone()).unwrap();
        let names: Vec<Arc<str>> = (1..=writes.len())
            .map(|n| format!("op-{n}").into())
            .collect();
        let writes = names.iter().zip(writes);
        let mut writes: Vec<_> = writes
            .map(|(operation, fields)| Write {
                operation,
                fields: fields.as_object().unwrap(),
            })
            .collect();
        let own = writes.pop().unwrap();
        policy.resolve(base.as_object().unwrap(), &writes, own)
    }

    fn merged(
        rule: &str,
        base: &Value,
        values: &[Value],
    ) -> Result<(Value, Option<String>), String> {
        let writes: Vec<_> = values.iter().map(|value| json!({ "a": value })).collect();
        let resolved = resolve(
            &json!({ "merge": { "a": rule } }),
            &json!({ "a": base }),
            &writes,
        );
        let resolved = resolved.map_err(|fault| fault.to_string())?.unwrap();
        let [conflict] = resolved.conflicts.as_slice() else {
            return Err(format!("{} conflicts", resolved.conflicts.len()));
        };
        assert_eq!(resolved.fields["a"], conflict.winning_value);
        assert_eq!(&*conflict.resolution, rule);
        let winner = conflict.winning_operation.as_ref();
        Ok((
            conflict.winning_value.clone(),
            winner.map(ToString::to_string),
        ))
    }

    #[test]
    fn each_merge_rule_chooses_its_value() {
        let op = |n: u32| Some(format!("op-{n}"));
        for (rule, base, values, expected) in [
            (
                "maximum",
                json!(99),
                vec![json!(85), json!(90)],
                Ok((json!(90), op(2))),
            ),
            (
                "maximum",
                json!(0),
                vec![json!(90), json!(85)],
                Ok((json!(90), op(1))),
            ),
            (
                "maximum",
                json!(0),
                vec![json!(-1), json!(-2.5)],
                Ok((json!(-1), op(1))),
            ),
            (
                "average",
                json!(60),
                vec![json!(70), json!(65)],
                Ok((json!(65), None)),
            ),
            (
                "average",
                json!(60),
                vec![json!(70), json!(66)],
                Ok((json!(196.0 / 3.0), None)),
            ),
            (
                "average",
                json!(null),
                vec![json!(1), json!(2)],
                Ok((json!(1.5), None)),
            ),
            (
                "firstNonNull",
                json!(1),
                vec![json!(null), json!(2), json!(3)],
                Ok((json!(2), op(2))),
            ),
            (
                "firstNonNull",
                json!(1),
                vec![json!("x"), json!(null)],
                Ok((json!("x"), op(1))),
            ),
            (
                "last",
                json!(1),
                vec![json!(2), json!(null)],
                Ok((json!(null), op(2))),
            ),
            (
                "maximum",
                json!(1),
                vec![json!(2), json!("3")],
                Err("at /a: the rule \"maximum\" needs numbers, found \"3\"".to_owned()),
            ),
            (
                "average",
                json!([1]),
                vec![json!(2), json!(3)],
                Err("at /a: the rule \"average\" needs numbers, found [1]".to_owned()),
            ),
            (
                "maximum",
                json!(1),
                vec![json!("x"), json!("x")],
                Err("0 conflicts".to_owned()),
            ),
        ] {
            assert_eq!(
                merged(rule, &base, &values),
                expected,
                "{rule} {base} {values:?}"
            );
        }
    }

    #[test]
    fn last_write_wins_by_field_and_loses_no_other() {
        let base = json!({ "a": 1, "b": 1 });
        let writes = [
            json!({ "a": 2, "c": 2 }),
            json!({ "b": 3 }),
            json!({ "a": 4, "d": 4 }),
        ];
        let resolved = resolve(&json!("lastWriteWins"), &base, &writes)
            .unwrap()
            .unwrap();
        assert_eq!(Value::Object(resolved.fields), json!({ "a": 4, "d": 4 }));
        assert_eq!(
            serde_json::to_value(resolved.conflicts).unwrap(),
            json!([{
                "conflictType": "concurrent_field_modification",
                "field": "a",
                "conflictingValues": [
                    { "operation": "op-1", "value": 2 },
                    { "operation": "op-3", "value": 4 },
                ],
                "resolution": "lastWriteWins",
                "winningValue": 4,
                "winningOperation": "op-3",
            }])
        );
    }

    #[test]
    fn first_write_wins_refuses_also_what_others_have_not_changed() {
        let writes = [json!({ "a": 2 }), json!({ "b": 3 })];
        let refused = resolve(&json!("firstWriteWins"), &json!({}), &writes);
        assert_eq!(refused, Ok(None));
    }

    #[test]
    fn unknown_rule_is_refused_with_the_nearest_name() {
        for (policy, expected) in [
            (json!("lastWriteWin"), "did you mean \"lastWriteWins\"?"),
            (
                json!({ "merge": { "a": "averag" } }),
                "at /merge/a: unknown variant `averag`",
            ),
            (
                json!({ "merge": { "a": "averag" } }),
                "did you mean \"average\"?",
            ),
            (json!({ "merge": ["a"] }), "at /merge: invalid type"),
        ] {
            let error = crate::domain::from_value::<ConflictPolicy>(&policy).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}

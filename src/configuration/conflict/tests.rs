use serde_json::json;

use super::*;

fn resolve(policy: &Value, base: &Value, writes: &[Value]) -> Result<Option<Resolved>, Violation> {
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

fn merged(rule: &str, base: &Value, values: &[Value]) -> Result<(Value, Option<String>), String> {
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
fn first_write_wins_whatever_the_others_change() {
    for own in [json!({ "a": 1 }), json!({ "b": 1 }), json!({})] {
        let resolved = resolve(
            &json!("firstWriteWins"),
            &json!({}),
            &[json!({ "a": 2 }), own],
        );
        assert_eq!(resolved.unwrap(), None);
    }
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

proptest::proptest! {
    #[test]
    fn last_write_wins_whatever_the_bases_and_loses_no_field(
        writes in proptest::collection::vec((0..4_usize, 0..3_u8, 0..4_i64), 1..12),
    ) {
        let names: Vec<Arc<str>> = (0..writes.len()).map(|n| format!("op-{n}").into()).collect();
        let given: Vec<Map<String, Value>> = writes
            .iter()
            .map(|(_, field, value)| [(format!("f{field}"), (*value).into())].into_iter().collect())
            .collect();
        let all: Vec<Write<'_>> = names
            .iter()
            .zip(&given)
            .map(|(operation, fields)| Write { operation, fields })
            .collect();
        let mut current = Map::new();
        let mut logged = 0;
        for (index, own) in all.iter().enumerate() {
            // As many of the writes before it as it has not seen.
            let others = &all[index.saturating_sub(writes[index].0)..index];
            let policy = ConflictPolicy::LastWriteWins;
            let resolved = policy.resolve(&Map::new(), others, *own).unwrap().unwrap();
            logged += resolved.conflicts.len();
            let differ = others.iter().any(|other| {
                own.fields.iter().any(|(field, value)| {
                    other.fields.get(field).is_some_and(|other| other != value)
                })
            });
            assert_eq!(!resolved.conflicts.is_empty(), differ);
            current.extend(resolved.fields);
        }
        let mut expected = Map::new();
        for fields in given {
            expected.extend(fields);
        }
        assert_eq!(current, expected);
        assert!(logged <= writes.len());
    }
}

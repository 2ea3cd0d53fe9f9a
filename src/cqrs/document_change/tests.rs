use serde_json::json;

use super::*;

fn changed(change: Value, state: Value) -> Result<Value, String> {
    let change: DocumentChange =
        serde_json::from_value(change).map_err(|error| error.to_string())?;
    let mut state = Arc::new(state);
    let event = json!({"type": "E", "data": {"n": 3, "name": "x"}});
    change
        .apply(&mut state, &event)
        .map_err(|failure| failure.message)?;
    Ok(Value::clone(&state))
}

#[test]
fn changes_apply_to_the_document() {
    for (change, before, after) in [
        (
            json!({"set": "/a/b", "to": "${/event/data/name}"}),
            json!({}),
            json!({"a": {"b": "x"}}),
        ),
        (
            json!({"set": "/a", "to": null}),
            json!({"a": 1}),
            json!({"a": null}),
        ),
        (json!({"set": "/0", "to": 2}), json!([1]), json!([2])),
        (
            json!({"set": "/a~1b", "to": 2}),
            json!({"a/b": 1}),
            json!({"a/b": 2}),
        ),
        (json!({"set": "", "to": [1]}), json!({"a": 1}), json!([1])),
        (
            json!({"set": "/a", "to": "${/state/b}"}),
            json!({"b": [1]}),
            json!({"b": [1], "a": [1]}),
        ),
        (
            json!({"add": "/n", "by": "${/event/data/n}"}),
            json!({}),
            json!({"n": 3}),
        ),
        (
            json!({"add": "/n", "by": 1}),
            json!({"n": 9_007_199_254_740_993_i64}),
            json!({"n": 9_007_199_254_740_994_i64}),
        ),
        (
            json!({"add": "/n", "by": 0.5}),
            json!({"n": 1}),
            json!({"n": 1.5}),
        ),
        (
            json!({"subtract": "/n", "by": "${/event/data/n}"}),
            json!({"n": 1}),
            json!({"n": -2}),
        ),
        (
            json!({"append": "/l", "item": {"n": "${/event/data/n}"}}),
            json!({}),
            json!({"l": [{"n": 3}]}),
        ),
        (
            json!({"append": "/l", "item": 2}),
            json!({"l": [1]}),
            json!({"l": [1, 2]}),
        ),
        (
            json!({"remove": "/a"}),
            json!({"a": 1, "b": 2}),
            json!({"b": 2}),
        ),
        (
            json!({"remove": "/l/0"}),
            json!({"l": [1, 2]}),
            json!({"l": [2]}),
        ),
        (
            json!({"remove": "/l", "item": 1}),
            json!({"l": [1, 2, 1]}),
            json!({"l": [2]}),
        ),
        (json!({"remove": "/x/y"}), json!({}), json!({})),
        (json!({"remove": ""}), json!({"a": 1}), json!(null)),
    ] {
        assert_eq!(changed(change.clone(), before), Ok(after), "{change}");
    }
}

#[test]
fn change_that_does_not_fit_the_document_fails() {
    for (change, state, message) in [
        (
            json!({"add": "/n", "by": 1}),
            json!({"n": "x"}),
            "\"/n\" is not a number",
        ),
        (
            json!({"add": "/n", "by": "${/event/data/name}"}),
            json!({}),
            "which is not a number",
        ),
        (
            json!({"add": "/n", "by": 1}),
            json!({"n": u64::MAX}),
            "beyond 64 bits",
        ),
        (
            json!({"add": "/n", "by": f64::MAX}),
            json!({"n": f64::MAX}),
            "the largest number",
        ),
        (
            json!({"append": "/l", "item": 1}),
            json!({"l": {}}),
            "is not a list to append to",
        ),
        (
            json!({"remove": "/l", "item": 1}),
            json!({"l": 1}),
            "is not a list to remove from",
        ),
        (
            json!({"set": "/l/3", "to": 1}),
            json!({"l": []}),
            "has no item 3",
        ),
        (
            json!({"set": "/l/a", "to": 1}),
            json!({"l": 1}),
            "neither an object nor a list",
        ),
        (
            json!({"set": "/a", "to": "${/event/data/m}"}),
            json!({}),
            "/event/data/m",
        ),
    ] {
        let error = changed(change.clone(), state).unwrap_err();
        assert!(error.contains(message), "{change}: {error}");
    }
}

#[test]
fn malformed_change_is_refused() {
    for (change, message) in [
        (json!({}), "expected one of"),
        (
            json!({"set": "/a", "add": "/b", "to": 1}),
            "expected one of",
        ),
        (json!({"set": "/a", "by": 1}), "\"set\" takes \"to\""),
        (json!({"add": "/a"}), "\"add\" takes \"by\""),
        (json!({"add": "/a", "by": [1]}), "[1] is not a number"),
        (json!({"set": "a", "to": 1}), "is not a valid JSON pointer"),
        (
            json!({"set": "/a", "to": "${/evnt/data}"}),
            "did you mean \"event\"?",
        ),
        (json!({"sett": "/a", "to": 1}), "unknown field `sett`"),
    ] {
        let error = changed(change.clone(), json!({})).unwrap_err();
        assert!(error.contains(message), "{change}: {error}");
    }
}

//! How Gherkin tables and JSON documents compare with what was found.

use std::time::Duration;

use serde_json::{Map, Number, Value};

use super::{difference::lines_difference, excerpt::excerpt};
use crate::domain::parse_duration;

/// A cell of a table as it compares: JSON where it parses, else text.
pub(super) struct Cell {
    value: Option<Value>,
    duration: Option<Duration>,
}

impl Cell {
    /// Reads a cell. An empty one is nothing.
    pub fn new(text: &str) -> Self {
        if text.is_empty() {
            return Self {
                value: None,
                duration: None,
            };
        }
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        Self {
            duration: value.as_str().and_then(|text| parse_duration(text).ok()),
            value: Some(value),
        }
    }

    /// Whether nothing is written in it.
    pub fn is_empty(&self) -> bool {
        self.value.is_none()
    }

    /// Whether another cell says the same.
    pub fn equals(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Some(one), Some(other)) if same(one, other) => true,
            (None, None) => true,
            _ => self.duration.is_some() && self.duration == other.duration,
        }
    }

    /// Whether the value is the one written; what is missing is null.
    pub fn matches(&self, found: &Value) -> bool {
        match &self.value {
            None => found.is_null() || found == "",
            Some(value) => {
                same(value, found)
                    || self.duration.is_some_and(|duration| {
                        found.as_str().and_then(|text| parse_duration(text).ok()) == Some(duration)
                    })
            }
        }
    }
}

/// Whether a value found is the one that a table's cell says.
///
/// The cell is JSON where it parses, text otherwise. Numbers compare by value (`1` is `1.0`), objects
/// regardless of the order of their keys, durations by value (`525 ms` is `0.525 s`). An empty cell
/// is null or an empty text.
pub fn cell_matches(expected_cell: &str, found: &Value) -> bool {
    Cell::new(expected_cell).matches(found)
}

/// The text of the cell that a value matches, in one line.
pub fn cell_text(value: &Value) -> String {
    match value {
        // Text that reads as JSON would be taken for it.
        Value::String(text) if text.is_empty() || serde_json::from_str::<Value>(text).is_err() => {
            text.clone()
        }
        json => json.to_string(),
    }
}

/// What a document has elsewhere than a table of `path` and `value` says, or `None` where it agrees.
///
/// Paths are JSON Pointers; a value is compared as a cell. An empty cell stands for what is missing too.
pub fn paths_difference(rows: &[Vec<String>], found: &Value) -> Option<String> {
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let [path, expected] = row.as_slice() else {
                return Some("a row needs a path and a value".to_owned());
            };
            if !path.is_empty() && !path.starts_with('/') {
                return Some(format!(
                    "{path:?} is no JSON Pointer: it begins with a slash"
                ));
            }
            match found.pointer(path) {
                Some(value) if cell_matches(expected, value) => None,
                None if expected.is_empty() => None,
                Some(value) => Some(format!(
                    "{path}: expected {expected}, found {}",
                    cell_text(&excerpt(value))
                )),
                None => Some(format!("{path}: expected {expected}, found nothing there")),
            }
        })
        .collect();
    (!wrong.is_empty()).then(|| format!("{}\n{:#}", wrong.join("\n"), excerpt(found)))
}

/// What two JSON documents differ in, or `None` where they are the same.
///
/// Numbers compare by value, objects regardless of the order of their keys. The difference is one of
/// lines of the indented documents; keys stand in the expected order in both.
pub fn json_difference(expected: &Value, found: &Value) -> Option<String> {
    if same(expected, found) {
        return None;
    }
    lines_difference(
        &format!("{expected:#}"),
        &format!("{:#}", like(expected, found)),
    )
    .map(|difference| format!("expected (-) and found (+) differ:\n{difference}"))
}

/// Whether two JSON values are the same, numbers by value and objects regardless of order.
pub fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => same_number(one, other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, one)| other.get(key).is_some_and(|other| same(one, other)))
        }
        _ => one == other,
    }
}

fn same_number(one: &Number, other: &Number) -> bool {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => one == other,
        _ => one.as_f64() == other.as_f64(),
    }
}

/// The found value, written as the expected one where they are the same.
fn like(expected: &Value, found: &Value) -> Value {
    match (expected, found) {
        _ if same(expected, found) => expected.clone(),
        (Value::Object(expected), Value::Object(found)) => {
            let known = expected
                .iter()
                .filter_map(|(key, expected)| Some((key, like(expected, found.get(key)?))));
            let new = found
                .iter()
                .filter(|(key, _)| !expected.contains_key(*key))
                .map(|(key, value)| (key, value.clone()));
            Value::Object(
                known
                    .chain(new)
                    .map(|(key, value)| (key.clone(), value))
                    .collect::<Map<_, _>>(),
            )
        }
        (Value::Array(expected), Value::Array(found)) => found
            .iter()
            .enumerate()
            .map(|(index, item)| match expected.get(index) {
                Some(expected) => like(expected, item),
                None => item.clone(),
            })
            .collect(),
        _ => found.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_cell_is_json_where_it_parses_and_text_otherwise() {
        for (cell, found) in [
            ("ok", json!("ok")),
            ("\"ok\"", json!("ok")),
            ("1", json!(1)),
            ("1", json!(1.0)),
            ("1.50", json!(1.5)),
            ("18446744073709551615", json!(u64::MAX)),
            ("true", json!(true)),
            ("null", json!(null)),
            ("", json!(null)),
            ("", json!("")),
            ("[1, 2]", json!([1, 2.0])),
            (
                r#"{"b": 2, "a": {"c": 1.0}}"#,
                json!({"a": {"c": 1}, "b": 2}),
            ),
            ("{not json", json!("{not json")),
        ] {
            assert!(cell_matches(cell, &found), "{cell} is {found}");
        }
        for (cell, found) in [
            ("ok", json!("OK")),
            ("1", json!("1")),
            ("1", json!(true)),
            ("18446744073709551615", json!(u64::MAX - 1)),
            ("null", json!("null")),
            ("", json!(0)),
            ("[1, 2]", json!([2, 1])),
            (r#"{"a": 1}"#, json!({"a": 1, "b": 2})),
            (r#"{"a": 1, "c": 2}"#, json!({"a": 1, "b": 2})),
        ] {
            assert!(!cell_matches(cell, &found), "{cell} is not {found}");
        }
    }

    #[test]
    fn durations_compare_by_value() {
        for cell in ["525 ms", "525ms", "0.525 s", "\"525 ms\""] {
            assert!(cell_matches(cell, &json!("525ms")), "{cell}");
        }
        assert!(cell_matches("1.25 s", &json!("1s 250ms")));
        assert!(!cell_matches("526 ms", &json!("525ms")));
        assert!(!cell_matches("525 ms", &json!(525)));
        assert!(!cell_matches("525 ms", &json!("soon")));
    }

    #[test]
    fn the_text_of_a_cell_matches_its_value() {
        for value in [
            json!("ok"),
            json!("1"),
            json!(1),
            json!(""),
            json!(null),
            json!({"a": [1]}),
        ] {
            let text = cell_text(&value);
            assert!(cell_matches(&text, &value), "{text} is {value}");
        }
    }

    #[test]
    fn json_differs_by_what_it_says_not_by_how_it_is_written() {
        assert_eq!(
            json_difference(&json!({"a": 1, "b": [1]}), &json!({"b": [1.0], "a": 1.0})),
            None
        );
        assert_eq!(
            json_difference(
                &json!({"status": "completed", "n": 1, "steps": [{"id": "a", "n": 2}]}),
                &json!({"n": 1.0, "steps": [{"n": 3, "id": "a"}], "status": "completed", "more": null}),
            )
            .unwrap(),
            r#"expected (-) and found (+) differ:
  …
    "steps": [
      {
        "id": "a",
-       "n": 2
+       "n": 3
      }
-   ]
+   ],
+   "more": null
  }"#
        );
    }
}

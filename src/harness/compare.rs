//! Comparison of Gherkin tables and JSON documents with what was found.

use std::time::Duration;

use serde_json::{Map, Number, Value};

use super::{difference::compare_lines, excerpt::excerpt};
use crate::domain::parse_duration;

/// A table cell to compare: JSON where it parses, text otherwise.
pub(super) struct Cell {
    value: Option<Value>,
    duration: Option<Duration>,
}

impl Cell {
    /// Reads a cell; an empty one has no value.
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

    /// Whether the cell is empty.
    pub fn is_empty(&self) -> bool {
        self.value.is_none()
    }

    /// Whether both cells have the same value.
    pub fn equals(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Some(one), Some(other)) if same(one, other) => true,
            (None, None) => true,
            _ => self.duration.is_some() && self.duration == other.duration,
        }
    }

    /// Whether the value matches the cell; a missing value is null.
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

/// Whether a value matches a table cell.
///
/// The cell is JSON where it parses, text otherwise. Numbers compare by value (`1` is `1.0`), objects
/// regardless of the order of their keys, durations by value (`525 ms` is `0.525 s`). An empty cell
/// matches null and the empty string.
pub fn cell_matches(expected_cell: &str, found: &Value) -> bool {
    Cell::new(expected_cell).matches(found)
}

/// The one-line cell text that a value matches.
pub fn cell_text(value: &Value) -> String {
    match value {
        // Text that parses as JSON needs quotes, or the cell would be read as JSON.
        Value::String(text) if text.is_empty() || serde_json::from_str::<Value>(text).is_err() => {
            text.clone()
        }
        json => json.to_string(),
    }
}

/// Compares a document with a table of `path` and `value`.
///
/// Paths are JSON Pointers; a value is compared as a cell. An empty cell also matches a missing value.
///
/// # Errors
///
/// The differences, above the document found.
pub fn compare_paths(rows: &[Vec<String>], found: &Value) -> Result<(), String> {
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let [path, expected] = row.as_slice() else {
                return Some("a row needs a path and a value".to_owned());
            };
            if !path.is_empty() && !path.starts_with('/') {
                return Some(format!(
                    "{path:?} is not a JSON Pointer: it must begin with a slash"
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
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(format!("{}\n{:#}", wrong.join("\n"), excerpt(found))),
    }
}

/// Compares two JSON documents.
///
/// Numbers compare by value, objects regardless of the order of their keys.
///
/// # Errors
///
/// The lines of the indented documents that differ, with keys in the expected order in both.
pub fn compare_json(expected: &Value, found: &Value) -> Result<(), String> {
    if same(expected, found) {
        return Ok(());
    }
    compare_lines(
        &format!("{expected:#}"),
        &format!("{:#}", spelled_like(expected, found)),
    )
    .map_err(|difference| format!("expected (-) and found (+) differ:\n{difference}"))
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

/// The found value in the expected spelling and key order where both are equal.
fn spelled_like(expected: &Value, found: &Value) -> Value {
    match (expected, found) {
        _ if same(expected, found) => expected.clone(),
        (Value::Object(expected), Value::Object(found)) => {
            let known = expected
                .iter()
                .filter_map(|(key, expected)| Some((key, spelled_like(expected, found.get(key)?))));
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
                Some(expected) => spelled_like(expected, item),
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
    fn cell_is_json_where_it_parses_and_text_otherwise() {
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
    fn text_of_a_cell_matches_its_value() {
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
    fn equal_json_written_differently_has_no_difference() {
        assert_eq!(
            compare_json(&json!({"a": 1, "b": [1]}), &json!({"b": [1.0], "a": 1.0})),
            Ok(())
        );
        assert_eq!(
            compare_json(
                &json!({"status": "completed", "n": 1, "steps": [{"id": "a", "n": 2}]}),
                &json!({"n": 1.0, "steps": [{"n": 3, "id": "a"}], "status": "completed", "more": null}),
            )
            .unwrap_err(),
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

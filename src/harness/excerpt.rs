use serde_json::{Map, Value};

use super::table::shortened;

/// Maximum number of items of an array, and fields of an object, shown.
const ITEMS: usize = 20;

/// Maximum number of characters of a text shown.
const TEXT: usize = 200;

/// A JSON document cut to a readable length: long arrays, objects and strings end in `…`, arrays and
/// objects with the number of items left out.
pub fn excerpt(value: &Value) -> Value {
    match value {
        Value::String(text) => shortened(text, TEXT).into(),
        Value::Array(items) => {
            let mut cut: Vec<Value> = items.iter().take(ITEMS).map(excerpt).collect();
            if items.len() > ITEMS {
                cut.push(omitted(items.len()).into());
            }
            cut.into()
        }
        Value::Object(fields) => {
            let mut cut: Map<String, Value> = fields
                .iter()
                .take(ITEMS)
                .map(|(name, value)| (name.clone(), excerpt(value)))
                .collect();
            if fields.len() > ITEMS {
                cut.insert("…".to_owned(), omitted(fields.len()).into());
            }
            cut.into()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn omitted(all: usize) -> String {
    format!("… {} more", all - ITEMS)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_documents_are_cut_and_say_how_much_is_left_out() {
        let twenty: Vec<usize> = (0..20).collect();
        assert_eq!(excerpt(&json!(twenty)), json!(twenty));
        let many: Vec<usize> = (0..10_000).collect();
        let cut = excerpt(&json!({ "deep": [many] }));
        assert_eq!(cut["deep"][0][19], 19);
        assert_eq!(cut["deep"][0][20], "… 9980 more");
        assert_eq!(cut["deep"][0].as_array().map(Vec::len), Some(21));
        let wide: Map<String, Value> = (0..30).map(|n| (n.to_string(), n.into())).collect();
        assert_eq!(excerpt(&wide.into())["…"], "… 10 more");
        let text = excerpt(&"x".repeat(201).into());
        assert_eq!(text.as_str().map(|text| text.chars().count()), Some(200));
    }
}

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{compile, fault};
use crate::harness::pickle::Pickle;

/// The official parser drops text after a row's last `|`, so a column that is not closed vanishes.
const REFUSED: &str = "extra_table_content.feature";

/// The official samples of a folder, each with the lines of its expected output.
fn samples(folder: &str, expected: &str) -> Vec<(String, Vec<u8>, Vec<Value>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/gherkin")
        .join(folder);
    let mut samples: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "feature"))
        .map(|path| {
            let expected = path.with_extension(format!("feature.{expected}"));
            let lines = fs::read_to_string(expected).unwrap();
            let lines = lines
                .lines()
                .map(|line| serde_json::from_str(line).unwrap());
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(&path).unwrap(), lines.collect())
        })
        .collect();
    samples.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    samples
}

/// Not compared: ids, columns and the line of a row's outline, which our pickles lack, and the kind of `*`, which
/// the official parser leaves unknown while ours is that of the step above.
#[test]
fn official_samples_give_the_official_pickles_and_errors() {
    let good = samples("good", "pickles.ndjson");
    assert_eq!(good.len(), 30);
    for (name, bytes, expected) in good {
        if name == REFUSED {
            let (line, column, shown) = fault(bytes);
            assert_eq!((line, column), (11, 7), "{shown}");
            continue;
        }
        let expected: Vec<Value> = expected.iter().map(official).collect();
        match compile(&name, &bytes) {
            Ok(mut found) => {
                // The official parser drops an outline without rows, ours keeps it to fail the run.
                found.retain(|found| {
                    let is_kept = || expected.iter().any(|e| e["name"] == *found.pickle.name);
                    found.pickle.proves_nothing.is_none() || is_kept()
                });
                assert_eq!(found.len(), expected.len(), "{name}");
                for (found, expected) in found.iter().zip(expected) {
                    assert_eq!(ours(&found.pickle, &expected), expected, "{name}");
                }
            }
            Err(diagnostic) => panic!("{name}: {}", diagnostic.render(false)),
        }
    }
    let bad = samples("bad", "errors.ndjson");
    assert_eq!(bad.len(), 8);
    for (name, bytes, expected) in bad {
        let (line, column, shown) = fault(bytes);
        let place = &expected[0]["parseError"]["source"]["location"];
        if place["column"].is_null() {
            // The official parser points past the end, ours at what was left open.
            assert_eq!(place["line"], line + 1, "{name}: {shown}");
        } else {
            assert_eq!(
                (&place["line"], &place["column"]),
                (&json!(line), &json!(column)),
                "{name}: {shown}"
            );
        }
    }
}

fn official(pickle: &Value) -> Value {
    let pickle = &pickle["pickle"];
    let texts = |values: &Value, field: &str| -> Vec<Value> {
        let values = values.as_array().into_iter().flatten();
        values.map(|value| value[field].clone()).collect()
    };
    let steps = pickle["steps"].as_array().unwrap().iter().map(|step| {
        let argument = &step["argument"];
        let rows = argument["dataTable"]["rows"].as_array().map(|rows| {
            let rows = rows.iter().map(|row| texts(&row["cells"], "value"));
            rows.collect::<Vec<_>>()
        });
        let kind = match step["type"].as_str() {
            Some("Context") => Some("Given"),
            Some("Action") => Some("When"),
            Some("Outcome") => Some("Then"),
            _ => None,
        };
        json!({
            "kind": kind,
            "text": step["text"],
            "content": argument["docString"]["content"],
            "mediaType": argument["docString"]["mediaType"],
            "rows": rows,
        })
    });
    let uri = pickle["uri"].as_str().unwrap().rsplit('/').next();
    json!({
        "uri": uri,
        "name": pickle["name"],
        "line": pickle["location"]["line"],
        "tags": texts(&pickle["tags"], "name"),
        "steps": steps.collect::<Vec<_>>(),
    })
}

fn ours(pickle: &Pickle, official: &Value) -> Value {
    let steps = pickle.steps.iter().enumerate().map(|(index, step)| {
        let official = &official["steps"][index];
        let doc_string = step.doc_string.as_ref();
        json!({
            "kind": (!official["kind"].is_null()).then(|| step.kind.as_str()),
            "text": step.text,
            "content": doc_string.map(|doc_string| &doc_string.content),
            "mediaType": doc_string.and_then(|doc_string| doc_string.media_type.as_ref()),
            "rows": step.table,
        })
    });
    let tags = pickle.tags.iter().map(|tag| format!("@{tag}"));
    json!({
        "uri": &*pickle.uri,
        "name": pickle.name,
        "line": pickle.line,
        "tags": tags.collect::<Vec<_>>(),
        "steps": steps.collect::<Vec<_>>(),
    })
}

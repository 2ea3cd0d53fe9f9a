use std::{fs, path::Path};

use serde_json::{Value, json};

use super::*;

/// Samples that the parser cannot do as the official one does, and why.
const KNOWN_DIFFERENCES: [(&str, &str); 1] = [(
    "prefixed-keywords.feature",
    "of keywords that begin alike it takes the first in its table, not the longest",
)];

fn pickles(text: &str) -> Vec<Compiled> {
    compile("a.feature", text.as_bytes()).unwrap()
}

fn fault(text: impl AsRef<[u8]>) -> (usize, usize, String) {
    let diagnostic = compile("a.feature", text.as_ref()).unwrap_err();
    let (line, column) = (diagnostic.line(), diagnostic.column());
    (line, column, diagnostic.render(false))
}

#[test]
fn the_official_samples_give_the_official_pickles() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gherkin/good");
    let mut samples: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "feature"))
        .collect();
    samples.sort();
    assert!(samples.len() > 25, "{} samples", samples.len());
    for sample in samples {
        let name = sample.file_name().unwrap().to_str().unwrap();
        let expected = fs::read_to_string(sample.with_added_extension("pickles.ndjson")).unwrap();
        let expected: Vec<Value> = expected
            .lines()
            .map(|line| official(&serde_json::from_str(line).unwrap()))
            .collect();
        let found: Result<Vec<Value>, _> = compile(name, &fs::read(&sample).unwrap())
            .map(|pickles| pickles.iter().map(|found| ours(&found.pickle)).collect());
        let known = KNOWN_DIFFERENCES.iter().find(|(known, _)| *known == name);
        match (found, known) {
            (Ok(found), None) => assert_eq!(found, expected, "{name}"),
            (Err(diagnostic), None) => panic!("{name}: {}", diagnostic.render(false)),
            (found, Some((_, why))) => {
                assert_ne!(
                    found.ok(),
                    Some(expected),
                    "{name} is fine now, but listed: {why}"
                );
            }
        }
    }
}

#[test]
fn the_official_faults_are_found_where_they_are() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gherkin/bad");
    for (sample, line, says) in [
        ("backslash_at_end_of_line_in_datatable", 5, "not closed"),
        (
            "file_ends_with_open_docstring",
            4,
            "doc string is not closed",
        ),
        ("multiple_parser_errors", 2, "expected \"Feature:\""),
        ("not_gherkin", 1, "expected \"Feature:\""),
        ("unexpected_end_of_file", 2, "the file ends here"),
        ("unexpected_eof", 6, "the file ends here"),
        ("unfinished_datatable", 5, "not closed"),
        ("whitespace_in_tags", 3, "holds no blank"),
    ] {
        let bytes = fs::read(folder.join(sample).with_extension("feature")).unwrap();
        let (found, _, shown) = fault(bytes);
        assert!(found == line && shown.contains(says), "{sample}: {shown}");
    }
}

#[test]
fn a_fault_is_pointed_at_with_what_was_expected() {
    let (line, column, shown) =
        fault("Feature: a\n  Scenario: b\n    Given x\n    Wehn y\n    Then z\n");
    assert_eq!((line, column), (4, 5), "{shown}");
    for part in [
        "a.feature:4:5",
        "expected a step",
        "found \"Wehn y\"",
        "did you mean \"When\"?",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let (line, _, shown) =
        fault("Feature: a\n  Scenario: b\n    Given x\n      | a | b |\n      | 1 | 2 | 3 |\n");
    assert!(
        line == 5 && shown.contains("3 cells, expected 2"),
        "{shown}"
    );
    let (line, _, shown) = fault("# language: xx\nFeature: a\n");
    assert!(
        line == 1 && shown.contains("\"xx\" is not known"),
        "{shown}"
    );
    let (line, _, shown) = fault(b"Feature: a\n\n  Scenario: \xff\n");
    assert!(line == 3 && shown.contains("not UTF-8"), "{shown}");
    let (line, column, shown) = fault("Feature: a\n  @x @retry(y)\n  Scenario: b\n    Given x\n");
    assert!(shown.contains("no number of retries"), "{shown}");
    assert_eq!((line, column), (2, 6), "{shown}");
}

#[test]
fn files_are_read_as_editors_write_them() {
    let text = "Feature: a\n  Scenario: b\n    Given x";
    for text in [
        text.to_owned(),
        format!("\u{feff}{text}"),
        text.replace('\n', "\r\n"),
        format!("{text}  \n\n"),
    ] {
        let pickles = pickles(&text);
        assert_eq!(pickles[0].pickle.steps[0].text, "x", "{text:?}");
    }
    for empty in ["", "\u{feff}", "# nothing\n", "\r\n\r\n", "Feature: a"] {
        assert!(pickles(empty).is_empty(), "{empty:?}");
    }
}

#[test]
fn outlines_are_filled_in_everywhere_and_backgrounds_come_first() {
    let pickles = pickles(
        r#"@f
Feature: a
  Background:
    Given first
  @r
  Rule: c
    Background:
      Given second
    @s @f
    Scenario Outline: d <n>
      When x <n> and <m>
        """json
        {"n": <n>}
        """
      * y
        | <n> | b |
      @e
      Examples:
        | n |
        | 1 |
      Examples:
        | n |
        | 2 |
        | 3 |
"#,
    );
    assert_eq!(pickles.len(), 3);
    let first = &pickles[0].pickle;
    assert_eq!((&*first.name, first.row, first.line), ("d 1", Some(1), 20));
    assert_eq!(first.tags, ["f", "r", "s", "e"]);
    assert_eq!(first.rule.as_deref(), Some("c"));
    let texts: Vec<_> = first
        .steps
        .iter()
        .map(|step| (step.kind, &*step.text))
        .collect();
    let expected = [
        (StepKind::Given, "first"),
        (StepKind::Given, "second"),
        (StepKind::When, "x 1 and <m>"),
        (StepKind::When, "y"),
    ];
    assert_eq!(texts, expected);
    assert_eq!(
        first.steps[2].doc_string.as_ref().unwrap().content,
        "{\"n\": 1}"
    );
    assert_eq!(first.steps[3].table.as_ref().unwrap()[0], ["1", "b"]);
    let last = &pickles[2].pickle;
    assert_eq!((&*last.name, last.row, last.line), ("d 3", Some(3), 24));
    assert_eq!(last.tags, ["f", "r", "s"]);
    let selected = |line| -> Vec<usize> {
        let at = pickles.iter().filter(|found| found.is_at(line));
        at.filter_map(|found| found.pickle.row).collect()
    };
    for line in [1, 2, 4, 5, 6, 8, 9, 10, 15] {
        assert_eq!(selected(line), [1, 2, 3], "line {line}");
    }
    for line in [17, 18, 19, 20] {
        assert_eq!(selected(line), [1], "line {line}");
    }
    assert_eq!(selected(21), [2, 3]);
    assert_eq!(selected(24), [3]);
    assert!(selected(25).is_empty());
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
        json!({
            "text": step["text"],
            "content": argument["docString"]["content"],
            "mediaType": argument["docString"]["mediaType"],
            "rows": rows,
        })
    });
    json!({
        "name": pickle["name"],
        "line": pickle["location"]["line"],
        "tags": texts(&pickle["tags"], "name"),
        "steps": steps.collect::<Vec<_>>(),
    })
}

fn ours(pickle: &Pickle) -> Value {
    let steps = pickle.steps.iter().map(|step| {
        let doc_string = step.doc_string.as_ref();
        json!({
            "text": step.text,
            "content": doc_string.map(|doc_string| &doc_string.content),
            "mediaType": doc_string.and_then(|doc_string| doc_string.media_type.as_ref()),
            "rows": step.table,
        })
    });
    let tags = pickle.tags.iter().map(|tag| format!("@{tag}"));
    json!({
        "name": pickle.name,
        "line": pickle.line,
        "tags": tags.collect::<Vec<_>>(),
        "steps": steps.collect::<Vec<_>>(),
    })
}

proptest::proptest! {
    #[test]
    fn no_input_makes_it_panic(
        lines in proptest::collection::vec(
            proptest::sample::select(vec![
                "Feature: a", "Rule: b", "  Scenario: c", "Scenario Outline: <x>", "Examples:",
                "Background:", "Given d", "  And <x>", "* e", "| x | y |", "| 1 |", r"| \| \", "|",
                "\"\"\"json", "\"\"\"", "```", "# language: de", "#", "@tag", "@a b", "@retry(", "",
                "\u{feff}", "é\u{2028}", "Funktion: f", "\"\"\"x\"\"\"", "# \"\"\"",
            ]),
            0..16,
        ),
        end in proptest::sample::select(vec!["\n", "\r\n", "\r"]),
    ) {
        if let Err(diagnostic) = compile("a.feature", lines.join(end).as_bytes()) {
            proptest::prop_assert!(diagnostic.line() <= lines.len().max(1));
            proptest::prop_assert!(!diagnostic.render(false).is_empty());
        }
    }
}

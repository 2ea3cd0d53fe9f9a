use serde_json::json;

use super::*;
use crate::harness::pickle::StepKind;

mod official;

fn pickles(text: &str) -> Vec<Compiled> {
    compile("a.feature", text.as_bytes()).unwrap()
}

fn fault(text: impl AsRef<[u8]>) -> (usize, usize, String) {
    let diagnostic = compile("a.feature", text.as_ref()).unwrap_err();
    let (line, column) = (diagnostic.line(), diagnostic.column());
    let shown = format!("{diagnostic}\n{}", diagnostic.render(false));
    (line, column, shown)
}

#[test]
fn fault_is_reported_with_its_location_and_what_was_expected() {
    const STEP: &str = "Feature: a\n  Scenario: b\n    Given x\n";
    const OUTLINE: &str = "Feature: a\n  Scenario: b\n    Given x <left> y <lef>\n  Examples:\n    | left |\n    | 1 |\n";
    let after = |step: &str| format!("{STEP}{step}\n    Then z\n");
    for (text, place, says) in [
        (
            after("    Wehn y"),
            (4, 5),
            &[
                "a.feature:4:5",
                "expected a step (Given, When, Then, And, But or *)",
                "found \"Wehn y\"",
                "did you mean \"When\"?",
            ][..],
        ),
        (after("    Then: y"), (4, 5), &["did you mean \"Then\"?"]),
        (
            after("    Background:"),
            (4, 5),
            &["\"Scenario:\" or \"Rule:\""],
        ),
        (
            after("    When\u{a0}y"),
            (4, 9),
            &["expected a space after \"When\"", "U+00A0 (no-break space)"],
        ),
        (
            "Feature: a\n  Scenario: b\n    Given\u{200b} x\n".to_owned(),
            (3, 10),
            &["after \"Given\"", "U+200B"],
        ),
        (
            after("      | a | b |\n      | 1 | 2 | 3 |"),
            (5, 7),
            &["3 cells, expected 2"],
        ),
        (
            after("      | a | b\n      | 1 | 2"),
            (4, 7),
            &["the row is not closed", "| a | b"],
        ),
        (
            after("      | a | b |\n      | 1 | 2"),
            (5, 7),
            &["the row is not closed", "| 1 | 2"],
        ),
        (after("      |"), (4, 7), &["the row is not closed"]),
        (
            after("      \"\"\"\n      y"),
            (4, 7),
            &["the doc string is not closed"],
        ),
        (
            after("      \"\"\"y\"\"\""),
            (4, 7),
            &["after \"\"\": the text of a doc string begins on the next line"],
        ),
        (
            after("      ```\n      ```\n      ```\n      ```"),
            (6, 7),
            &["a table row, \"Examples:\"", "found \"```\""],
        ),
        (
            after("      | a |\n      ```\n      ```\n      | b |"),
            (7, 7),
            &["found \"| b |\""],
        ),
        (
            after("  @c\n    When y"),
            (5, 5),
            &[
                "what the tags belong to: \"Examples:\", \"Scenario:\" or \"Rule:\"",
                "found \"When y\"",
            ],
        ),
        (
            after("  @c d"),
            (4, 3),
            &["must not contain whitespace, found \"@c d\""],
        ),
        (after("  @c\n\n"), (7, 5), &["what the tags belong to"]),
        (
            format!("{STEP}  @c\n\n# d\n"),
            (4, 3),
            &["the file ends here"],
        ),
        (
            format!("{OUTLINE}    When y\n"),
            (7, 5),
            &["a table row, \"Examples:\", \"Scenario:\" or \"Rule:\""],
        ),
        (
            OUTLINE.to_owned(),
            (3, 22),
            &["<lef> is not a column", "did you mean \"<left>\"?"],
        ),
        (
            "Feature: a\n  @b\n  Background:\n".to_owned(),
            (3, 3),
            &["what the tags belong to: \"Scenario:\" or \"Rule:\""],
        ),
        (
            "Faeture: a\n".to_owned(),
            (1, 1),
            &["expected \"Feature:\"", "did you mean \"Feature:\"?"],
        ),
        (
            "# language: de\nFeature: a\n".to_owned(),
            (2, 1),
            &["expected \"Funktionalität:\""],
        ),
        (
            "# language: xx\nFeature: a\n".to_owned(),
            (1, 1),
            &["\"xx\" is not known"],
        ),
        (
            "# language: pt-br\nFeature: a\n".to_owned(),
            (1, 1),
            &["did you mean \"pt\"?"],
        ),
        (
            "Feature: a\n  @x @retry(y)\n  Scenario: b\n    Given x\n".to_owned(),
            (2, 6),
            &["not a valid number of retries"],
        ),
    ] {
        for text in [
            text.clone(),
            text.replace('\n', "\r\n"),
            format!("\u{feff}{text}"),
        ] {
            let (line, column, shown) = fault(&text);
            assert_eq!((line, column), place, "{text}: {shown}");
            assert!(
                says.iter().all(|part| shown.contains(part)),
                "{says:?}: {shown}"
            );
        }
    }
    let (line, _, shown) = fault(b"Feature: a\n\n  Scenario: \xff\n");
    assert!(line == 3 && shown.contains("not UTF-8"), "{shown}");
}

#[test]
fn meaning_of_a_line_depends_on_its_position() {
    for (text, expected) in [
        (
            "  Scenario: s\n    Given\ta\n    *\tb\n",
            "s: Given a, Given b",
        ),
        ("\u{a0} Scenario: s\n\u{a0}   Given a\n", "s: Given a"),
        (
            "  Rule: r\n  Scenario: s\n\n  Rule: q\n  Background:\n    Given a\n  Scenario: t\n    Then b\n",
            "s: ; t: Given a, Then b",
        ),
        (
            "  Rules of the house apply.\n  Background checks too.\n  Scenario: s\n    Examples of this\n    When a\n",
            "s: When a",
        ),
        (
            "  Examples:\n  | any |\n  Scenario: s\n    Feature: no\n    Background: no\n    When a\n",
            "s: When a",
        ),
        (
            "  Scenario: s\n    Given a\n      \"\"\"\n      a,\"b \"\"c\"\"\"\n      \"\"\"\n    Then b\n",
            "s: Given a \"a,\\\"b \\\"\\\"c\\\"\\\"\\\"\", Then b",
        ),
        (
            "  Scenario: s\n    Given a\n      | b |\n      ```\n      c\n      ```\n    Given d\n      ```\n      e\n      ```\n      | f |\n",
            "s: Given a \"c\" [[\"b\"]], Given d \"e\" [[\"f\"]]",
        ),
        (
            "  # first\n  words\n  # more\n  more words\n  @a # tag\n  # between\n  @b\n  Scenario: s\n  # a step\n    Given a\n    # head\n    | b |\n    # row\n    | c |\n    When d\n  # last",
            "s @a @b: Given a [[\"b\"],[\"c\"]], When d",
        ),
        (
            "  Scenario Outline: s <n>\n    Given <n>\n  Examples:\n    | n |\n    # | 2 |\n\n  Scenario: t\n    Given b\n",
            "s <n>: Given <n>; t: Given b",
        ),
        (
            "  Scenario: s\n    Given <m>\n      ```<n>\n      <nn>\n      ```\n  Examples:\n    | n |\n    | <m> |\n  @a\n  Scenarios:\n    | m |\n    | 2 |\n",
            "s: Given <m> \"<nn>\"; s @a: Given 2 \"<nn>\"",
        ),
        (
            "  Background:\n    When <n>\n  Scenario: s\n    And <n>\n    Examples:\n    | n |\n    | 1 |\n",
            "s: When <n>, When 1",
        ),
        (
            "  Scenario: s\n    And a\n    Then b\n    * c\n    But d\n  Example: t\n    * a\n",
            "s: Given a, Then b, Then c, Then d; t: Given a",
        ),
    ] {
        let pickles = pickles(&format!("Feature: f\n{text}"));
        let shown: Vec<_> = pickles.iter().map(|found| shown(&found.pickle)).collect();
        assert_eq!(shown.join("; "), expected, "{text}");
    }
}

#[test]
fn first_language_comment_above_the_feature_applies() {
    for head in [
        "# file: a.feature\n\n#  language :de \n",
        "#language:de\n# language: xx\n",
    ] {
        let text = format!("{head}Funktionalität: f\n  Szenario: s\n    Angenommen a\n    Und b\n");
        assert_eq!(
            shown(&pickles(&text)[0].pickle),
            "s: Given a, Given b",
            "{head}"
        );
    }
    for head in [
        "# language: en\n",
        "# language: 1\n",
        "# language\n",
        "@a\n# language: de\n",
    ] {
        assert_eq!(
            pickles(&format!("{head}Feature: f\n  Scenario: s\n")).len(),
            1,
            "{head}"
        );
    }
}

/// A pickle in one line: `name @tag: Given text "doc string" [table], …`.
fn shown(pickle: &Pickle) -> String {
    let tags = pickle.tags.iter().map(|tag| format!(" @{tag}"));
    let steps = pickle.steps.iter().map(|step| {
        let doc_string = step
            .doc_string
            .iter()
            .map(|doc_string| format!(" {}", json!(doc_string.content)));
        let table = step.table.iter().map(|rows| format!(" {}", json!(rows)));
        let argument: String = doc_string.chain(table).collect();
        format!("{} {}{argument}", step.kind.as_str(), step.text)
    });
    let steps: Vec<_> = steps.collect();
    format!(
        "{}{}: {}",
        pickle.name,
        tags.collect::<String>(),
        steps.join(", ")
    )
}

#[test]
fn byte_order_mark_and_line_endings_are_accepted() {
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
fn outline_placeholders_are_filled_in_and_background_steps_come_first() {
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

proptest::proptest! {
    #[test]
    fn compile_never_panics(
        lines in proptest::collection::vec(
            proptest::sample::select(vec![
                "Feature: a", "Feature: a", "  Scenario: c", "    Given d", "Given\td", "When\u{a0}d", "  | x |",
                "\u{3000}| é\\| | \\n |", "      é \"\"\"", "  \"\"\"", "  Examples: <x", "<yx>", "Given <xx>",
                "# language: pt-br", "@é@", "@#", ": :", "\u{85}", "Rule: b", "  Scenario: c", "Scenario Outline: <x>", "Examples:",
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

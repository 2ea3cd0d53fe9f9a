use cucumber::step::Location;

use super::*;
use crate::harness::{World, pickle::DocString};

fn definition(kind: StepKind, regex: &str, line: u32) -> StepDefinition {
    StepDefinition {
        location: Some(Location {
            path: "steps.rs",
            line,
            column: 1,
        }),
        ..StepDefinition::matching(kind, Regex::new(regex).unwrap(), |_: &mut World, _| {
            Box::pin(async {})
        })
    }
}

fn step(kind: StepKind, text: &str) -> PickleStep {
    PickleStep {
        keyword: kind.as_str().to_owned(),
        kind,
        text: text.to_owned(),
        line: 3,
        doc_string: None,
        table: None,
    }
}

fn lookup() -> Lookup {
    use StepKind::{Given, Then, When};
    Lookup::new(Arc::new(StepIndex::new(vec![
        definition(When, "^the workflow runs$", 9),
        definition(Given, r#"^a service "(?P<name>[^"]*)"$"#, 1),
        definition(Given, r#"^a service "([^"]*)" with (\d+) calls?$"#, 2),
        definition(Given, r#"^a (?:service|workflow) "x"$"#, 3),
        definition(Then, "somewhere in it", 4),
    ])))
}

#[test]
fn step_finds_its_definition_and_arguments() {
    let mut lookup = lookup();
    let mut given = step(StepKind::Given, r#"a service "A" with 3 calls"#);
    given.table = Some(vec![vec!["cell".to_owned()]]);
    given.doc_string = Some(DocString {
        media_type: Some("json".to_owned()),
        content: "{}".to_owned(),
    });
    let Match::Found {
        definition,
        context,
    } = lookup.find(&given)
    else {
        panic!("not found");
    };
    assert_eq!(definition.location.unwrap().line, 2);
    let values: Vec<_> = context.matches.iter().map(|(_, value)| &**value).collect();
    assert_eq!(values, [&*given.text, "A", "3"]);
    assert_eq!(context.step.docstring.as_deref(), Some("{}"));
    assert_eq!(context.step.table.unwrap().rows, [["cell"]]);
    let named = step(StepKind::Given, r#"a service "B""#);
    let Match::Found { context, .. } = lookup.find(&named) else {
        panic!("not found");
    };
    assert_eq!(
        context.matches[1],
        (Some("name".to_owned()), "B".to_owned())
    );
    let unanchored = step(StepKind::Then, "it is somewhere in it, indeed");
    assert!(matches!(lookup.find(&unanchored), Match::Found { .. }));
}

#[test]
fn undefined_step_lists_the_nearest_phrases() {
    let mut lookup = lookup();
    let Match::Undefined(message) = lookup.find(&step(StepKind::Given, r#"a servce "A""#)) else {
        panic!("found");
    };
    for part in [
        "no definition for \"Given a servce",
        "did you mean\n    Given a service {string}",
        "#[given(expr = \"a servce {string}\")]",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let Match::Undefined(message) = lookup.find(&step(StepKind::Given, "the workflow runs")) else {
        panic!("found");
    };
    assert!(
        message.ends_with("it is defined as a When step"),
        "{message}"
    );
}

#[test]
fn ambiguous_step_lists_all_definitions_with_their_locations() {
    let mut lookup = lookup();
    let Match::Ambiguous(message) = lookup.find(&step(StepKind::Given, r#"a service "x""#)) else {
        panic!("found");
    };
    assert_eq!(
        message,
        "more than one definition for \"Given a service \"x\"\"\
         \n    Given a service {string} (steps.rs:1:1)\
         \n    Given a service/workflow \"x\" (steps.rs:3:1)"
    );
}

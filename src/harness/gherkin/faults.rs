use std::ops::ControlFlow;

use cucumber::gherkin::{self, Feature, GherkinEnv};

use super::source::{Line, Source, count_cells};
use crate::{domain::nearest, harness::diagnostic::Diagnostic};

/// Words that begin a line, for hints.
const KEYWORDS: [&str; 13] = [
    "Feature:",
    "Rule:",
    "Background:",
    "Scenario:",
    "Example:",
    "Scenario Outline:",
    "Scenario Template:",
    "Examples:",
    "Given",
    "When",
    "Then",
    "And",
    "But",
];

/// What is wrong with a source that the parser refuses.
///
/// The parser only says how far it has looked, which may be lines away, so
/// the fault is looked for here: it is in the first line up to which the
/// source cannot be parsed.
pub(super) fn diagnose(source: &Source) -> Diagnostic {
    if let Some(diagnostic) = unknown_language(source) {
        return diagnostic;
    }
    if let Some(line) = source.open_doc_string {
        return at_line(
            source,
            line,
            "the doc string is not closed, expected a line with the same quotes before the file ends",
            "opened here",
        );
    }
    let Some(line) = first_faulty_line(source) else {
        let last = (1..=source.len())
            .rev()
            .find(|line| source.kind(*line) != Line::Blank)
            .unwrap_or(1);
        return at_line(
            source,
            last,
            "the file ends here, expected what the tags belong to: \
             \"Feature:\", \"Rule:\", \"Scenario:\" or \"Examples:\"",
            "nothing follows",
        );
    };
    faulty_tags(source, line)
        .or_else(|| faulty_table(source, source.rows(table_start(source, line))))
        .unwrap_or_else(|| unexpected(source, line))
}

/// The first row that has not as many cells as the first one.
pub(super) fn faulty_table(
    source: &Source,
    rows: impl Iterator<Item = usize>,
) -> Option<Diagnostic> {
    let mut rows = rows.peekable();
    let expected = count_cells(source.line(*rows.peek()?));
    rows.find_map(|line| {
        let found = count_cells(source.line(line));
        let message = if !source.line(line).ends_with('|') || found == 0 {
            "the row is not closed, expected a \"|\" at its end".to_owned()
        } else if found != expected {
            let s = if found == 1 { "" } else { "s" };
            format!("the row has {found} cell{s}, expected {expected}, as in the table's first row")
        } else {
            return None;
        };
        Some(at_line(source, line, message, "this row"))
    })
}

/// A diagnostic on a whole line.
pub(super) fn at_line(
    source: &Source,
    line: usize,
    message: impl Into<String>,
    label: &str,
) -> Diagnostic {
    let text = source.line(line);
    let indent = text.len() - text.trim_start().len();
    let span = (source.start(line) + indent, text.trim().len());
    Diagnostic::new(&source.uri, &source.text, span, message, label)
}

fn unknown_language(source: &Source) -> Option<Diagnostic> {
    let comments = (1..=source.len())
        .take_while(|line| matches!(source.kind(*line), Line::Blank | Line::Comment));
    comments.into_iter().find_map(|line| {
        let rest = source.line(line).trim_start().strip_prefix('#')?;
        let rest = rest.trim_start().strip_prefix("language")?;
        let language = rest.trim_start().strip_prefix(':')?.trim();
        (!gherkin::is_language_supported(language)).then(|| {
            let message = format!(
                "the language \"{language}\" is not known, expected a code such as \"en\" or \"de\""
            );
            at_line(source, line, message, "this language")
        })
    })
}

/// Parsing up to a line succeeds or fails for good from some line on, but
/// inside doc strings and after tags, which are left out.
fn first_faulty_line(source: &Source) -> Option<usize> {
    let ends: Vec<usize> = (1..=source.len())
        .filter(|line| {
            !matches!(source.kind(*line), Line::Open | Line::Quoted | Line::Tags)
                || !matches!(source.kind(line + 1), Line::Quoted)
                    && source.kind(*line) != Line::Tags
        })
        .collect();
    let parses = |line: &usize| {
        source.is_empty_to(*line)
            || Feature::parse(
                &source.text[..source.start(line + 1)],
                GherkinEnv::default(),
            )
            .is_ok()
    };
    ends.get(ends.partition_point(parses)).copied()
}

fn faulty_tags(source: &Source, line: usize) -> Option<Diagnostic> {
    let above = (1..=line).rev().try_fold(None, |found, line| {
        if source.kind(line) != Line::Tags {
            return match source.kind(line) {
                Line::Blank | Line::Comment => ControlFlow::Continue(found),
                _ if found.is_none() => ControlFlow::Continue(found),
                _ => ControlFlow::Break(found),
            };
        }
        let stray = source
            .line(line)
            .split_whitespace()
            .take_while(|word| !word.starts_with('#'))
            .find(|word| !word.starts_with('@'));
        match stray {
            Some(word) => ControlFlow::Break(Some((line, word))),
            None => ControlFlow::Break(None),
        }
    });
    let (ControlFlow::Break(found) | ControlFlow::Continue(found)) = above;
    let (line, word) = found?;
    let message = format!("a tag begins with \"@\" and holds no blank, found \"{word}\"");
    Some(at_line(source, line, message, "these tags"))
}

/// The line that the table around a line starts at; past the end if there is none.
fn table_start(source: &Source, line: usize) -> usize {
    (1..=line)
        .rev()
        .take_while(|line| source.kind(*line) == Line::Row)
        .last()
        .unwrap_or(source.len() + 1)
}

fn unexpected(source: &Source, line: usize) -> Diagnostic {
    let found = source.line(line).trim();
    let nothing_above =
        (1..line).all(|line| matches!(source.kind(line), Line::Blank | Line::Comment | Line::Tags));
    let expected = if nothing_above {
        "\"Feature:\", which tags and comments may precede"
    } else {
        "a step (Given, When, Then, And, But or *), a table or a doc string below a step, \
         tags, \"Examples:\", \"Scenario:\", \"Rule:\" or a comment"
    };
    let word = match found.split_once(':') {
        Some((word, _)) => format!("{word}:"),
        None => found.split(' ').next().unwrap_or(found).to_owned(),
    };
    let help = nearest(&word, KEYWORDS)
        .filter(|keyword| *keyword != word)
        .map(|keyword| format!("did you mean \"{keyword}\"?"));
    at_line(
        source,
        line,
        format!("expected {expected}, found \"{found}\""),
        "not expected here",
    )
    .help(help)
}

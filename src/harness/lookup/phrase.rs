//! What an error says about a step without a definition: similar phrases, and a snippet to paste.

use std::{fmt::Write as _, sync::LazyLock};

use regex::Regex;
use regex_syntax::ast::{Ast, Group, RepetitionKind, RepetitionRange, parse::Parser};

use crate::harness::pickle::StepKind;

/// Parameters of expressions as they are in regexes.
const PARAMETERS: [(&str, &str); 6] = [
    (r"((?:-?\d+)|(?:\d+))", "{int}"),
    (
        r"([+-]?(?:inf|NaN|(?:\d+|\d+\.\d*|\d*\.\d+)(?:[eE][+-]?\d+)?))",
        "{float}",
    ),
    (r"([^\s]+)", "{word}"),
    (r"(.*)", "{}"),
    (r"(\d+)", "{int}"),
    (r#""([^"]*)""#, "{string}"),
];

/// How groups for quoted text begin; in the second, the quotes are outside the group.
const QUOTED: [&str; 3] = [r#"(?:"("#, r#"([^""#, r#"(""#];

/// A regex as the phrase that people write, `a service {string}`, as far as possible.
pub(super) fn readable(regex: &str) -> String {
    let mut phrase = String::new();
    match Parser::new().parse(regex) {
        Ok(ast) => write(&ast, regex, &mut phrase),
        Err(_) => phrase.push_str(regex),
    }
    phrase.replace("\"{string}\"", "{string}")
}

fn write(ast: &Ast, regex: &str, phrase: &mut String) {
    let source = &regex[ast.span().start.offset..ast.span().end.offset];
    match ast {
        Ast::Empty(_) | Ast::Flags(_) | Ast::Assertion(_) => {}
        Ast::Literal(literal) => phrase.push(literal.c),
        Ast::Concat(concat) => concat.asts.iter().for_each(|ast| write(ast, regex, phrase)),
        Ast::Alternation(alternation) => {
            for (index, ast) in alternation.asts.iter().enumerate() {
                if index > 0 {
                    phrase.push('/');
                }
                write(ast, regex, phrase);
            }
        }
        Ast::Group(group) => write_group(group, source, regex, phrase),
        Ast::Repetition(repetition) if is_optional(&repetition.op.kind) => {
            phrase.push('(');
            write(&repetition.ast, regex, phrase);
            phrase.push(')');
        }
        _ => phrase.push_str(source),
    }
}

fn write_group(group: &Group, source: &str, regex: &str, phrase: &mut String) {
    let unnamed = without_names(source);
    if let Some((_, name)) = PARAMETERS.iter().find(|(pattern, _)| *pattern == unnamed) {
        phrase.push_str(name);
    } else if QUOTED.iter().any(|start| unnamed.starts_with(start)) {
        phrase.push_str("{string}");
    } else if !group.is_capturing() || is_plain(&group.ast) {
        write(&group.ast, regex, phrase);
    } else {
        phrase.push_str("{…}");
    }
}

/// A regex without the names of its groups.
fn without_names(regex: &str) -> String {
    let mut parts = regex.replace("(?P<", "(?<");
    while let Some(start) = parts.find("(?<") {
        let Some(end) = parts[start..].find('>') else {
            break;
        };
        parts.replace_range(start + 1..=start + end, "");
    }
    parts
}

fn is_optional(kind: &RepetitionKind) -> bool {
    matches!(
        kind,
        RepetitionKind::ZeroOrOne | RepetitionKind::Range(RepetitionRange::Bounded(0, 1))
    )
}

fn is_plain(ast: &Ast) -> bool {
    match ast {
        Ast::Literal(_) => true,
        Ast::Concat(concat) => concat.asts.iter().all(is_plain),
        Ast::Alternation(alternation) => alternation.asts.iter().all(is_plain),
        _ => false,
    }
}

/// A step's text with parameters in place of values.
pub(super) fn generalise(text: &str) -> String {
    static VALUES: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#""[^"]*"|'[^']*'|-?\b\d+\.\d+\b|-?\b\d+\b"#).ok());
    let Some(values) = &*VALUES else {
        return text.to_owned();
    };
    let name = |value: &regex::Captures<'_>| match &value[0] {
        quoted if quoted.starts_with(['"', '\'']) => "{string}",
        number if number.contains('.') => "{float}",
        _ => "{int}",
    };
    values.replace_all(text, name).into_owned()
}

/// The phrases most like a text, best first.
pub(super) fn nearest(
    text: &str,
    phrases: impl Iterator<Item = (StepKind, String)>,
) -> Vec<String> {
    const SHOWN: usize = 3;
    const LIKE: f64 = 0.6;
    let wanted = generalise(text);
    let mut near: Vec<(f64, String)> = phrases
        .filter_map(|(kind, phrase)| {
            let like = strsim::normalized_damerau_levenshtein(&wanted, &phrase);
            (like >= LIKE).then(|| (like, format!("{} {phrase}", kind.as_str())))
        })
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    near.dedup_by(|a, b| a.1 == b.1);
    near.into_iter()
        .map(|(_, phrase)| phrase)
        .take(SHOWN)
        .collect()
}

/// A definition to paste for a text that has none.
pub(super) fn snippet(kind: StepKind, text: &str) -> String {
    let phrase = generalise(text);
    let name: String = phrase
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty() && !["string", "int", "float"].contains(word))
        .collect::<Vec<_>>()
        .join("_")
        .to_lowercase();
    let name = match name.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => name,
        _ => format!("step_{name}"),
    };
    let mut parameters = String::new();
    let found = phrase
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    for (number, parameter) in (1..).zip(found) {
        let ty = match parameter {
            "int" => "u64",
            "float" => "f64",
            _ => "String",
        };
        // Writing to a String cannot fail.
        let _ = write!(parameters, ", {parameter}_{number}: {ty}");
    }
    let attribute = kind.as_str().to_lowercase();
    format!(
        "#[{attribute}(expr = {phrase:?})]\n\
         fn {name}(world: &mut World{parameters}) {{\n    world.pending(\"not written yet\");\n}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regex_is_shown_as_its_original_phrase() {
        let string =
            r#"(?:"(?P<__0_0>[^"\\]*(?:\\.[^"\\]*)*)"|'(?P<__0_1>[^'\\]*(?:\\.[^'\\]*)*)')"#;
        for (regex, phrase) in [
            (format!("^a service {string}$"), "a service {string}"),
            (
                r"^it is called ((?:-?\d+)|(?:\d+)) time(?:s)?$".to_owned(),
                "it is called {int} time(s)",
            ),
            (
                r"^(?:a|an) (open|closed) door \(red\)$".to_owned(),
                "a/an open/closed door (red)",
            ),
            (r#"^the "([^"]+)" way$"#.to_owned(), "the {string} way"),
            (r"^within (\d+ ?(?:ms|s))$".to_owned(), "within {…}"),
        ] {
            assert_eq!(readable(&regex), phrase);
        }
    }

    #[test]
    fn snippet_has_parameters_in_place_of_values() {
        assert_eq!(
            snippet(StepKind::When, "\"A\" is called 3 times"),
            "#[when(expr = \"{string} is called {int} times\")]\n\
             fn is_called_times(world: &mut World, string_1: String, int_2: u64) {\n    \
             world.pending(\"not written yet\");\n}"
        );
    }
}

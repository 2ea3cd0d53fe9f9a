use super::{
    faults::GherkinFault,
    lines::{SourceLine, SourceLines},
};
use crate::harness::pickle::DocString;

const QUOTES: [&str; 2] = ["\"\"\"", "```"];

/// The quotes of a line that opens a doc string.
pub(super) fn opening_quotes(line: SourceLine) -> Option<&'static str> {
    QUOTES
        .into_iter()
        .find(|quotes| line.text.starts_with(quotes))
}

/// Reads a doc string to the line that closes it.
pub(super) fn doc_string(
    opening: SourceLine,
    quotes: &str,
    lines: &mut SourceLines,
) -> Result<DocString, GherkinFault> {
    let media_type = opening.text[quotes.len()..].trim();
    if media_type.contains(quotes) {
        let message = format!(
            "expected nothing or a media type such as \"json\" after {quotes}: \
             the text of a doc string begins on the next line"
        );
        return Err(GherkinFault::on_line(opening, message, "opened here"));
    }
    let indent = opening.indent();
    let mut content = String::new();
    let mut is_first = true;
    for line in lines {
        if line.text.starts_with(quotes) {
            return Ok(DocString {
                media_type: (!media_type.is_empty()).then(|| media_type.to_owned()),
                content: unescaped(content, quotes),
            });
        }
        if !is_first {
            content.push('\n');
        }
        is_first = false;
        content.push_str(line.unindented(indent));
    }
    let message = "the doc string is not closed, \
                   expected a line with the same quotes before the file ends";
    Err(GherkinFault::on_line(opening, message, "opened here"))
}

fn unescaped(content: String, quotes: &str) -> String {
    if !content.contains('\\') {
        return content;
    }
    let escaped: String = quotes.chars().flat_map(|quote| ['\\', quote]).collect();
    content.replace(&escaped, quotes)
}

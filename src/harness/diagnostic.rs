use std::fmt;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents,
};

/// A message that points at a fault in a feature file.
#[derive(Debug)]
pub struct Diagnostic {
    uri: String,
    line: usize,
    column: usize,
    message: String,
    help: Option<String>,
    snippet: Option<Box<Snippet>>,
}

#[derive(Debug)]
struct Snippet {
    uri: String,
    text: String,
    column: usize,
    label: LabeledSpan,
}

impl SourceCode for Snippet {
    /// As `miette` reads it from the text, but with the column in characters instead of bytes.
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let contents = self.text.read_span(span, lines_before, lines_after)?;
        let column = match contents.column() {
            0 => 0,
            _ => self.column - 1,
        };
        Ok(Box::new(MietteSpanContents::new_named(
            self.uri.clone(),
            contents.data(),
            *contents.span(),
            contents.line(),
            column,
            contents.line_count(),
        )))
    }
}

impl Diagnostic {
    /// A diagnostic for a file that could not be read.
    pub fn unreadable(uri: &str, error: &std::io::Error) -> Self {
        Self {
            uri: uri.to_owned(),
            line: 1,
            column: 1,
            message: format!("the file cannot be read: {error}"),
            help: None,
            snippet: None,
        }
    }

    /// A diagnostic for `length` bytes of `text`, from byte `start`; `label` says what is wrong there.
    pub fn new(
        uri: &str,
        text: &str,
        (start, length): (usize, usize),
        message: impl Into<String>,
        label: &str,
    ) -> Self {
        let before = text.get(..start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[line_start..].chars().count() + 1;
        Self {
            uri: uri.to_owned(),
            line: before.matches('\n').count() + 1,
            column,
            message: message.into(),
            help: None,
            snippet: Some(Box::new(Snippet {
                uri: uri.to_owned(),
                text: text.to_owned(),
                column,
                label: LabeledSpan::new(Some(label.to_owned()), before.len(), length),
            })),
        }
    }

    /// Adds a hint.
    #[must_use]
    pub fn help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// The line, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in characters, counted from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// What is wrong and what was expected, without the location.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The message with the part of the source it points at, ready to print.
    pub fn render(&self, color: bool) -> String {
        let theme = if color {
            GraphicalTheme::unicode()
        } else {
            GraphicalTheme::unicode_nocolor()
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_links(false)
            .with_width(100);
        let mut text = String::new();
        match handler.render_report(&mut text, self) {
            Ok(()) => text,
            Err(fmt::Error) => format!("{self}\n"),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}: {}",
            self.uri, self.line, self.column, self.message
        )
    }
}

impl std::error::Error for Diagnostic {}

impl miette::Diagnostic for Diagnostic {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.snippet
            .as_ref()
            .map(|snippet| &**snippet as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let snippet = self.snippet.as_ref()?;
        Some(Box::new(std::iter::once(snippet.label.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diagnostic_names_the_location_and_shows_it() {
        let text = "Feature: a\n  Scénario: b\n";
        let at = text.find(':').map(|_| "Feature: a\n  Scé".len()).unwrap();
        let diagnostic = Diagnostic::new("a.feature", text, (at, 4), "no such keyword", "here");
        assert_eq!((diagnostic.line(), diagnostic.column()), (2, 6));
        let shown = diagnostic.render(false);
        assert!(shown.contains("a.feature:2:6: no such keyword"), "{shown}");
        assert!(shown.contains("Scénario: b"), "{shown}");
    }

    #[test]
    fn column_counts_characters_in_message_and_snippet() {
        let text = "Feature: a\n  Scenario: é日é <b>\n";
        let at = text.find('<').unwrap();
        let diagnostic = Diagnostic::new("a.feature", text, (at, 3), "unknown", "here");
        assert_eq!(diagnostic.column(), 17);
        let shown = diagnostic.render(false);
        assert!(shown.contains("a.feature:2:17: unknown"), "{shown}");
        assert!(shown.contains("[a.feature:2:17]"), "{shown}");
    }
}

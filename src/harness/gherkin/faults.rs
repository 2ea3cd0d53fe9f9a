use super::lines::SourceLine;
use crate::harness::diagnostic::Diagnostic;

/// What is wrong with a feature file, and in which bytes.
#[derive(Debug)]
pub(super) struct GherkinFault {
    start: usize,
    length: usize,
    message: String,
    label: &'static str,
    help: Option<String>,
}

impl GherkinFault {
    pub fn new(
        (start, length): (usize, usize),
        message: impl Into<String>,
        label: &'static str,
    ) -> Self {
        Self {
            start,
            length,
            message: message.into(),
            label,
            help: None,
        }
    }

    /// A fault of a whole line.
    pub fn on_line(line: SourceLine, message: impl Into<String>, label: &'static str) -> Self {
        let span = (line.text_start(), line.text.trim_end().len());
        Self::new(span, message, label)
    }

    /// Adds what may have been meant.
    pub fn did_you_mean(mut self, meant: Option<&str>) -> Self {
        self.help = meant.map(|meant| format!("did you mean \"{meant}\"?"));
        self
    }

    pub fn into_diagnostic(self, uri: &str, text: &str) -> Diagnostic {
        let span = (self.start, self.length);
        Diagnostic::new(uri, text, span, self.message, self.label).help(self.help)
    }
}

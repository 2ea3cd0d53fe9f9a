//! Feature files to pickles: reads Gherkin as the official parser does.

mod compiler;
mod doc_strings;
mod faults;
mod keywords;
mod lines;
mod outline;
mod parser;
mod position;
mod rows;
mod tags;
mod tree;

use std::{ops::Range, sync::Arc};

use super::{diagnostic::Diagnostic, pickle::Pickle, tag_options::TagOptions};

/// A pickle and the lines of its file that select it.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The pickle.
    pub pickle: Arc<Pickle>,
    /// The runner options among its tags.
    pub options: TagOptions,
    /// The line of the scenario, which the rows of an outline share.
    pub scenario: usize,
    /// Lines that select it: of its feature's and rule's heads, of the
    /// scenario, of its examples' head and of its row.
    pub lines: [Range<usize>; 5],
}

impl Compiled {
    /// Whether a line selects it.
    pub fn is_at(&self, line: usize) -> bool {
        self.lines.iter().any(|lines| lines.contains(&line))
    }
}

/// Compiles a feature file to pickles, in the order of the file.
///
/// # Errors
///
/// If it is not UTF-8, not Gherkin, or has a tag option that is not valid.
pub fn compile(uri: &str, bytes: &[u8]) -> Result<Vec<Compiled>, Diagnostic> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let shown = String::from_utf8_lossy(bytes);
        let message = "the file is not UTF-8, expected text in UTF-8";
        Diagnostic::new(uri, &shown, (error.valid_up_to(), 1), message, "from here")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let pickles = match parser::parse(text) {
        Ok(Some(feature)) => compiler::pickles(uri, text, feature),
        Ok(None) => Ok(Vec::new()),
        Err(fault) => Err(fault),
    };
    pickles.map_err(|fault| fault.into_diagnostic(uri, text))
}

#[cfg(test)]
mod tests;

//! What the runner runs: scenarios with backgrounds and examples filled in, independent of the parser.

use std::sync::Arc;

/// The kind of step that a definition is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepKind {
    /// Sets up.
    Given,
    /// Acts.
    When,
    /// Checks.
    Then,
}

impl StepKind {
    /// The English keyword.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Given => "Given",
            Self::When => "When",
            Self::Then => "Then",
        }
    }
}

/// One scenario, or one row of an outline's examples, ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Pickle {
    /// The feature file, relative to the package if it is in it, with `/` between folders.
    pub uri: Arc<str>,
    /// The feature's name.
    pub feature: Arc<str>,
    /// The rule's name, if there is one.
    pub rule: Option<Arc<str>>,
    /// The scenario's name, with an example's values in it.
    pub name: String,
    /// The line of the scenario, or of the example's row.
    pub line: usize,
    /// Which row of an outline's examples it is, counted from 1 over all its tables.
    pub row: Option<usize>,
    /// Tags of feature, rule, scenario and examples, without `@`.
    pub tags: Vec<String>,
    /// Background steps and own steps.
    pub steps: Vec<PickleStep>,
    /// Why it fails without being run, if it proves nothing: it has no steps, or its outline no row.
    pub proves_nothing: Option<&'static str>,
}

impl Pickle {
    /// `file:line`, as the command line takes it.
    pub fn location(&self) -> String {
        format!("{}:{}", self.uri, self.line)
    }

    /// Whether it has the tag, given without `@`.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|own| own == tag)
    }
}

/// One step of a pickle.
#[derive(Clone, Debug, PartialEq)]
pub struct PickleStep {
    /// The keyword as written: `Given`, `And`, `Angenommen`, ….
    pub keyword: String,
    /// The kind it counts as.
    pub kind: StepKind,
    /// The text after the keyword.
    pub text: String,
    /// The line it is on.
    pub line: usize,
    /// Doc string, without its media type.
    pub doc_string: Option<DocString>,
    /// Table, all rows.
    pub table: Option<Vec<Vec<String>>>,
}

/// A doc string.
#[derive(Clone, Debug, PartialEq)]
pub struct DocString {
    /// The media type after the opening quotes, such as `json`.
    pub media_type: Option<String>,
    /// The text.
    pub content: String,
}

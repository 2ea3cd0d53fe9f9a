use std::ops::Range;

use crate::harness::pickle::PickleStep;

/// A feature as it is written.
pub(super) struct Feature<'a> {
    pub name: &'a str,
    /// What is directly in the feature, then its rules.
    pub sections: Vec<Section<'a>>,
}

/// What is directly in a feature, or in one of its rules.
pub(super) struct Section<'a> {
    /// The rule's name; `None` directly in the feature.
    pub rule: Option<&'a str>,
    pub tags: Vec<Tag<'a>>,
    pub background: Vec<PickleStep>,
    pub scenarios: Vec<Scenario<'a>>,
    /// The lines above its first scenario.
    pub head: Range<usize>,
}

/// A scenario or an outline.
pub(super) struct Scenario<'a> {
    pub name: &'a str,
    /// Whether its keyword is that of an outline.
    pub is_outline: bool,
    pub tags: Vec<Tag<'a>>,
    /// The line of its keyword.
    pub line: usize,
    pub steps: Vec<PickleStep>,
    pub examples: Vec<Examples<'a>>,
    /// From its tags to the next block.
    pub lines: Range<usize>,
}

/// One table of an outline's examples.
pub(super) struct Examples<'a> {
    pub tags: Vec<Tag<'a>>,
    /// The first holds the names of the columns.
    pub rows: Vec<Row>,
    /// From its tags to the next block.
    pub lines: Range<usize>,
}

/// A row of examples.
pub(super) struct Row {
    pub line: usize,
    pub cells: Vec<String>,
}

/// A tag.
#[derive(Clone, Copy)]
pub(super) struct Tag<'a> {
    /// Without `@`.
    pub name: &'a str,
    /// The byte of its `@`.
    pub start: usize,
}

impl<'a> Section<'a> {
    pub fn new(rule: Option<&'a str>, tags: Vec<Tag<'a>>, start: usize) -> Self {
        Self {
            rule,
            tags,
            background: Vec::new(),
            scenarios: Vec::new(),
            head: start..start,
        }
    }
}

impl<'a> Scenario<'a> {
    pub fn new(name: &'a str, tags: Vec<Tag<'a>>, line: usize, start: usize) -> Self {
        Self {
            name,
            is_outline: false,
            tags,
            line,
            steps: Vec::new(),
            examples: Vec::new(),
            lines: start..start,
        }
    }
}

impl<'a> Examples<'a> {
    pub fn new(tags: Vec<Tag<'a>>, start: usize) -> Self {
        Self {
            tags,
            rows: Vec::new(),
            lines: start..start,
        }
    }
}

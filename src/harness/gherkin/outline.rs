use std::ops::Range;

use cucumber::gherkin::Examples;

use super::{merge, source::Source};
use crate::harness::pickle::{DocString, Pickle};

/// One row of an outline's examples.
pub(super) struct Example<'a> {
    names: &'a [String],
    values: &'a [String],
    tags: &'a [String],
    line: usize,
    /// The lines of its table's head.
    pub head: Range<usize>,
    /// The row's own lines.
    pub lines: Range<usize>,
}

/// All rows of all tables, and the lines of the outline above its first table.
pub(super) fn examples<'a>(
    source: &Source,
    tables: &'a [Examples],
    outline: Range<usize>,
) -> (Range<usize>, Vec<Example<'a>>) {
    let starts: Vec<usize> = tables
        .iter()
        .map(|table| source.block_start(source.line_of(table.span.start)))
        .chain([outline.end])
        .collect();
    let mut examples = Vec::new();
    for (table, bounds) in tables.iter().zip(starts.windows(2)) {
        let Some((header, rows)) = table.table.as_ref().and_then(|t| t.rows.split_first()) else {
            continue;
        };
        let lines: Vec<usize> = source
            .rows(source.line_of(table.span.start))
            .take(rows.len() + 1)
            .skip(1)
            .chain([bounds[1]])
            .collect();
        let head = bounds[0]..lines.first().copied().unwrap_or(bounds[1]);
        examples.extend(
            rows.iter()
                .zip(lines.windows(2))
                .map(|(values, lines)| Example {
                    names: header,
                    values,
                    tags: &table.tags,
                    line: lines[0],
                    head: head.clone(),
                    lines: lines[0]..lines[1],
                }),
        );
    }
    (outline.start..starts[0], examples)
}

impl Example<'_> {
    /// The outline's pickle with the row's values in it.
    pub fn fill(&self, outline: &Pickle, row: usize) -> Pickle {
        let mut pickle = outline.clone();
        pickle.row = Some(row);
        pickle.line = self.line;
        merge(&mut pickle.tags, self.tags);
        self.replace(&mut pickle.name);
        for step in &mut pickle.steps {
            self.replace(&mut step.text);
            if let Some(DocString {
                media_type,
                content,
            }) = &mut step.doc_string
            {
                self.replace(content);
                media_type.iter_mut().for_each(|text| self.replace(text));
            }
            for cell in step.table.iter_mut().flatten().flatten() {
                self.replace(cell);
            }
        }
        pickle
    }

    /// Replaces `<name>` by the row's value; a name that no column has stays as it is.
    fn replace(&self, text: &mut String) {
        if !text.contains('<') {
            return;
        }
        let mut filled = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(open) = rest.find('<') {
            let (before, from) = rest.split_at(open);
            filled.push_str(before);
            let value = self
                .names
                .iter()
                .zip(self.values)
                .find_map(|(name, value)| {
                    let after = from[1..].strip_prefix(name.as_str())?.strip_prefix('>')?;
                    Some((value, after))
                });
            match value {
                Some((value, after)) => {
                    filled.push_str(value);
                    rest = after;
                }
                None => {
                    filled.push('<');
                    rest = &from[1..];
                }
            }
        }
        filled.push_str(rest);
        *text = filled;
    }
}

use super::{faults::GherkinFault, lines::SourceLines, tree::Examples};
use crate::{domain::nearest, harness::pickle::Pickle};

/// The columns of examples with the values of a row.
pub(super) struct Columns<'a> {
    names: &'a [String],
    values: &'a [String],
}

impl<'a> Columns<'a> {
    pub fn new(names: &'a [String], values: &'a [String]) -> Self {
        Self { names, values }
    }

    /// The outline's pickle with the row's values in it.
    pub fn fill(&self, outline: &Pickle) -> Pickle {
        let mut pickle = outline.clone();
        self.replace(&mut pickle.name);
        for step in &mut pickle.steps {
            self.replace(&mut step.text);
            if let Some(doc_string) = &mut step.doc_string {
                self.replace(&mut doc_string.content);
                doc_string
                    .media_type
                    .iter_mut()
                    .for_each(|text| self.replace(text));
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

/// Refuses a `<name>` that is not a column but similar to one.
///
/// Others are left alone, and so are doc strings: not everything between angle
/// brackets is a placeholder.
pub(super) fn check_placeholders(
    text: &str,
    outline: &Pickle,
    examples: &[Examples],
) -> Result<(), GherkinFault> {
    let columns: Vec<&str> = examples
        .iter()
        .filter_map(|examples| examples.rows.first())
        .flat_map(|header| header.cells.iter().map(String::as_str))
        .collect();
    check(text, outline.line, &outline.name, &columns)?;
    for step in &outline.steps {
        check(text, step.line, &step.text, &columns)?;
        for cell in step.table.iter().flatten().flatten() {
            check(text, step.line, cell, &columns)?;
        }
    }
    Ok(())
}

fn check(source: &str, line: usize, text: &str, columns: &[&str]) -> Result<(), GherkinFault> {
    for part in text.split('<').skip(1) {
        let Some((name, _)) = part.split_once('>') else {
            continue;
        };
        if columns.contains(&name) {
            continue;
        }
        if let Some(meant) = nearest(name, columns.iter().copied()) {
            let placeholder = format!("<{name}>");
            let start = SourceLines::new(source)
                .skip(line - 1)
                .find_map(|line| Some(line.start + line.raw.find(&placeholder)?))
                .unwrap_or_default();
            let message = format!("{placeholder} is not a column of the examples");
            return Err(
                GherkinFault::new((start, placeholder.len()), message, "this placeholder")
                    .did_you_mean(Some(&format!("<{meant}>"))),
            );
        }
    }
    Ok(())
}

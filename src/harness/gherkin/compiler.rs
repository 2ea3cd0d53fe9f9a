use std::{ops::Range, sync::Arc};

use super::{
    Compiled,
    faults::GherkinFault,
    outline::{Columns, check_placeholders},
    tree::{Feature, Scenario, Section, Tag},
};
use crate::harness::{
    pickle::{Pickle, PickleStep},
    tag_options::TagOptions,
};

const NO_STEPS: &str = "the scenario has no steps of its own, so it proves nothing \
     (tag it @wip if it is to be written yet)";

const NO_ROWS: &str = "the outline has no row of examples, so it proves nothing \
     (tag it @wip if they are to be written yet)";

/// The pickles of a feature, in the order of its file.
pub(super) fn pickles(
    uri: &str,
    text: &str,
    feature: Feature<'_>,
) -> Result<Vec<Compiled>, GherkinFault> {
    let mut compiler = Compiler {
        uri: uri.into(),
        feature: feature.name.into(),
        text,
        pickles: Vec::new(),
    };
    let mut around = Inherited::default();
    for section in feature.sections {
        let inherited = around.enter(&section);
        for scenario in section.scenarios {
            compiler.scenario(scenario, &inherited)?;
        }
        if section.rule.is_none() {
            around = inherited;
        }
    }
    Ok(compiler.pickles)
}

/// What a scenario inherits from the feature and the rule that it is in.
#[derive(Clone, Default)]
struct Inherited<'a> {
    rule: Option<Arc<str>>,
    tags: Vec<Tag<'a>>,
    background: Vec<PickleStep>,
    /// The lines of the feature's head, and of the rule's.
    heads: [Range<usize>; 2],
}

impl<'a> Inherited<'a> {
    fn enter(&self, section: &Section<'a>) -> Self {
        let mut inner = self.clone();
        inner.rule = section.rule.map(Into::into);
        merge(&mut inner.tags, &section.tags);
        inner.background.extend_from_slice(&section.background);
        inner.heads[usize::from(section.rule.is_some())] = section.head.clone();
        inner
    }
}

struct Compiler<'a> {
    uri: Arc<str>,
    feature: Arc<str>,
    text: &'a str,
    pickles: Vec<Compiled>,
}

impl<'a> Compiler<'a> {
    fn scenario(
        &mut self,
        scenario: Scenario<'a>,
        around: &Inherited<'a>,
    ) -> Result<(), GherkinFault> {
        let mut tags = around.tags.clone();
        merge(&mut tags, &scenario.tags);
        let mut pickle = Pickle {
            uri: Arc::clone(&self.uri),
            feature: Arc::clone(&self.feature),
            rule: around.rule.clone(),
            name: scenario.name.to_owned(),
            line: scenario.line,
            row: None,
            tags: Vec::new(),
            proves_nothing: scenario.steps.is_empty().then_some(NO_STEPS),
            steps: scenario.steps,
        };
        check_placeholders(self.text, &pickle, &scenario.examples)?;
        // The first row of a table holds the names of its columns.
        let has_rows = scenario.examples.iter().any(|table| table.rows.len() > 1);
        let Some(first) = scenario.examples.first().filter(|_| has_rows) else {
            if scenario.is_outline || !scenario.examples.is_empty() {
                pickle.proves_nothing = Some(NO_ROWS);
            }
            let lines = [scenario.lines, 0..0, 0..0];
            return self.push(pickle, &tags, around, scenario.line, lines);
        };
        let outline_head = scenario.lines.start..first.lines.start;
        let mut count = 0;
        for examples in &scenario.examples {
            let Some((header, rows)) = examples.rows.split_first() else {
                continue;
            };
            let mut tags = tags.clone();
            merge(&mut tags, &examples.tags);
            let first_row = rows.first().map_or(examples.lines.end, |row| row.line);
            let head = examples.lines.start..first_row;
            for (index, row) in rows.iter().enumerate() {
                count += 1;
                let end = rows
                    .get(index + 1)
                    .map_or(examples.lines.end, |next| next.line);
                let mut pickle = Columns::new(&header.cells, &row.cells).fill(&pickle);
                pickle.row = Some(count);
                pickle.line = row.line;
                let lines = [outline_head.clone(), head.clone(), row.line..end];
                self.push(pickle, &tags, around, scenario.line, lines)?;
            }
        }
        Ok(())
    }

    /// Adds a scenario's pickle with what it inherits.
    fn push(
        &mut self,
        mut pickle: Pickle,
        tags: &[Tag],
        around: &Inherited,
        scenario: usize,
        [head, examples, row]: [Range<usize>; 3],
    ) -> Result<(), GherkinFault> {
        pickle.tags = tags.iter().map(|tag| tag.name.to_owned()).collect();
        let options = TagOptions::parse(&pickle.tags).map_err(|error| {
            let tag = tags.iter().find(|tag| tag.name == error.tag);
            let span = tag.map_or((0, 0), |tag| (tag.start, tag.name.len() + 1));
            GherkinFault::new(span, error.to_string(), "this tag")
        })?;
        // A scenario without steps does nothing, its background included.
        if !pickle.steps.is_empty() && !around.background.is_empty() {
            let own = std::mem::take(&mut pickle.steps);
            pickle.steps = around.background.iter().cloned().chain(own).collect();
        }
        let [feature, rule] = around.heads.clone();
        self.pickles.push(Compiled {
            pickle: Arc::new(pickle),
            options,
            scenario,
            lines: [feature, rule, head, examples, row],
        });
        Ok(())
    }
}

/// Adds the tags that are missing.
fn merge<'a>(tags: &mut Vec<Tag<'a>>, more: &[Tag<'a>]) {
    for tag in more {
        if !tags.iter().any(|own| own.name == tag.name) {
            tags.push(*tag);
        }
    }
}

//! Feature files to pickles: the only place that knows the Gherkin parser.

mod faults;
mod outline;
mod source;
mod step;

use std::{ops::Range, sync::Arc};

use cucumber::gherkin::{Background, Feature, GherkinEnv, Rule, Scenario, Step, StepType, Table};

pub(super) use self::step::to_step;
use self::{
    outline::{Example, examples},
    source::{Line, Source},
};
use super::{
    diagnostic::Diagnostic,
    pickle::{Pickle, PickleStep, StepKind},
    tags::TagOptions,
};

/// A pickle and the lines of its file that stand for it.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The pickle.
    pub pickle: Arc<Pickle>,
    /// What its tags ask of the runner.
    pub options: TagOptions,
    /// The line of the scenario, which the rows of an outline share.
    pub scenario: usize,
    /// Lines that select it: of its feature's and rule's heads, of the
    /// scenario, of its examples' head and of its row.
    pub lines: [Range<usize>; 5],
}

impl Compiled {
    /// Whether a line stands for it.
    pub fn is_at(&self, line: usize) -> bool {
        self.lines.iter().any(|lines| lines.contains(&line))
    }
}

/// Compiles a feature file to pickles, in the order of the file.
///
/// # Errors
///
/// If it is not UTF-8, no Gherkin, or has a tag option that cannot be read.
pub fn compile(uri: &str, bytes: &[u8]) -> Result<Vec<Compiled>, Diagnostic> {
    let raw = std::str::from_utf8(bytes).map_err(|error| {
        let shown = String::from_utf8_lossy(bytes);
        let message = "the file is not UTF-8, expected text in UTF-8";
        Diagnostic::new(uri, &shown, (error.valid_up_to(), 1), message, "from here")
    })?;
    let source = Source::new(uri, raw);
    if source.is_empty_to(source.len()) {
        return Ok(Vec::new());
    }
    let feature = Feature::parse(&source.text, GherkinEnv::default())
        .map_err(|_| faults::diagnose(&source))?;
    Compiler {
        source: &source,
        uri: uri.into(),
        feature: feature.name.as_str().into(),
        pickles: Vec::new(),
    }
    .compile(&feature)
}

struct Compiler<'a> {
    source: &'a Source,
    uri: Arc<str>,
    feature: Arc<str>,
    pickles: Vec<Compiled>,
}

/// What a scenario inherits from where it stands.
#[derive(Clone, Default)]
struct Surroundings {
    rule: Option<Arc<str>>,
    tags: Vec<String>,
    steps: Vec<PickleStep>,
    feature_head: Range<usize>,
    rule_head: Range<usize>,
}

impl Compiler<'_> {
    fn compile(mut self, feature: &Feature) -> Result<Vec<Compiled>, Diagnostic> {
        let end = self.source.len() + 1;
        let blocks = feature.scenarios.iter().map(|scenario| scenario.span.start);
        let rules = feature.rules.iter().map(|rule| rule.span.start);
        let starts = self.block_starts(blocks.chain(rules), end);
        let mut around = Surroundings {
            tags: feature.tags.clone(),
            steps: self.background(feature.background.as_ref())?,
            feature_head: 1..starts[0],
            ..Surroundings::default()
        };
        around.tags.dedup();
        for (scenario, bounds) in feature.scenarios.iter().zip(starts.windows(2)) {
            self.scenario(scenario, &around, bounds[0]..bounds[1])?;
        }
        let rule_starts = &starts[feature.scenarios.len()..];
        for (rule, bounds) in feature.rules.iter().zip(rule_starts.windows(2)) {
            self.rule(rule, &around, bounds[0]..bounds[1])?;
        }
        Ok(self.pickles)
    }

    fn rule(
        &mut self,
        rule: &Rule,
        feature: &Surroundings,
        lines: Range<usize>,
    ) -> Result<(), Diagnostic> {
        let blocks = rule.scenarios.iter().map(|scenario| scenario.span.start);
        let starts = self.block_starts(blocks, lines.end);
        let mut around = feature.clone();
        around.rule = Some(rule.name.as_str().into());
        around.rule_head = lines.start..starts[0];
        around
            .steps
            .extend(self.background(rule.background.as_ref())?);
        merge(&mut around.tags, &rule.tags);
        for (scenario, bounds) in rule.scenarios.iter().zip(starts.windows(2)) {
            self.scenario(scenario, &around, bounds[0]..bounds[1])?;
        }
        Ok(())
    }

    fn scenario(
        &mut self,
        scenario: &Scenario,
        around: &Surroundings,
        lines: Range<usize>,
    ) -> Result<(), Diagnostic> {
        let line = self.source.line_of(scenario.span.start);
        let own = self.steps(&scenario.steps)?;
        // A scenario without steps does nothing, its background included.
        let steps = if own.is_empty() {
            own
        } else {
            around.steps.iter().cloned().chain(own).collect()
        };
        let mut tags = around.tags.clone();
        merge(&mut tags, &scenario.tags);
        let pickle = Pickle {
            uri: Arc::clone(&self.uri),
            feature: Arc::clone(&self.feature),
            rule: around.rule.clone(),
            name: scenario.name.clone(),
            line,
            row: None,
            tags,
            steps,
        };
        let heads = [around.feature_head.clone(), around.rule_head.clone()];
        if scenario.examples.is_empty() {
            return self.push(pickle, line, heads, [lines, 0..0, 0..0]);
        }
        for table in scenario.examples.iter().filter_map(|e| e.table.as_ref()) {
            self.check(table)?;
        }
        let (head, examples) = examples(self.source, &scenario.examples, lines);
        for (row, example) in (1..).zip(examples) {
            let pickle = example.fill(&pickle, row);
            let Example {
                head: table, lines, ..
            } = example;
            self.push(pickle, line, heads.clone(), [head.clone(), table, lines])?;
        }
        Ok(())
    }

    fn push(
        &mut self,
        pickle: Pickle,
        scenario: usize,
        [feature, rule]: [Range<usize>; 2],
        [head, examples, row]: [Range<usize>; 3],
    ) -> Result<(), Diagnostic> {
        let options = TagOptions::parse(&pickle.tags).map_err(|error| {
            let tag = format!("@{}", error.tag);
            let at = (1..=self.source.len())
                .filter(|line| self.source.kind(*line) == Line::Tags)
                .find_map(|line| {
                    let at = self.source.line(line).find(&tag)?;
                    Some(self.source.start(line) + at)
                })
                .unwrap_or_else(|| self.source.start(pickle.line));
            let span = (at, tag.len());
            Diagnostic::new(
                &self.uri,
                &self.source.text,
                span,
                error.to_string(),
                "this tag",
            )
        })?;
        self.pickles.push(Compiled {
            pickle: Arc::new(pickle),
            options,
            scenario,
            lines: [feature, rule, head, examples, row],
        });
        Ok(())
    }

    fn background(&self, background: Option<&Background>) -> Result<Vec<PickleStep>, Diagnostic> {
        background.map_or_else(
            || Ok(Vec::new()),
            |background| self.steps(&background.steps),
        )
    }

    fn steps(&self, steps: &[Step]) -> Result<Vec<PickleStep>, Diagnostic> {
        let mut last = None;
        steps
            .iter()
            .map(|step| {
                let line = self.source.line_of(step.span.start);
                let keyword = step.keyword.trim();
                // The parser takes every `*` for a Given; it is one more of what precedes it.
                let kind = match (keyword, last) {
                    ("*" | "And" | "But", Some(last)) => last,
                    _ => kind(step.ty),
                };
                last = Some(kind);
                if let Some(table) = &step.table {
                    self.check(table)?;
                }
                Ok(PickleStep {
                    keyword: keyword.to_owned(),
                    kind,
                    text: step.value.trim().to_owned(),
                    line,
                    doc_string: step
                        .docstring
                        .as_ref()
                        .and_then(|_| self.source.doc_string(line)),
                    table: step.table.as_ref().map(|table| table.rows.clone()),
                })
            })
            .collect()
    }

    /// The parser cuts rows that are too long without a word.
    fn check(&self, table: &Table) -> Result<(), Diagnostic> {
        let rows = self.source.rows(self.source.line_of(table.span.start));
        match faults::faulty_table(self.source, rows) {
            Some(diagnostic) => Err(diagnostic),
            None => Ok(()),
        }
    }

    /// The first lines of blocks, given the bytes of their keywords, and the end of the last.
    fn block_starts(&self, keywords: impl Iterator<Item = usize>, end: usize) -> Vec<usize> {
        keywords
            .map(|byte| self.source.block_start(self.source.line_of(byte)))
            .chain([end])
            .collect()
    }
}

fn kind(ty: StepType) -> StepKind {
    match ty {
        StepType::Given => StepKind::Given,
        StepType::When => StepKind::When,
        StepType::Then => StepKind::Then,
    }
}

/// Adds the tags that are not there yet.
fn merge(tags: &mut Vec<String>, more: &[String]) {
    for tag in more {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
}

#[cfg(test)]
mod tests;

//! Finds the definition of a step: by the literal text of its phrase, then by regex.

mod builtin;
mod definition;
mod phrase;
mod shape;
mod trie;

use std::{fmt::Write as _, sync::Arc};

use cucumber::{
    gherkin::{LineCol, Span, Step, StepType, Table},
    step::Context,
};
use regex::{CaptureLocations, Regex};

use self::trie::{Search, Trie};
pub use self::{
    builtin::{Arguments, BuiltinStep, ParameterType, pass_or_panic, refuse_argument},
    definition::StepDefinition,
};
use super::{
    panics::source_location,
    pickle::{PickleStep, StepKind},
};

/// The Cargo features that bring steps, and whether they are on.
#[doc(hidden)]
pub const CARGO_FEATURES: [(&str, bool); 9] = [
    ("configuration", cfg!(feature = "configuration")),
    ("contracts", cfg!(feature = "contracts")),
    ("control", cfg!(feature = "control")),
    ("cqrs", cfg!(feature = "cqrs")),
    ("http", cfg!(feature = "http")),
    ("json-schema", cfg!(feature = "json-schema")),
    ("messaging", cfg!(feature = "messaging")),
    ("sqlite", cfg!(feature = "sqlite")),
    ("tasks", cfg!(feature = "tasks")),
];

/// What a lookup finds.
#[derive(Debug)]
pub enum Match<'a> {
    /// One definition.
    Found {
        /// The definition.
        definition: &'a StepDefinition,
        /// What to run it with.
        context: Context,
    },
    /// None; the message names the nearest phrases.
    Undefined(String),
    /// Several; the message lists them.
    Ambiguous(String),
}

/// All definitions, by kind and by the literal text of their phrases.
///
/// One regex after another would take 110 µs a step at 1,000 definitions, and
/// one set of all regexes 140 µs; the literal text leaves one or two candidates.
#[derive(Debug)]
pub struct StepIndex {
    definitions: Vec<StepDefinition>,
    by_kind: [Trie; 3],
}

impl StepIndex {
    /// An index on definitions, which are put in the order of their locations.
    pub fn new(mut definitions: Vec<StepDefinition>) -> Self {
        definitions.sort_by(|a, b| {
            let key = |definition: &StepDefinition| (definition.location, definition.kind as u8);
            key(a)
                .cmp(&key(b))
                .then_with(|| a.pattern.as_str().cmp(b.pattern.as_str()))
        });
        let mut by_kind: [Trie; 3] = Default::default();
        for (id, definition) in (0..).zip(&definitions) {
            by_kind[definition.kind as usize].insert(&definition.pattern.shape(), id);
        }
        Self {
            definitions,
            by_kind,
        }
    }

    /// The definitions that are not of the vocabulary, in the order of their locations.
    pub(crate) fn own(&self) -> impl Iterator<Item = &StepDefinition> {
        let all = self.definitions.iter();
        all.filter(|definition| !definition.is_builtin())
    }

    fn candidates(&self, kind: StepKind, text: &str, search: &mut Search) {
        self.by_kind[kind as usize].find(text.as_bytes(), search);
    }

    fn is_defined(&self, kind: StepKind, text: &str) -> bool {
        let mut search = Search::default();
        self.candidates(kind, text, &mut search);
        let mut found = search.found.iter();
        found.any(|id| {
            let pattern = &self.definitions[*id as usize].pattern;
            pattern.regex().is_match(text)
        })
    }

    fn undefined(&self, step: &PickleStep) -> String {
        let kind = step.kind.as_str();
        let mut message = format!("no definition for \"{kind} {}\"", step.text);
        let elsewhere = [StepKind::Given, StepKind::When, StepKind::Then]
            .into_iter()
            .filter(|other| *other != step.kind)
            .find(|other| self.is_defined(*other, &step.text));
        if let Some(other) = elsewhere {
            let _ = write!(message, "\nit is defined as a {} step", other.as_str());
            return message;
        }
        let phrases = self.definitions.iter();
        let phrases = phrases.map(|definition| (definition.kind, definition.pattern.readable()));
        let near = phrase::nearest(&step.text, phrases);
        if !near.is_empty() {
            let _ = write!(message, "\ndid you mean\n    {}", near.join("\n    "));
        }
        if let Some(left_out) = steps_left_out() {
            let _ = write!(message, "\n{left_out}");
        }
        let snippet = phrase::snippet(step.kind, &step.text).replace('\n', "\n    ");
        let _ = write!(message, "\nto define it\n    {snippet}");
        message
    }

    fn ambiguous(&self, step: &PickleStep, matching: &[u32]) -> String {
        let kind = step.kind.as_str();
        let mut message = format!("more than one definition for \"{kind} {}\"", step.text);
        for id in matching {
            let definition = &self.definitions[*id as usize];
            let phrase = definition.pattern.readable();
            let _ = write!(message, "\n    {kind} {phrase}");
            if let Some(location) = definition.location {
                let _ = write!(message, " ({})", source_location(&location.to_string()));
            }
        }
        message
    }
}

/// A worker's own access to the index.
///
/// Regexes share scratch memory between threads; each worker has clones of
/// those it uses, so that none waits for another.
#[derive(Debug)]
pub struct Lookup {
    index: Arc<StepIndex>,
    regexes: Vec<Option<WorkerRegex>>,
    search: Search,
    matching: Vec<u32>,
}

#[derive(Debug)]
struct WorkerRegex {
    regex: Regex,
    captures: CaptureLocations,
    names: Vec<Option<String>>,
}

impl Lookup {
    /// Access to the index, for one worker.
    pub fn new(index: Arc<StepIndex>) -> Self {
        Self {
            regexes: index.definitions.iter().map(|_| None).collect(),
            index,
            search: Search::default(),
            matching: Vec::new(),
        }
    }

    /// Finds the definition of a step.
    pub fn find(&mut self, step: &PickleStep) -> Match<'_> {
        self.matching.clear();
        self.index
            .candidates(step.kind, &step.text, &mut self.search);
        for id in self.search.found.iter().copied() {
            let own = self.regexes[id as usize].get_or_insert_with(|| {
                let regex = self.index.definitions[id as usize].pattern.regex().clone();
                WorkerRegex {
                    captures: regex.capture_locations(),
                    names: regex
                        .capture_names()
                        .map(|n| n.map(str::to_owned))
                        .collect(),
                    regex,
                }
            });
            if own
                .regex
                .captures_read(&mut own.captures, &step.text)
                .is_some()
            {
                self.matching.push(id);
            }
        }
        match self.matching[..] {
            [id] => Match::Found {
                definition: &self.index.definitions[id as usize],
                context: self.regexes[id as usize]
                    .as_ref()
                    .map(|own| own.context(step))
                    .unwrap_or_else(|| Context {
                        step: to_step(step),
                        matches: Vec::new(),
                    }),
            },
            [] => Match::Undefined(self.index.undefined(step)),
            _ => Match::Ambiguous(self.index.ambiguous(step, &self.matching)),
        }
    }
}

impl WorkerRegex {
    fn context(&self, step: &PickleStep) -> Context {
        let group = |index| {
            self.captures
                .get(index)
                .map_or("", |(start, end)| &step.text[start..end])
                .to_owned()
        };
        let names = self.names.iter().cloned().enumerate();
        Context {
            step: to_step(step),
            matches: names.map(|(index, name)| (name, group(index))).collect(),
        }
    }
}

/// A step as step functions receive it; of a doc string, only the content.
fn to_step(step: &PickleStep) -> Step {
    let position = LineCol {
        line: step.line,
        col: 1,
    };
    Step {
        keyword: step.keyword.clone(),
        ty: match step.kind {
            StepKind::Given => StepType::Given,
            StepKind::When => StepType::When,
            StepKind::Then => StepType::Then,
        },
        value: step.text.clone(),
        docstring: step
            .doc_string
            .as_ref()
            .map(|doc_string| doc_string.content.clone()),
        table: step.table.as_ref().map(|rows| Table {
            rows: rows.clone(),
            span: Span::default(),
            position,
        }),
        span: Span::default(),
        position,
    }
}

/// Names the Cargo features that are off, and with them their steps.
fn steps_left_out() -> Option<String> {
    let off = CARGO_FEATURES.iter().filter(|(_, is_on)| !is_on);
    let off: Vec<_> = off.map(|(name, _)| format!("`{name}`")).collect();
    let off = off.join(", ");
    (!off.is_empty())
        .then(|| format!("steps of these Cargo features of rehearsal are left out: {off}"))
}

#[cfg(test)]
mod tests;

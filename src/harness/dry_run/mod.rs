//! A dry run: what scenarios would not find, and what none of them needs, without running them.

mod check;
mod findings;
mod names;
mod scenery;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub(super) use self::check::{ScenarioCheck, StepCheck};
use self::findings::{Finding, Findings};
use super::{
    Fixtures, SnapshotName, Snapshots, StepDefinition, StepIndex, fixtures::FixtureName,
    panics::source_location, pickle::Pickle,
};
use crate::domain::Locked;

/// What the scenarios of a dry run are checked against, and what was found so far.
#[derive(Debug)]
pub(super) struct DryRun {
    index: Arc<StepIndex>,
    fixtures: Fixtures,
    snapshots: Arc<Snapshots>,
    /// How many scenarios each feature has.
    features: BTreeMap<Arc<str>, usize>,
    /// Whether these are all features of the suite.
    has_all_features: bool,
    findings: Locked<Findings>,
}

impl DryRun {
    /// A dry run of a suite, of which `all` are the scenarios that were read.
    pub fn new(
        index: &Arc<StepIndex>,
        fixtures: &Fixtures,
        snapshots: &Arc<Snapshots>,
        all: &[Arc<Pickle>],
        has_all_features: bool,
    ) -> Self {
        let mut features = BTreeMap::new();
        for pickle in all {
            *features.entry(Arc::clone(&pickle.uri)).or_default() += 1;
        }
        Self {
            index: Arc::clone(index),
            fixtures: fixtures.clone(),
            snapshots: Arc::clone(snapshots),
            features,
            has_all_features,
            findings: Locked::default(),
        }
    }

    /// What fails no scenario: lists with their headings, those that are not empty.
    pub fn lists(&self) -> Vec<(&'static str, Vec<String>)> {
        let findings = self.findings.lock();
        let mut lists = vec![
            (
                "Event types that nothing in their scenarios publishes:",
                shown(&findings.unpublished),
            ),
            (
                "Requests to what is not in the cast, which are answered by an error:",
                shown(&findings.unknown_calls),
            ),
            (
                "Snapshots that are not there yet:",
                shown(&findings.new_snapshots),
            ),
            (
                "Not checked, as these may need what a dry run leaves out (Whens, hooks, steps of your own):",
                shown(&findings.not_checked),
            ),
            (
                "Services, latencies and replies that nothing in their scenarios names:",
                findings.unused_scenery(|uri| self.is_whole(&findings, uri)),
            ),
        ];
        let is_whole = |uri| self.is_whole(&findings, uri);
        let is_part = !self.has_all_features || !self.features.keys().all(is_whole);
        if !is_part {
            lists.extend([
                (
                    "Fixtures that no scenario loads:",
                    self.fixtures.unused(&findings.fixtures),
                ),
                (
                    "Steps of your own that no scenario uses:",
                    self.unused_definitions(&findings.definitions),
                ),
                (
                    "Snapshots that no scenario has:",
                    self.snapshots.orphans(&findings.snapshots),
                ),
            ]);
        }
        lists.retain(|(_, findings)| !findings.is_empty());
        if is_part {
            let left_out = "Fixtures, steps of your own and snapshots that nothing uses are listed when the whole suite is checked";
            lists.push((left_out, Vec::new()));
        }
        lists
    }

    /// Whether all scenarios of a feature were checked.
    fn is_whole(&self, findings: &Findings, uri: &Arc<str>) -> bool {
        findings.checked.get(uri) == self.features.get(uri)
    }

    fn unused_definitions(&self, used: &BTreeSet<(u8, String)>) -> Vec<String> {
        let own = self.index.own();
        own.filter(|definition| !used.contains(&key(definition)))
            .map(|definition| {
                let phrase = format!("{} {}", definition.kind().as_str(), definition.phrase());
                match definition.location {
                    None => phrase,
                    Some(location) => {
                        format!("{}  {phrase}", source_location(&location.to_string()))
                    }
                }
            })
            .collect()
    }

    fn found(&self, record: impl FnOnce(&mut Findings)) {
        record(&mut self.findings.lock());
    }
}

fn shown(findings: &BTreeSet<Finding>) -> Vec<String> {
    findings.iter().map(Finding::to_string).collect()
}

/// Two definitions of one kind and pattern are ambiguous, so no step uses either.
fn key(definition: &StepDefinition) -> (u8, String) {
    let pattern = definition.regex().as_str().to_owned();
    (definition.kind() as u8, pattern)
}

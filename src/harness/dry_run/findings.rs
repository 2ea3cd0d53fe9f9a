use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use super::{FixtureName, SnapshotName};

/// What the scenarios checked so far have and lack. Its order is that of places, whoever found it first.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// How many scenarios of each feature were checked.
    pub checked: BTreeMap<Arc<str>, usize>,
    pub unpublished: BTreeSet<Finding>,
    pub unknown_calls: BTreeSet<Finding>,
    pub new_snapshots: BTreeSet<Finding>,
    pub not_checked: BTreeSet<Finding>,
    /// What need not be used, and whether any scenario that declares it does.
    pub scenery: BTreeMap<Finding, bool>,
    pub fixtures: BTreeSet<FixtureName>,
    /// Those of the user's own that steps use, by kind and pattern.
    pub definitions: BTreeSet<(u8, String)>,
    pub snapshots: BTreeSet<SnapshotName>,
}

/// What was found at a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    pub uri: Arc<str>,
    pub line: usize,
    pub text: String,
}

impl Findings {
    /// The scenery that nothing uses, in features that `is_whole` accepts: the scenarios of a feature share
    /// its background.
    pub fn unused_scenery(&self, is_whole: impl Fn(&Arc<str>) -> bool) -> Vec<String> {
        let scenery = self.scenery.iter();
        let unused = scenery.filter(|(found, used)| !**used && is_whole(&found.uri));
        unused.map(|(found, _)| found.to_string()).collect()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}  {}", self.uri, self.line, self.text)
    }
}

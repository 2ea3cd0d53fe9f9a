use std::{collections::BTreeSet, fs};

use super::{SnapshotName, Snapshots, file};
use crate::harness::features::package_root;

impl Snapshots {
    /// The paths of the snapshots that scenarios of this suite once had and that are not `used`, in order of
    /// their names.
    ///
    /// The folder may also hold snapshots of Rust tests, and of other suites: those are left alone.
    pub fn orphans(&self, used: &BTreeSet<SnapshotName>) -> Vec<String> {
        let used: BTreeSet<String> = used
            .iter()
            .map(|name| name.file_name().to_lowercase())
            .collect();
        let is_used = |name: &str| used.contains(&name.to_lowercase());
        let entries = fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten();
        let mut orphans: Vec<String> = entries
            .map(|entry| entry.path())
            .filter(|path| {
                let name = path.file_name().and_then(|name| name.to_str());
                name.is_some_and(|name| name.ends_with(".snap") && !is_used(name))
            })
            .filter(|path| {
                let text = fs::read_to_string(path).unwrap_or_default();
                file::source(&text).is_some_and(|source| self.is_of_suite(&source))
            })
            .map(|path| self.shown(&path))
            .collect();
        orphans.sort();
        orphans
    }

    /// Whether a file is a feature of this suite, or was one.
    fn is_of_suite(&self, source: &str) -> bool {
        source.ends_with(".feature")
            && (self.suite.iter().any(|pickle| *pickle.uri == *source)
                || !package_root().join(source).exists())
    }
}

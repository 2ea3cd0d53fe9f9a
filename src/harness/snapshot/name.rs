use std::fmt;

use crate::clock::Seed;

/// Longest slug in bytes; file systems take names of 255.
const MAX_SLUG: usize = 120;

/// The part of a scenario that a snapshot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SnapshotPart {
    /// The outcome of its workflow.
    Outcome,
    /// Its timeline.
    Timeline,
}

/// The name of a snapshot: `<feature file>__<scenario>[__<row>][__timeline]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotName(String);

impl SnapshotName {
    /// Names a part of a scenario, or of a row of an outline's examples, of a feature file.
    pub fn new(uri: &str, scenario: &str, row: Option<usize>, part: SnapshotPart) -> Self {
        let file = uri.rsplit('/').next().unwrap_or(uri);
        let stem = file.strip_suffix(".feature").unwrap_or(file);
        let mut name = format!("{stem}__{}", slug(scenario));
        if let Some(row) = row {
            name.push_str(&format!("__{row}"));
        }
        if part == SnapshotPart::Timeline {
            name.push_str("__timeline");
        }
        Self(name)
    }

    /// The name of its file.
    pub fn file_name(&self) -> String {
        format!("{}.snap", self.0)
    }

    /// The name as file systems that ignore case see it.
    pub(super) fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The letters and digits of a name in lower case, the rest as single hyphens.
fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_alphanumeric() {
            slug.extend(c.to_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    if slug.is_empty() {
        return "unnamed".to_owned();
    }
    if slug.len() > MAX_SLUG {
        let hash = Seed(0).part([name]).0;
        let fits = |(at, _): &(usize, char)| *at <= MAX_SLUG - 17;
        let end = slug.char_indices().take_while(fits).last();
        slug.truncate(end.map_or(0, |(at, _)| at));
        slug.push_str(&format!("-{hash:016x}"));
    }
    slug
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(scenario: &str, row: Option<usize>, part: SnapshotPart) -> String {
        SnapshotName::new("features/a/orders.feature", scenario, row, part).file_name()
    }

    #[test]
    fn name_has_feature_scenario_row_and_part() {
        use SnapshotPart::{Outcome, Timeline};
        assert_eq!(
            name("An unpaid order, once more!", None, Outcome),
            "orders__an-unpaid-order-once-more.snap"
        );
        assert_eq!(name("Prüfung", Some(2), Outcome), "orders__prüfung__2.snap");
        assert_eq!(name("a", Some(2), Timeline), "orders__a__2__timeline.snap");
        assert_eq!(name("??", None, Outcome), "orders__unnamed.snap");
    }

    #[test]
    fn long_names_stay_distinct() {
        let (one, other) = ("ä".repeat(200) + "1", "ä".repeat(200) + "2");
        let (one, other) = (slug(&one), slug(&other));
        assert!(one.len() <= MAX_SLUG && one != other, "{one} {other}");
    }
}

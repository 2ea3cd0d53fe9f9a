use std::{path::Path, str::FromStr};

use cucumber::{gherkin::tagexpr::TagOperation, tag::Ext as _};
use regex::Regex;

use super::gherkin::Compiled;

/// Which scenarios to run: those that match every condition given.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The scenario's name matches.
    pub name: Option<Regex>,
    /// The scenario's tags match every expression.
    pub tags: Vec<TagExpression>,
    /// The scenario is at one of these locations.
    pub locations: Vec<FeatureLocation>,
    /// One of these is a part of the path, the feature's name or the scenario's.
    pub filters: Vec<String>,
    /// None of these is.
    pub skip: Vec<String>,
    /// Filters are whole names, not parts of them.
    pub exact: bool,
}

/// An expression over tags, such as `@slow and not @flaky`.
#[derive(Clone, Debug)]
pub struct TagExpression {
    text: String,
    operation: TagOperation,
}

/// A feature file and lines in it, or a folder of feature files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureLocation {
    path: String,
    lines: Vec<usize>,
    is_folder: bool,
}

/// Why nothing is selected.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelectionError {
    /// A text that is not a valid tag expression.
    #[error(
        "{text:?} is not a valid tag expression: {reason}; expected one such as \"@slow and not (@flaky or @wip)\""
    )]
    Tags {
        /// The text.
        text: String,
        /// Why it is not valid.
        reason: String,
    },
    /// A text that is not a valid location.
    #[error("{0:?} is not a valid location, expected one such as \"features/x.feature:12\"")]
    Location(String),
    /// Conditions that no scenario matches.
    #[error("no scenario matches {0}")]
    NothingMatches(String),
}

impl Selection {
    /// The scenarios that match every condition.
    ///
    /// Filters may leave none: `cargo test NAME` passes them to every target.
    ///
    /// # Errors
    ///
    /// If no scenario matches the conditions on name, tags and location.
    pub fn apply(&self, mut pickles: Vec<Compiled>) -> Result<Vec<Compiled>, SelectionError> {
        self.check_locations(&pickles)?;
        pickles.retain(|found| {
            let pickle = &found.pickle;
            self.name
                .as_ref()
                .is_none_or(|name| name.is_match(&pickle.name))
                && self.tags.iter().all(|tags| tags.matches(&pickle.tags))
                && (self.locations.is_empty()
                    || self
                        .locations
                        .iter()
                        .any(|location| location.matches(found)))
        });
        if pickles.is_empty() {
            let named = self
                .name
                .iter()
                .map(|name| format!("--name {:?}", name.as_str()));
            let tagged = self
                .tags
                .iter()
                .map(|tags| format!("--tags {:?}", tags.text));
            let placed = self.locations.iter().map(ToString::to_string);
            let conditions: Vec<_> = named.chain(tagged).chain(placed).collect();
            if !conditions.is_empty() {
                return Err(SelectionError::NothingMatches(conditions.join(" and ")));
            }
        }
        pickles.retain(|found| {
            let passes = |filter: &String| self.passes(filter, found);
            (self.filters.is_empty() || self.filters.iter().any(passes))
                && !self.skip.iter().any(passes)
        });
        Ok(pickles)
    }

    /// Checks that there is a scenario at each location.
    ///
    /// # Errors
    ///
    /// If one of them has no scenario.
    pub fn check_locations(&self, pickles: &[Compiled]) -> Result<(), SelectionError> {
        let empty =
            |location: &&FeatureLocation| !pickles.iter().any(|found| location.matches(found));
        match self.locations.iter().find(empty) {
            Some(location) => Err(SelectionError::NothingMatches(location.to_string())),
            None => Ok(()),
        }
    }

    fn passes(&self, filter: &str, Compiled { pickle, .. }: &Compiled) -> bool {
        [&*pickle.uri, &*pickle.feature, &pickle.name]
            .into_iter()
            .any(|text| {
                if self.exact {
                    text == filter
                } else {
                    text.contains(filter)
                }
            })
    }
}

impl TagExpression {
    /// Whether tags, given without `@`, match the expression.
    pub fn matches(&self, tags: &[String]) -> bool {
        self.operation.eval(tags)
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The tags that it names, without `@`.
    pub fn tags(&self) -> Vec<&str> {
        fn collect<'a>(operation: &'a TagOperation, tags: &mut Vec<&'a str>) {
            match operation {
                TagOperation::And(one, other) | TagOperation::Or(one, other) => {
                    collect(one, tags);
                    collect(other, tags);
                }
                TagOperation::Not(one) => collect(one, tags),
                TagOperation::Tag(tag) => tags.push(tag),
            }
        }
        let mut tags = Vec::new();
        collect(&self.operation, &mut tags);
        tags
    }
}

impl FromStr for TagExpression {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, SelectionError> {
        let operation = text
            .trim()
            .parse()
            .map_err(
                |error: <TagOperation as FromStr>::Err| SelectionError::Tags {
                    text: text.to_owned(),
                    reason: format!("cannot be read from character {} on", error.location.column),
                },
            )?;
        Ok(Self {
            text: text.to_owned(),
            operation,
        })
    }
}

impl FeatureLocation {
    /// Reads `features/x.feature:12:30` or a folder, `features/orders`; `None` if the text is neither
    /// the path of a feature file nor has a slash.
    ///
    /// # Errors
    ///
    /// If the path is followed by something that is not a line number.
    pub fn parse(text: &str, root: &Path) -> Result<Option<Self>, SelectionError> {
        const EXTENSION: &str = ".feature";
        let folder = || {
            let is_folder = text.contains(['/', std::path::MAIN_SEPARATOR]);
            is_folder.then(|| Self {
                path: super::features::uri(Path::new(text), root),
                lines: Vec::new(),
                is_folder,
            })
        };
        let Some(end) = text.rfind(EXTENSION).map(|at| at + EXTENSION.len()) else {
            return Ok(folder());
        };
        let (path, lines) = text.split_at(end);
        let lines = match lines.strip_prefix(':') {
            None if lines.is_empty() => Vec::new(),
            None => return Ok(folder()),
            Some(lines) => lines
                .split(':')
                .map(|line| line.parse().ok().filter(|line| *line > 0))
                .collect::<Option<_>>()
                .ok_or_else(|| SelectionError::Location(text.to_owned()))?,
        };
        Ok(Some(Self {
            path: super::features::uri(Path::new(path), root),
            lines,
            is_folder: false,
        }))
    }

    fn matches(&self, found: &Compiled) -> bool {
        self.is_in(&found.pickle.uri)
            && (self.lines.is_empty() || self.lines.iter().any(|line| found.is_at(*line)))
    }

    /// Whether it is in the feature file of this path.
    pub fn is_in(&self, uri: &str) -> bool {
        if self.is_folder {
            let path = self.path.trim_end_matches('/');
            let starts = uri.match_indices(path).map(|(at, _)| at);
            let mut ends = starts.filter(|at| *at == 0 || uri[..*at].ends_with('/'));
            return ends.any(|at| uri[at + path.len()..].starts_with('/'));
        }
        uri.strip_suffix(self.path.as_str())
            .is_some_and(|folder| folder.is_empty() || folder.ends_with('/'))
    }
}

impl std::fmt::Display for FeatureLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)?;
        self.lines.iter().try_for_each(|line| write!(f, ":{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::gherkin::compile;

    fn pickles() -> Vec<Compiled> {
        let first = "Feature: Orders\n  @slow\n  Scenario: paid\n    Given x\n\n  Scenario: lost\n    Given x\n";
        let second =
            "@slow @flaky\nFeature: Refunds\n  Rule: r\n    Scenario: paid\n      Given x\n";
        let mut pickles = compile("features/orders.feature", first.as_bytes()).unwrap();
        pickles.extend(compile("features/more/refunds.feature", second.as_bytes()).unwrap());
        pickles
    }

    fn locations(texts: &[&str]) -> Vec<FeatureLocation> {
        let location = |text: &&str| {
            FeatureLocation::parse(text, Path::new("/r"))
                .unwrap()
                .unwrap()
        };
        texts.iter().map(location).collect()
    }

    fn check(selection: &Selection, expected: &[(&str, usize)]) {
        let found = selection.apply(pickles()).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|found| (&*found.pickle.feature, found.pickle.line))
            .collect();
        assert_eq!(found, expected, "{selection:?}");
    }

    #[test]
    fn selection_takes_scenarios_that_match_all_conditions() {
        let name = Some(Regex::new("^paid").unwrap());
        let mut selection = Selection {
            name,
            ..Selection::default()
        };
        check(&selection, &[("Orders", 3), ("Refunds", 4)]);
        selection.tags = vec!["@slow".parse().unwrap(), "not @flaky".parse().unwrap()];
        check(&selection, &[("Orders", 3)]);
        selection.filters = vec!["orders.feature".to_owned(), "nothing".to_owned()];
        check(&selection, &[("Orders", 3)]);
        selection.exact = true;
        check(&selection, &[]);
        selection.filters = vec!["paid".to_owned()];
        check(&selection, &[("Orders", 3)]);
        selection.skip = vec!["Orders".to_owned()];
        check(&selection, &[]);
    }

    #[test]
    fn location_selects_the_scenarios_around_its_lines() {
        for (texts, expected) in [
            (&["features/orders.feature:4"][..], &[("Orders", 3)][..]),
            (&["orders.feature:2:7"], &[("Orders", 3), ("Orders", 6)]),
            (
                &["./features/orders.feature:1"],
                &[("Orders", 3), ("Orders", 6)],
            ),
            (
                &["/r/features/orders.feature:6", "refunds.feature"],
                &[("Orders", 6), ("Refunds", 4)],
            ),
            (&["refunds.feature:3"], &[("Refunds", 4)]),
            (&["features/more"], &[("Refunds", 4)]),
            (
                &["/r/features/more/", "orders.feature:6"],
                &[("Orders", 6), ("Refunds", 4)],
            ),
            (
                &["features/"],
                &[("Orders", 3), ("Orders", 6), ("Refunds", 4)],
            ),
        ] {
            let selection = Selection {
                locations: locations(texts),
                ..Selection::default()
            };
            check(&selection, expected);
        }
    }

    #[test]
    fn condition_without_match_is_refused_unless_it_is_a_filter() {
        let none = |selection: Selection| selection.apply(pickles()).unwrap_err().to_string();
        let message = none(Selection {
            locations: locations(&["orders.feature:99"]),
            ..Selection::default()
        });
        assert_eq!(message, "no scenario matches orders.feature:99");
        for nowhere in ["features/mor", "eatures/", "features/more/deep"] {
            let message = none(Selection {
                locations: locations(&["features/orders.feature", nowhere]),
                ..Selection::default()
            });
            assert!(message.starts_with("no scenario matches "), "{message}");
        }
        let message = none(Selection {
            name: Some(Regex::new("nobody").unwrap()),
            tags: vec!["@slow".parse().unwrap(), "not @flaky".parse().unwrap()],
            ..Selection::default()
        });
        assert_eq!(
            message,
            "no scenario matches --name \"nobody\" and --tags \"@slow\" and --tags \"not @flaky\""
        );
        let filters = Selection {
            filters: vec!["nobody".to_owned()],
            ..Selection::default()
        };
        check(&filters, &[]);
    }

    #[test]
    fn places_and_expressions_that_cannot_be_read_are_refused() {
        for text in ["x.feature:", "x.feature:a", "x.feature:1:", "x.feature:0"] {
            assert!(
                FeatureLocation::parse(text, Path::new(".")).is_err(),
                "{text}"
            );
        }
        for text in ["payments", "x.features"] {
            assert_eq!(
                FeatureLocation::parse(text, Path::new(".")),
                Ok(None),
                "{text}"
            );
        }
        for text in ["", "@a annd @b", "a and", "(@a"] {
            let error = text.parse::<TagExpression>().unwrap_err();
            assert!(
                error.to_string().contains("not a valid tag expression"),
                "{error}"
            );
        }
    }
}

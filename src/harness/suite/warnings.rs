//! What is probably not as it was meant in a suite, though it can be run.

use std::collections::BTreeMap;

use crate::{
    domain::typo_of,
    harness::{Compiled, Features, Hook, TagExpression, TagOptions, pickle::StepKind},
};

/// What is worth a warning in features, with its place.
pub(super) fn of_features(features: &Features) -> Vec<String> {
    let empty = features.without_scenario.iter();
    let mut warnings: Vec<String> = empty
        .map(|uri| format!("{uri}: the feature has no scenario"))
        .collect();
    warnings.extend(duplicates(&features.pickles));
    warnings.extend(without_action(&features.pickles));
    warnings
}

/// Scenarios of one feature that share a name; the rows of one outline may.
fn duplicates(pickles: &[Compiled]) -> Vec<String> {
    let mut first = BTreeMap::new();
    let mut warnings = Vec::new();
    for found in pickles {
        let pickle = &found.pickle;
        let line = *first
            .entry((&pickle.uri, &pickle.name))
            .or_insert(found.scenario);
        if line != found.scenario {
            let location = pickle.location();
            let name = &pickle.name;
            warnings.push(format!(
                "{location}: a scenario named {name:?} is already at line {line}"
            ));
        }
    }
    warnings
}

/// Scenarios that only set up; one for all rows of an outline.
fn without_action(pickles: &[Compiled]) -> Vec<String> {
    let only_sets_up = |found: &&Compiled| {
        let mut steps = found.pickle.steps.iter();
        !found.options.wip
            && found.pickle.proves_nothing.is_none()
            && steps.all(|step| step.kind == StepKind::Given)
    };
    let mut places: Vec<String> = pickles
        .iter()
        .filter(only_sets_up)
        .map(|found| format!("{}:{}", found.pickle.uri, found.scenario))
        .collect();
    places.dedup();
    let warning = |place| {
        format!(
            "{place}: the scenario has neither a When nor a Then, so it only checks its own setup"
        )
    };
    places.into_iter().map(warning).collect()
}

/// Tags that an expression names and no scenario has, though one has a similar tag: of the command
/// line, the suite and its hooks.
///
/// Others may belong to scenarios that are yet to be written.
pub(super) fn of_tags(
    given: &[TagExpression],
    own: &[TagExpression],
    hooks: &[Hook],
    all: &[Compiled],
) -> Vec<String> {
    let given = given.iter();
    let given = given.map(|tags| (format!("--tags {:?}", tags.as_str()), tags));
    let own = own.iter();
    let own = own.map(|tags| (format!("the suite's tags {:?}", tags.as_str()), tags));
    let hooks = hooks.iter().filter_map(|hook| {
        let (info, tags) = (hook.info(), hook.tags()?);
        Some((
            format!("the hook {:?} ({})", info.name, info.location),
            tags,
        ))
    });
    let used = || {
        let used = all.iter().flat_map(|found| &found.pickle.tags);
        used.map(String::as_str).chain(TagOptions::NAMES)
    };
    let mut warnings = Vec::new();
    for (what, expression) in given.chain(own).chain(hooks) {
        for tag in expression.tags() {
            if !used().any(|used| used == tag)
                && let Some(meant) = typo_of(tag, used())
            {
                warnings.push(format!(
                    "{what}: no scenario has the tag \"@{tag}\", did you mean \"@{meant}\"?"
                ));
            }
        }
    }
    warnings
}

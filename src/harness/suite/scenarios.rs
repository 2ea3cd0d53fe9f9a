use std::collections::BTreeMap;

use rand::Rng as _;

use crate::{
    clock::Seed,
    harness::{Compiled, SelectionError, TagExpression},
};

/// The scenarios whose tags match all expressions.
pub(super) fn tagged(
    expressions: &[String],
    mut pickles: Vec<Compiled>,
) -> Result<Vec<Compiled>, SelectionError> {
    for text in expressions {
        let expression: TagExpression = text.parse()?;
        pickles.retain(|found| expression.matches(&found.pickle.tags));
    }
    if pickles.is_empty() {
        let all = expressions.join(" and ");
        let suite = format!("the suite's tags {all:?}");
        return Err(SelectionError::NothingMatches(suite));
    }
    Ok(pickles)
}

/// Scenarios of one feature that share a name; the rows of one outline may.
pub(super) fn duplicates(pickles: &[Compiled]) -> Vec<String> {
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

/// The Fisher-Yates shuffle, written out so that a seed gives the same order in every version of `rand`.
pub(super) fn shuffle<T>(items: &mut [T], seed: Seed) {
    let mut rng = seed.part(["order"]).rng();
    for last in (1..items.len()).rev() {
        let other = (rng.next_u64() % (last as u64 + 1)) as usize;
        items.swap(last, other);
    }
}

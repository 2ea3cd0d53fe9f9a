use rand::Rng as _;

use crate::{
    clock::Seed,
    harness::{Compiled, SelectionError, TagExpression},
};

/// The scenarios whose tags match all expressions.
pub(super) fn tagged(
    expressions: &[TagExpression],
    mut pickles: Vec<Compiled>,
) -> Result<Vec<Compiled>, SelectionError> {
    for expression in expressions {
        pickles.retain(|found| expression.matches(&found.pickle.tags));
    }
    if pickles.is_empty() {
        let all: Vec<_> = expressions.iter().map(TagExpression::as_str).collect();
        let all = all.join(" and ");
        let suite = format!("the suite's tags {all:?}");
        return Err(SelectionError::NothingMatches(suite));
    }
    Ok(pickles)
}

/// The Fisher-Yates shuffle, written out so that a seed gives the same order in every version of `rand`.
pub(super) fn shuffle<T>(items: &mut [T], seed: Seed) {
    let mut rng = seed.part(["order"]).rng();
    for last in (1..items.len()).rev() {
        let other = (rng.next_u64() % (last as u64 + 1)) as usize;
        items.swap(last, other);
    }
}

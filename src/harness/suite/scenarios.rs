use rand::Rng as _;

use crate::{
    clock::Seed,
    harness::{Compiled, Options, SelectionError, TagExpression, TagOptions, runner::Job},
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

/// A scenario to run, or to check.
pub(super) fn job(found: Compiled, options: &Options) -> Job {
    let Compiled {
        pickle,
        options: tags,
        ..
    } = found;
    let (retries, retry_after) = match options.dry_run {
        false => options.retry.of(&tags, &pickle.tags),
        true => Default::default(),
    };
    Job {
        pickle,
        // A dry run reads what scenarios that are not finished use.
        options: TagOptions {
            wip: tags.wip && !options.dry_run,
            ..tags
        },
        retries,
        retry_after,
    }
}

/// The Fisher-Yates shuffle, written out so that a seed gives the same order in every version of `rand`.
pub(super) fn shuffle<T>(items: &mut [T], seed: Seed) {
    let mut rng = seed.part(["order"]).rng();
    for last in (1..items.len()).rev() {
        let other = (rng.next_u64() % (last as u64 + 1)) as usize;
        items.swap(last, other);
    }
}

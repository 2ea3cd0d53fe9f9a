use std::num::NonZero;

use cucumber::{
    codegen::{StepConstructor, WorldInventory, inventory},
    step::Location,
};
use regex::Regex;

use crate::harness::{World, pickle::StepKind};

/// A phrase and what it does.
#[derive(Clone, Debug)]
pub struct StepDefinition {
    /// The kind of step it answers to.
    pub kind: StepKind,
    /// What the text of a step must match, as made by [`Regex::new`].
    pub regex: Regex,
    /// Where it is defined.
    pub location: Option<Location>,
    /// What it does.
    pub run: cucumber::Step<World>,
}

/// What a macro of cucumber's has left behind: a phrase that is compiled when it is asked for.
type Collected = (
    StepKind,
    Location,
    cucumber::codegen::LazyRegex,
    cucumber::Step<World>,
);

impl StepDefinition {
    /// All definitions that cucumber's macros have made on [`World`], in this crate and in those that use it.
    pub fn collected() -> Vec<Self> {
        let mut collected = Vec::new();
        collect::<<World as WorldInventory>::Given>(StepKind::Given, &mut collected);
        collect::<<World as WorldInventory>::When>(StepKind::When, &mut collected);
        collect::<<World as WorldInventory>::Then>(StepKind::Then, &mut collected);
        // Compiling hundreds of phrases is most of what a process does before its first scenario.
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let each = collected.len().div_ceil(threads).max(1);
        std::thread::scope(|scope| {
            let compiling: Vec<_> = collected
                .chunks(each)
                .map(|part| scope.spawn(|| part.iter().map(Self::compiled).collect::<Vec<_>>()))
                .collect();
            let compiled = compiling.into_iter().map(|thread| match thread.join() {
                Ok(definitions) => definitions,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            compiled.flatten().collect()
        })
    }

    fn compiled((kind, location, regex, run): &Collected) -> Self {
        Self {
            kind: *kind,
            regex: regex(),
            location: Some(*location),
            run: *run,
        }
    }
}

fn collect<T: inventory::Collect + StepConstructor<World>>(
    kind: StepKind,
    collected: &mut Vec<Collected>,
) {
    collected.extend(inventory::iter::<T>.into_iter().map(|constructor| {
        let (location, regex, run) = constructor.inner();
        (kind, location, regex, run)
    }));
}

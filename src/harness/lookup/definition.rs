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

impl StepDefinition {
    /// All definitions that cucumber's macros have made on [`World`], in this crate and in those that use it.
    pub fn collected() -> Vec<Self> {
        let mut definitions = Vec::new();
        collect::<<World as WorldInventory>::Given>(StepKind::Given, &mut definitions);
        collect::<<World as WorldInventory>::When>(StepKind::When, &mut definitions);
        collect::<<World as WorldInventory>::Then>(StepKind::Then, &mut definitions);
        definitions
    }
}

fn collect<T: inventory::Collect + StepConstructor<World>>(
    kind: StepKind,
    definitions: &mut Vec<StepDefinition>,
) {
    definitions.extend(inventory::iter::<T>.into_iter().map(|constructor| {
        let (location, regex, run) = constructor.inner();
        StepDefinition {
            kind,
            regex: regex(),
            location: Some(location),
            run,
        }
    }));
}

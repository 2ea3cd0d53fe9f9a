use std::sync::OnceLock;

use cucumber::{
    codegen::{LazyRegex, StepConstructor, WorldInventory, inventory},
    step::{Collection, Context, Location},
};
use regex::Regex;

use super::{
    builtin::{self, BuiltinStep},
    phrase,
    shape::{self, ShapePart},
};
use crate::harness::{World, pickle::StepKind};

/// A phrase and what it does.
#[derive(Clone, Debug)]
pub struct StepDefinition {
    pub(super) kind: StepKind,
    pub(super) pattern: Pattern,
    pub(crate) location: Option<Location>,
    /// What it does.
    pub run: cucumber::Step<World>,
}

/// What the text of a step must match.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// A regex, compiled already.
    Regex(Regex),
    /// An expression of the vocabulary, compiled when a step first needs it: compiling hundreds
    /// would be most of what a process does before its first scenario.
    Expression {
        text: &'static str,
        regex: OnceLock<Regex>,
    },
}

impl StepDefinition {
    /// A definition for steps of a kind whose text matches a regex.
    pub fn matching(kind: StepKind, regex: Regex, run: cucumber::Step<World>) -> Self {
        Self::new(kind, Pattern::Regex(regex), None, run)
    }

    /// The kind of step it is for.
    pub fn kind(&self) -> StepKind {
        self.kind
    }

    /// Whether it is of the vocabulary, and not the user's own.
    pub(crate) fn is_builtin(&self) -> bool {
        matches!(self.pattern, Pattern::Expression { .. })
    }

    /// The phrase of the vocabulary that it defines, as it is written there.
    pub(crate) fn expression(&self) -> Option<&'static str> {
        match self.pattern {
            Pattern::Expression { text, .. } => Some(text),
            Pattern::Regex(_) => None,
        }
    }

    /// The parameters of a step, if its phrase is of the vocabulary: each one's type, and its text without
    /// quotes.
    pub(crate) fn parameters(&self, context: &Context) -> Vec<(&'static str, String)> {
        let expression = self.expression();
        expression.map_or_else(Vec::new, |text| builtin::parameters(text, context))
    }

    /// The phrase as people write it in a feature.
    pub(crate) fn phrase(&self) -> String {
        self.pattern.readable()
    }

    /// What the text of a step must match.
    pub fn regex(&self) -> &Regex {
        self.pattern.regex()
    }

    pub(super) fn new(
        kind: StepKind,
        pattern: Pattern,
        location: Option<Location>,
        run: cucumber::Step<World>,
    ) -> Self {
        Self {
            kind,
            pattern,
            location,
            run,
        }
    }

    /// The vocabulary and all definitions made by cucumber's macros on [`World`], in this crate and in
    /// those that use it.
    pub fn collected() -> Vec<Self> {
        let builtin = inventory::iter::<BuiltinStep>.into_iter().map(|step| {
            let pattern = Pattern::expression(step.expression);
            Self::new(step.kind, pattern, Some(step.location), step.run)
        });
        let mut collected: Vec<_> = builtin.collect();
        collect::<<World as WorldInventory>::Given>(StepKind::Given, &mut collected);
        collect::<<World as WorldInventory>::When>(StepKind::When, &mut collected);
        collect::<<World as WorldInventory>::Then>(StepKind::Then, &mut collected);
        collected
    }
}

/// A step function under `#[given]`, `#[when]` or `#[then]` of `cucumber`, by its [`StepKind`].
#[doc(hidden)]
pub struct MacroStep<const KIND: u8> {
    pub loc: Location,
    pub regex: LazyRegex,
    pub func: cucumber::Step<World>,
}

inventory::collect!(MacroStep<{ StepKind::Given as u8 }>);
inventory::collect!(MacroStep<{ StepKind::When as u8 }>);
inventory::collect!(MacroStep<{ StepKind::Then as u8 }>);

impl<const KIND: u8> StepConstructor<World> for MacroStep<KIND> {
    fn inner(&self) -> (Location, LazyRegex, cucumber::Step<World>) {
        (self.loc, self.regex, self.func)
    }
}

impl WorldInventory for World {
    type Given = MacroStep<{ StepKind::Given as u8 }>;
    type When = MacroStep<{ StepKind::When as u8 }>;
    type Then = MacroStep<{ StepKind::Then as u8 }>;
}

const NOT_BY_CUCUMBER: &str = "\
cucumber's own runner cannot run rehearsal's World: it has neither its steps nor its virtual clock.
Write this instead:

    fn main() -> std::process::ExitCode {
        rehearsal::run(\"features\")
    }
";

/// What `cucumber`'s macros need. It is not derived, because a derived one can be run by `cucumber`
/// itself, which would skip the steps that it does not know and pass.
impl cucumber::World for World {
    type Error = &'static str;

    async fn new() -> Result<Self, Self::Error> {
        Err(NOT_BY_CUCUMBER)
    }

    /// Every way in which `cucumber` can run a world begins here.
    fn collection() -> Collection<Self> {
        panic!("{NOT_BY_CUCUMBER}")
    }
}

/// Cucumber's macros give a phrase as a compiled regex only.
fn collect<T: inventory::Collect + StepConstructor<World>>(
    kind: StepKind,
    collected: &mut Vec<StepDefinition>,
) {
    collected.extend(inventory::iter::<T>.into_iter().map(|constructor| {
        let (location, regex, run) = constructor.inner();
        StepDefinition::new(kind, Pattern::Regex(regex()), Some(location), run)
    }));
}

impl Pattern {
    pub fn expression(text: &'static str) -> Self {
        Self::Expression {
            text,
            regex: OnceLock::new(),
        }
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Regex(regex) => regex.as_str(),
            Self::Expression { text, .. } => text,
        }
    }

    /// As people write it in a feature.
    pub fn readable(&self) -> String {
        match self {
            Self::Regex(regex) => phrase::readable(regex.as_str()),
            Self::Expression { text, .. } => (*text).to_owned(),
        }
    }

    pub fn regex(&self) -> &Regex {
        match self {
            Self::Regex(regex) => regex,
            Self::Expression { text, regex } => {
                regex.get_or_init(|| match builtin::compile(text) {
                    Ok(regex) => regex,
                    Err(error) => panic!("{text:?} is not a valid expression: {error}"),
                })
            }
        }
    }

    pub fn shape(&self) -> Vec<ShapePart> {
        match self {
            Self::Regex(regex) => shape::of_regex(regex.as_str()),
            Self::Expression { text, .. } => shape::of_expression(text),
        }
    }
}

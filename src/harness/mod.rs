//! Runs features: pickles in, run events out.

// Features to pickles.
mod diagnostic;
mod features;
mod gherkin;
pub mod pickle;
mod tag_options;

// Steps to definitions.
mod lookup;

// A suite, its settings, and the run of its scenarios.
mod cli;
mod dry_run;
pub mod events;
mod hook;
mod logs;
mod options;
mod panics;
mod runner;
mod select;
mod suite;
mod suite_setup;

// What the steps of a scenario work with.
mod audit;
mod call_script;
mod cast;
#[cfg(feature = "configuration")]
mod configuration;
#[cfg(feature = "control")]
mod control;
#[cfg(feature = "cqrs")]
mod cqrs;
mod fixtures;
#[cfg(feature = "messaging")]
mod messages;
#[cfg(feature = "sqlite")]
mod process;
mod runs;
#[cfg_attr(not(feature = "http"), path = "systems_left_out.rs")]
mod systems;
#[cfg(feature = "tasks")]
mod tasks;
mod type_map;
mod world;

// What steps expect, against what was found.
mod compare;
mod difference;
mod excerpt;
mod outcome_text;
mod rows;
mod snapshot;
mod table;
mod timeline_table;

// Views of a run.
mod attempt;
mod junit;
mod terminal;

pub use call_script::{CallScript, ScriptError};
pub use cast::Cast;
#[doc(hidden)]
pub use cli::Report;
pub(crate) use cli::RunArgs;
pub(crate) use compare::compare_paths;
#[doc(hidden)]
pub use compare::{compare_json, same};
#[cfg(feature = "cqrs")]
pub(crate) use cqrs::Cqrs;
pub(crate) use difference::compare_lines;
#[doc(hidden)]
pub use features::package_root;
pub(crate) use features::{Features, FeaturesError};
pub use fixtures::{FixtureError, FixtureFault, Fixtures};
pub(crate) use gherkin::Compiled;
pub use hook::{Hook, HookResult};
pub(crate) use junit::JUnit;
pub(crate) use logs::is_logged;
#[doc(hidden)]
pub use lookup::CARGO_FEATURES;
pub use lookup::StepDefinition;
#[doc(hidden)]
pub use lookup::{Arguments, BuiltinStep, ParameterType, pass_or_panic, refuse_argument};
pub(crate) use lookup::{Lookup, Match, StepIndex};
#[cfg(feature = "messaging")]
pub(crate) use messages::{LoadedPattern, Messages};
pub use options::{Options, Order};
pub(crate) use outcome_text::outcome_text;
pub(crate) use rows::{compare_rows, rows_in_order};
pub use runner::Summary;
pub use runs::{Runs, no_input};
#[doc(hidden)]
pub use select::Selection;
pub(crate) use select::{FeatureLocation, SelectionError, TagExpression};
pub(crate) use snapshot::{SnapshotError, SnapshotName, SnapshotPart, Snapshots};
pub use suite::{Suite, SuiteError};
#[cfg(feature = "http")]
pub use systems::Connector;
#[cfg(feature = "http")]
pub(crate) use systems::KillPoint;
#[doc(hidden)]
pub use table::piped;
pub(crate) use tag_options::{RetryTag, TagOptions};
pub(crate) use terminal::{ProgressLine, Terminal, TerminalOptions};
#[doc(hidden)]
pub use timeline_table::timeline_snapshot;
pub use world::World;
pub(crate) use world::{ScenarioContext, describe};

#[cfg(test)]
mod tests {
    pub(super) mod sample;
}

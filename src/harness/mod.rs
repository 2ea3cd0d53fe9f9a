//! Runs features: pickles in, run events out.

mod attempt;
mod call_script;
mod cargo_features;
mod cast;
mod cli;
mod compare;
#[cfg(feature = "cqrs")]
mod cqrs;
mod diagnostic;
mod difference;
pub mod events;
mod excerpt;
mod features;
mod fixtures;
mod gherkin;
mod hook;
mod junit;
mod logs;
mod lookup;
#[cfg(feature = "messaging")]
mod messages;
mod options;
mod outcome_text;
mod panics;
pub mod pickle;
#[cfg(feature = "sqlite")]
mod process;
mod rows;
mod runner;
mod runs;
#[cfg(test)]
mod sample;
mod select;
mod snapshot;
mod suite;
mod suite_setup;
mod table;
mod tag_options;
mod terminal;
mod timeline_table;
mod type_map;
mod world;

pub use call_script::{CallScript, ScriptError};
#[doc(hidden)]
pub use cargo_features::CARGO_FEATURES;
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
pub(crate) use features::FeaturesError;
#[doc(hidden)]
pub use features::package_root;
pub use fixtures::{FixtureError, FixtureFault, Fixtures};
pub(crate) use gherkin::Compiled;
pub use hook::{Hook, HookResult};
pub(crate) use junit::JUnit;
pub use lookup::StepDefinition;
#[doc(hidden)]
pub use lookup::{Arguments, BuiltinStep, ParameterType, pass_or_panic};
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
#[doc(hidden)]
pub use table::piped;
pub(crate) use tag_options::{RetryTag, TagOptions};
pub(crate) use terminal::{ProgressLine, Terminal, TerminalOptions};
#[doc(hidden)]
pub use timeline_table::timeline_snapshot;
pub use world::World;
pub(crate) use world::{ScenarioContext, describe};

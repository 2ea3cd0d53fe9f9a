//! Runs features: pickles in, run events out.

mod attempt;
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
mod left_out;
mod logs;
mod lookup;
#[cfg(feature = "messaging")]
mod messages;
mod options;
mod outcome_text;
mod panics;
pub mod pickle;
mod presets;
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
mod tags;
mod terminal;
mod timeline_table;
mod type_map;
mod world;

pub use cast::Cast;
pub use cli::{OutputOptions, Report, ReportKind, RunArgs};
pub use compare::{cell_matches, cell_text, compare_json, compare_paths, same};
#[cfg(feature = "cqrs")]
pub use cqrs::Cqrs;
pub use diagnostic::Diagnostic;
pub use difference::compare_lines;
pub use features::{FeaturesError, package_root};
pub use fixtures::{FixtureError, FixtureFault, Fixtures};
pub use gherkin::{Compiled, compile};
pub use hook::{Hook, HookResult};
pub use junit::JUnit;
#[doc(hidden)]
pub use left_out::CARGO_FEATURES;
#[doc(hidden)]
pub use lookup::{Arguments, BuiltinStep, ParameterType, pass_or_panic};
pub use lookup::{Lookup, Match, StepDefinition, StepIndex};
#[cfg(feature = "messaging")]
pub use messages::{HeldPattern, Messages, SentRequests};
pub use options::{Options, Order, RetryOptions};
pub use outcome_text::outcome_text;
pub use presets::{CallScript, ScriptError};
pub use rows::{compare_rows, rows_in_order};
pub use runner::Summary;
pub use runs::{Runs, no_input};
pub use select::{FeatureLocation, Selection, SelectionError, TagExpression};
pub use snapshot::{SnapshotError, SnapshotName, SnapshotPart, Snapshots};
pub use suite::{Suite, SuiteError};
pub use table::{aligned, piped, shortened};
pub use tags::{RetryTag, TagError, TagOptions};
pub use terminal::{ProgressLine, Terminal, TerminalOptions};
pub use timeline_table::{timeline_snapshot, timeline_table};
pub use world::{ScenarioContext, World, describe};

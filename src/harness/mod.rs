//! Runs features: pickles in, run events out.

mod attempt;
mod cast;
mod compare;
mod difference;
pub mod events;
mod fixtures;
mod humane;
mod junit;
mod outcome_text;
pub mod pickle;
mod rows;
mod runs;
#[cfg(test)]
mod sample;
mod snapshot;
mod table;
mod terminal;
mod timeline_table;
mod world;

pub use cast::Cast;
pub use compare::{cell_matches, cell_text, json_difference, paths_difference, same};
pub use difference::lines_difference;
pub use fixtures::{FixtureError, Fixtures, package_root};
pub use humane::Humane;
pub use junit::JUnit;
pub use outcome_text::outcome_text;
pub use rows::{rows_difference, rows_in_order};
pub use runs::{Runs, no_input};
pub use snapshot::{SnapshotError, SnapshotName, SnapshotPart, Snapshots};
pub use table::{aligned, piped, shortened};
pub use terminal::{Progress, Terminal, TerminalOptions};
pub use timeline_table::timeline_table;
pub use world::{Stage, World, describe};

use serde::{Deserialize, Serialize};

use crate::domain::Failure;

/// What came of a replay.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Replayed {
    /// The position of the last event that was applied or passed by.
    pub position: u64,
    /// The position of the last event that was applied.
    pub checkpoint: u64,
    /// How many events were applied.
    pub applied: u64,
    /// Why the next one was not.
    #[serde(default)]
    pub failure: Option<Box<Failure>>,
}

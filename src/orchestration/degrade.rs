use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::duration_text;

/// When the steps that failed are resumed in a workflow that degrades.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Degrade {
    /// How long after its failure a step is resumed: once after each. 60, 300 and 900 seconds unless given.
    #[serde(default = "resume_after")]
    resume_after: Vec<After>,
}

impl Default for Degrade {
    fn default() -> Self {
        Self {
            resume_after: resume_after(),
        }
    }
}

impl Degrade {
    /// How long after its failure a step is resumed, in order.
    pub(super) fn times(&self) -> impl Iterator<Item = Duration> + '_ {
        self.resume_after.iter().map(|after| after.0)
    }
}

/// How long after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
struct After(Duration);

impl Serialize for After {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        duration_text::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for After {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        duration_text::deserialize(deserializer).map(Self)
    }
}

fn resume_after() -> Vec<After> {
    [60, 300, 900].map(Duration::from_secs).map(After).into()
}

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    domain::Locked,
    services::{FaultId, Faults},
};

/// When the orchestrator's process dies, relative to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CrashPoint {
    /// Its intent is not journalled.
    Before,
    /// Its intent is journalled, the call made, the completion not journalled.
    During,
    /// Its completion is journalled.
    After,
    /// The intent of its compensation is not journalled.
    BeforeCompensation,
    /// The intent of its compensation is journalled, the call made, the completion not journalled.
    DuringCompensation,
    /// The completion of its compensation is journalled.
    AfterCompensation,
}

impl CrashPoint {
    /// All points.
    pub const ALL: [Self; 6] = [
        Self::Before,
        Self::During,
        Self::After,
        Self::BeforeCompensation,
        Self::DuringCompensation,
        Self::AfterCompensation,
    ];

    /// Whether it concerns a step's compensation.
    pub fn is_compensation(self) -> bool {
        matches!(
            self,
            Self::BeforeCompensation | Self::DuringCompensation | Self::AfterCompensation
        )
    }
}

impl fmt::Display for CrashPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::During => "during",
            Self::After => "after",
            Self::BeforeCompensation => "before the compensation of",
            Self::DuringCompensation => "during the compensation of",
            Self::AfterCompensation => "after the compensation of",
        })
    }
}

/// The crashes that a scenario declares; each happens once.
#[derive(Clone, Debug)]
pub struct Crashes {
    faults: Faults,
    pending: Arc<Locked<Vec<(CrashPoint, String, FaultId)>>>,
}

impl Crashes {
    /// No crashes yet.
    pub fn new(faults: Faults) -> Self {
        Self {
            faults,
            pending: Arc::default(),
        }
    }

    /// Declares a crash at a step, `<step>/<child's step>` in a child run.
    pub fn declare(&self, point: CrashPoint, step: &str, at: impl Into<Arc<str>>) {
        let what = format!("the orchestrator crashes {point} step {step:?}");
        let fault = self.faults.declare(what, at);
        let mut pending = self.pending.lock();
        pending.push((point, step.to_owned(), fault));
    }

    /// Whether the process crashes now, at a step after the path of the steps it is nested in. The
    /// crash is used up.
    pub(super) fn should_crash(&self, point: CrashPoint, path: &str, step: &str) -> bool {
        let mut pending = self.pending.lock();
        let position = pending.iter().position(|(declared, id, _)| {
            *declared == point && id.strip_prefix(path).is_some_and(|id| id == step)
        });
        let Some(position) = position else {
            return false;
        };
        let (_, _, fault) = pending.remove(position);
        self.faults.hit(fault);
        true
    }
}

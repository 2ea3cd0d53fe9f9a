use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::services::{FaultId, Faults};

/// Where the orchestrator's process is lost, relative to a step.
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
    /// Every point, those at a step before those at its compensation.
    pub const ALL: [Self; 6] = [
        Self::Before,
        Self::During,
        Self::After,
        Self::BeforeCompensation,
        Self::DuringCompensation,
        Self::AfterCompensation,
    ];

    /// Whether it lies at a step's compensation.
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
    to_come: Arc<Mutex<Vec<(CrashPoint, String, FaultId)>>>,
}

impl Crashes {
    /// No crashes yet.
    pub fn new(faults: Faults) -> Self {
        Self {
            faults,
            to_come: Arc::default(),
        }
    }

    /// Declares a crash at a step; one of a workflow that a step runs is `<step>/<its step>`.
    pub fn declare(&self, point: CrashPoint, step: &str, at: impl Into<Arc<str>>) {
        let what = format!("the orchestrator crashes {point} step {step:?}");
        let fault = self.faults.declare(what, at);
        let mut to_come = self.to_come.lock().unwrap_or_else(PoisonError::into_inner);
        to_come.push((point, step.to_owned(), fault));
    }

    /// Whether the process is lost here and now, at a step behind the path of those around it.
    pub(super) fn strike(&self, point: CrashPoint, path: &str, step: &str) -> bool {
        let mut to_come = self.to_come.lock().unwrap_or_else(PoisonError::into_inner);
        let position = to_come.iter().position(|(declared, id, _)| {
            *declared == point && id.strip_prefix(path).is_some_and(|id| id == step)
        });
        let Some(position) = position else {
            return false;
        };
        let (_, _, fault) = to_come.remove(position);
        self.faults.hit(fault);
        true
    }
}

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
    /// The intent of its compensation is journalled, the call made, the completion not journalled.
    DuringCompensation,
}

impl fmt::Display for CrashPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::During => "during",
            Self::After => "after",
            Self::DuringCompensation => "during the compensation of",
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

    /// Declares a crash at a step.
    pub fn declare(&self, point: CrashPoint, step: &str, at: impl Into<Arc<str>>) {
        let what = format!("the orchestrator crashes {point} step {step:?}");
        let fault = self.faults.declare(what, at);
        let mut to_come = self.to_come.lock().unwrap_or_else(PoisonError::into_inner);
        to_come.push((point, step.to_owned(), fault));
    }

    /// Whether the process is lost here and now.
    pub(super) fn strike(&self, point: CrashPoint, step: &str) -> bool {
        let mut to_come = self.to_come.lock().unwrap_or_else(PoisonError::into_inner);
        let position = to_come
            .iter()
            .position(|(declared, id, _)| *declared == point && id == step);
        let Some(position) = position else {
            return false;
        };
        let (_, _, fault) = to_come.remove(position);
        self.faults.hit(fault);
        true
    }
}

use std::{collections::HashMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    domain::Locked,
    services::{FaultId, Faults},
};

/// When the orchestrator's process dies, relative to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CrashPoint {
    /// Its intent is not journalled.
    Before,
    /// Its intent is journalled, the call made, the completion not journalled.
    During,
    /// Its call has reached the service, which has not acted.
    BeforeActing,
    /// The service has acted, and its answer has not arrived.
    AfterActing,
    /// Its completion is journalled.
    After,
    /// The intent of its compensation is not journalled.
    BeforeCompensation,
    /// The intent of its compensation is journalled, the call made, the completion not journalled.
    DuringCompensation,
    /// The call of its compensation has reached the service, which has not acted.
    BeforeUndoing,
    /// The service has acted for its compensation, and its answer has not arrived.
    AfterUndoing,
    /// The completion of its compensation is journalled.
    AfterCompensation,
}

impl CrashPoint {
    /// All points.
    pub const ALL: [Self; 10] = [
        Self::Before,
        Self::BeforeActing,
        Self::AfterActing,
        Self::During,
        Self::After,
        Self::BeforeCompensation,
        Self::BeforeUndoing,
        Self::AfterUndoing,
        Self::DuringCompensation,
        Self::AfterCompensation,
    ];

    /// Whether it concerns a step's compensation.
    pub fn is_compensation(self) -> bool {
        matches!(
            self,
            Self::BeforeCompensation
                | Self::BeforeUndoing
                | Self::AfterUndoing
                | Self::DuringCompensation
                | Self::AfterCompensation
        )
    }
}

impl fmt::Display for CrashPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::BeforeActing => "before the service acts in",
            Self::AfterActing => "after the service acts in",
            Self::BeforeUndoing => "before the service acts in the compensation of",
            Self::AfterUndoing => "after the service acts in the compensation of",
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
    declared: Arc<Locked<DeclaredCrashes>>,
}

#[derive(Debug, Default)]
struct DeclaredCrashes {
    pending: Vec<Crash>,
    /// How often each point of a declared crash was reached.
    reached: HashMap<(CrashPoint, String), u32>,
}

#[derive(Debug)]
struct Crash {
    point: CrashPoint,
    step: String,
    /// The time that the point is reached, from 1; the next unless given.
    occurrence: Option<u32>,
    fault: FaultId,
}

impl Crashes {
    /// No crashes yet.
    pub fn new(faults: Faults) -> Self {
        Self {
            faults,
            declared: Arc::default(),
        }
    }

    /// Declares a crash at a step, `<step>/<child's step>` in a child run: the next time that its
    /// point is reached, or the n-th, counted from 1.
    pub fn declare(
        &self,
        point: CrashPoint,
        step: &str,
        occurrence: Option<u32>,
        at: impl Into<Arc<str>>,
    ) {
        let mut what = format!("the orchestrator crashes {point} step {step:?}");
        if let Some(occurrence) = occurrence {
            what.push_str(&format!(", time {occurrence}"));
        }
        let fault = self.faults.declare(what, at);
        self.declared.lock().pending.push(Crash {
            point,
            step: step.to_owned(),
            occurrence,
            fault,
        });
    }

    /// Whether the process crashes now, at a step after the path of the steps it is nested in. The
    /// crash is used up.
    pub(super) fn should_crash(&self, point: CrashPoint, path: &str, step: &str) -> bool {
        let mut declared = self.declared.lock();
        let DeclaredCrashes { pending, reached } = &mut *declared;
        let is_here = |crash: &Crash| {
            crash.point == point && crash.step.strip_prefix(path).is_some_and(|id| id == step)
        };
        if !pending.iter().any(is_here) {
            return false;
        }
        let reached = reached.entry((point, format!("{path}{step}"))).or_default();
        *reached += 1;
        let is_due = |crash: &Crash| {
            is_here(crash)
                && crash
                    .occurrence
                    .is_none_or(|occurrence| occurrence == *reached)
        };
        let Some(position) = pending.iter().position(is_due) else {
            return false;
        };
        self.faults.hit(pending.remove(position).fault);
        true
    }
}

use std::{fmt, sync::Arc};

use crate::domain::Locked;

/// Every fault that a scenario declares, and whether a call hit it.
///
/// A fault that never happened proves nothing, so an unused one fails its scenario, unless it was
/// withdrawn.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    declared: Arc<Locked<Vec<DeclaredFault>>>,
}

/// A declared fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(usize);

#[derive(Debug)]
struct DeclaredFault {
    what: Arc<str>,
    at: Arc<str>,
    state: FaultState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FaultState {
    Pending,
    Hit,
    Withdrawn,
}

/// A fault that no call ever hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusedFault {
    /// What was declared.
    pub what: Arc<str>,
    /// The file and line that declared it.
    pub at: Arc<str>,
}

impl fmt::Display for UnusedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (declared at {})", self.what, self.at)
    }
}

impl Faults {
    /// Declares a fault.
    pub fn declare(&self, what: impl Into<Arc<str>>, at: impl Into<Arc<str>>) -> FaultId {
        let mut declared = self.declared.lock();
        declared.push(DeclaredFault {
            what: what.into(),
            at: at.into(),
            state: FaultState::Pending,
        });
        FaultId(declared.len() - 1)
    }

    /// Records that a call hit a fault; returns what it was and where it was declared.
    pub fn hit(&self, id: FaultId) -> (Arc<str>, Arc<str>) {
        let mut declared = self.declared.lock();
        let fault = &mut declared[id.0];
        fault.state = FaultState::Hit;
        (Arc::clone(&fault.what), Arc::clone(&fault.at))
    }

    /// Withdraws a fault that a later declaration replaced: it no longer has to be hit.
    pub fn withdraw(&self, id: FaultId) {
        let mut declared = self.declared.lock();
        let fault = &mut declared[id.0];
        if fault.state == FaultState::Pending {
            fault.state = FaultState::Withdrawn;
        }
    }

    /// The faults that were neither hit nor withdrawn.
    pub fn unused(&self) -> Vec<UnusedFault> {
        let declared = self.declared.lock();
        declared
            .iter()
            .filter(|fault| fault.state == FaultState::Pending)
            .map(|fault| UnusedFault {
                what: Arc::clone(&fault.what),
                at: Arc::clone(&fault.at),
            })
            .collect()
    }
}

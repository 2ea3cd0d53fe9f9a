use std::{fmt, sync::Arc};

use crate::domain::Locked;

/// Every fault that a scenario declares, and how often calls hit it.
///
/// A fault that never happened proves nothing, so one that is not hit as often as declared fails its
/// scenario, unless it was withdrawn. So does an answer that no execution reached.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    declared: Arc<Locked<Vec<DeclaredFault>>>,
}

/// A declared fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(usize);

#[derive(Debug)]
struct DeclaredFault {
    fault: UnusedFault,
    is_withdrawn: bool,
}

/// A fault that calls hit less often than declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusedFault {
    /// What was declared.
    pub what: Arc<str>,
    /// The file and line that declared it.
    pub at: Arc<str>,
    /// How often it must be hit at least.
    pub times: u32,
    /// How often it was hit.
    pub hits: u32,
}

impl fmt::Display for UnusedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (declared at {})", self.what, self.at)?;
        let Self { times, hits, .. } = self;
        match (times, hits) {
            (1, _) => Ok(()),
            (_, 0) => write!(f, ": declared {times} times, never hit"),
            (_, 1) => write!(f, ": declared {times} times, hit once"),
            _ => write!(f, ": declared {times} times, hit {hits} times"),
        }
    }
}

impl Faults {
    /// Declares a fault that must be hit.
    pub fn declare(&self, what: impl Into<Arc<str>>, at: impl Into<Arc<str>>) -> FaultId {
        self.declare_times(what, at, 1)
    }

    /// Declares a fault that must be hit at least so many times.
    pub fn declare_times(
        &self,
        what: impl Into<Arc<str>>,
        at: impl Into<Arc<str>>,
        times: u32,
    ) -> FaultId {
        let mut declared = self.declared.lock();
        declared.push(DeclaredFault {
            fault: UnusedFault {
                what: what.into(),
                at: at.into(),
                times,
                hits: 0,
            },
            is_withdrawn: false,
        });
        FaultId(declared.len() - 1)
    }

    /// Records that a call hit a fault; returns what it was and where it was declared.
    pub fn hit(&self, id: FaultId) -> (Arc<str>, Arc<str>) {
        let mut declared = self.declared.lock();
        let fault = &mut declared[id.0].fault;
        fault.hits += 1;
        (Arc::clone(&fault.what), Arc::clone(&fault.at))
    }

    /// Withdraws a fault that a later declaration replaced: it no longer has to be hit.
    pub fn withdraw(&self, id: FaultId) {
        self.declared.lock()[id.0].is_withdrawn = true;
    }

    /// The faults that were hit less often than declared, and not withdrawn.
    pub fn unused(&self) -> Vec<UnusedFault> {
        let declared = self.declared.lock();
        declared
            .iter()
            .filter(|declared| !declared.is_withdrawn)
            .map(|declared| &declared.fault)
            .filter(|fault| fault.hits < fault.times)
            .cloned()
            .collect()
    }
}

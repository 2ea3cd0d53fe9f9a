use std::{sync::Arc, time::Duration};

use super::FaultId;

/// What lies between a service and its callers: it may lose what is sent, or change it.
#[derive(Debug, Default)]
pub(super) struct Wire {
    cuts: Vec<Cut>,
    /// Requests arrive otherwise than they were sent.
    pub requests_corrupted: Option<FaultId>,
    /// Replies arrive otherwise than they were sent.
    pub replies_corrupted: Option<FaultId>,
    /// Whether senders take checksums: from when something may be corrupted, so that others do
    /// not pay for it.
    pub checked: bool,
}

/// A partition between a caller and the service.
#[derive(Debug)]
struct Cut {
    caller: Arc<str>,
    until: Option<Duration>,
    fault: FaultId,
}

impl Wire {
    /// Loses the requests of a caller, until an offset or until it is mended; replaces a cut that was.
    pub fn cut(&mut self, caller: &str, until: Option<Duration>, fault: FaultId) {
        self.mend(caller, Duration::ZERO);
        self.cuts.push(Cut {
            caller: caller.into(),
            until,
            fault,
        });
    }

    /// Ends the cut to a caller; says whether there was one still.
    pub fn mend(&mut self, caller: &str, now: Duration) -> bool {
        let place = self.cuts.iter().position(|cut| *cut.caller == *caller);
        place.is_some_and(|place| self.cuts.swap_remove(place).is_at(now))
    }

    /// The fault that loses a request of a caller.
    pub fn loses(&self, caller: &str, now: Duration) -> Option<FaultId> {
        let mut cuts = self.cuts.iter();
        cuts.find(|cut| *cut.caller == *caller && cut.is_at(now))
            .map(|cut| cut.fault)
    }
}

impl Cut {
    fn is_at(&self, now: Duration) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

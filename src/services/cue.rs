use std::time::Duration;

use super::{FaultId, Response};

/// What a script wants of one execution.
#[derive(Debug)]
pub(super) struct Cue {
    /// The execution's number.
    pub execution: u32,
    /// How long it takes.
    pub latency: Duration,
    /// What it comes to.
    pub response: Response,
    /// What becomes of the request.
    pub way: Way,
    /// The fault that this execution hits when it starts.
    pub fault: Option<FaultId>,
    /// The fault that it hits if there is a reply.
    pub reply_corrupted: Option<FaultId>,
    /// Whether senders take checksums, and receivers check them.
    pub checked: bool,
}

/// What becomes of a request on its way to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It arrives as it was sent.
    Clear,
    /// It never arrives.
    Lost,
    /// The whole service is down, which is answered at once.
    Down,
    /// It arrives otherwise than it was sent.
    Corrupted,
}

use std::time::Duration;

use super::{FaultId, Response};

/// What a script says about one execution.
#[derive(Debug)]
pub(super) struct ScriptedExecution {
    /// The execution's number.
    pub execution: u32,
    /// How long it takes.
    pub latency: Duration,
    /// The scripted response.
    pub response: Response,
    /// What happens to the request.
    pub transit: Transit,
    /// The fault that this execution hits when it starts.
    pub fault: Option<FaultId>,
    /// The fault that it hits if there is a reply.
    pub reply_corrupted: Option<FaultId>,
    /// Whether senders take checksums, and receivers check them.
    pub checked: bool,
}

/// What happens to a request on its way to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transit {
    /// It arrives as it was sent.
    Clear,
    /// It never arrives.
    Lost,
    /// The whole service is down, which fails the call immediately.
    Down,
    /// It arrives corrupted.
    Corrupted,
}

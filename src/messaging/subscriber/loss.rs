use crate::services::{FaultId, Faults};

/// The loss of a subscription's consumer after its work and before its acknowledgement.
#[derive(Debug)]
pub(in crate::messaging) struct ConsumerLoss {
    pub inbox: InboxLoss,
    pub fault: FaultId,
    pub faults: Faults,
}

/// What the loss of a consumer does to its inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboxLoss {
    /// It is still known which events were handled.
    Kept,
    /// It is not known which events were handled.
    Lost,
}

impl InboxLoss {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Lost => "lost",
        }
    }
}

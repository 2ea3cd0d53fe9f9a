//! Patterns of communication as data: who asks whom, under which policies, and what is expected of it.

mod check;
mod expected;
mod flow;
mod measure;
mod pattern;
mod thresholds;

pub use expected::{ExpectedError, ExpectedWait};
pub use flow::Exchanged;
pub use pattern::{
    CommunicationFile, CommunicationPattern, CommunicationPolicies, Exchange, ScriptedAnswer,
    TimeoutText, Turn,
};
pub use thresholds::{ResponseTimes, Speed, Thresholds};

//! Communication patterns as data: requests between services, their policies and scripted answers.

mod check;
mod flow;
mod measure;
mod pattern;
mod thresholds;

pub use flow::CompletedExchange;
pub use pattern::{CommunicationFile, CommunicationPattern, Exchange, ScriptedAnswer, Turn};
pub use thresholds::{CommunicationThresholds, ResponseTimes};

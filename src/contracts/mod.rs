//! Contracts between services: what a provider promises, what a consumer relies on, and whether a service keeps to it.

mod consumer;
mod generate;
mod judge;
mod matching;
mod matching_rule;
mod provider;
mod read;
mod record;
mod rule_path;
mod state;
mod strictness;
#[cfg(test)]
mod tests;
mod verdict;
mod verifier;

pub use consumer::{ConsumerContract, Interaction, Request, Response};
pub use generate::{Broken, GenerateError, Generated, generate};
pub use matching::{Mismatch, mismatches};
pub use matching_rule::MatchingRule;
pub use provider::{Case, Expectation, Operation, OperationError, ProviderContract};
pub use read::Contract;
pub use state::{ProviderState, StateCall, States};
pub use strictness::Strictness;
pub use verdict::{Breach, BreachKind, Verdict};
pub use verifier::Verifier;

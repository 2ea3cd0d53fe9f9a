//! Contracts between services: what a provider promises, what a consumer relies on, and whether a service keeps to it.

mod compiled_operation;
mod consumer;
mod contract;
mod expectation;
mod generate;
mod matching;
mod matching_rule;
mod provider;
mod record;
mod state;
mod strictness;
#[cfg(test)]
mod tests;
mod verdict;
mod verifier;

pub use consumer::{ConsumerContract, Interaction, RecordedRequest};
pub use contract::Contract;
pub use expectation::Expectation;
pub use matching_rule::MatchingRule;
pub use provider::{ContractCase, DeclaredError, PromisedOperation, ProviderContract};
pub use state::{ProviderState, StateCall, States};
pub use strictness::Strictness;
pub use verdict::{Breach, BreachKind, Verdict};
pub use verifier::Verifier;

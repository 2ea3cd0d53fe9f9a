//! Contracts between services: what a provider promises and a consumer relies on, and their verification.

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

pub(crate) use consumer::{ConsumerContract, Interaction, RecordedRequest};
pub(crate) use contract::Contract;
pub(crate) use expectation::Expectation;
pub(crate) use matching_rule::MatchingRule;
pub(crate) use provider::{PromisedOperation, ProviderContract};
pub(crate) use state::{ProviderState, ProviderStates, StateCall};
pub(crate) use strictness::Strictness;
pub(crate) use verdict::{Breach, BreachKind, Verdict};
pub(crate) use verifier::Verifier;

//! Consumer contracts recorded from calls that were made.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::{
    ConsumerContract, Expectation, Interaction, ProviderStates, RecordedRequest, verifier::CALLER,
};
use crate::observability::{Event, EventKind};

impl ConsumerContract {
    /// The calls of a provider and their results, as a contract of their caller.
    ///
    /// For a call that was retried, the last execution counts; unfinished calls and calls that
    /// verify contracts are left out. Matching rules are left for people to add.
    pub fn recorded(consumer: &str, provider: &str, events: &[Event]) -> Self {
        let mut calls: IndexMap<u64, (&str, &Arc<Value>, Option<Expectation>)> = IndexMap::new();
        for event in events {
            match &event.kind {
                EventKind::CallStarted {
                    head,
                    input,
                    number,
                    ..
                } if head.name.service() == provider && *head.caller != *CALLER => {
                    calls.insert(*number, (head.name.operation(), input, None));
                }
                EventKind::CallEnded {
                    number,
                    result,
                    reply,
                    ..
                } => {
                    if let Some((_, _, response)) = calls.get_mut(number) {
                        *response = Some(match reply {
                            Some(reply) => Expectation::Output((**reply).clone()),
                            None => Expectation::Error(result.to_string()),
                        });
                    }
                }
                _ => {}
            }
        }
        let ended = calls
            .into_values()
            .filter_map(|(operation, input, response)| {
                let request = RecordedRequest {
                    operation: operation.to_owned(),
                    input: (**input).clone(),
                };
                response.map(|response| (request, response))
            });
        let interactions = ended
            .zip(1..)
            .map(|((request, response), number)| Interaction {
                description: format!("{} {number}", request.operation),
                provider_states: Vec::new(),
                request,
                response,
                matching_rules: IndexMap::new(),
            });
        Self {
            schema: None,
            consumer: consumer.to_owned(),
            provider: provider.to_owned(),
            interactions: interactions.collect(),
            states: ProviderStates::new(),
        }
    }
}

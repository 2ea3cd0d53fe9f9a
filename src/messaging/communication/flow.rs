use std::sync::Arc;

use futures::future::join_all;

use super::{CommunicationPattern, Exchange, Turn};
use crate::{
    messaging::{Requests, ResponseEnvelope, ServiceRequest},
    observability::unexpected_duration,
    resilience::Retries,
};

/// An exchange of a pattern, and its response.
#[derive(Clone, Debug)]
pub struct CompletedExchange {
    /// The exchange.
    pub exchange: Exchange,
    /// Its response.
    pub response: ResponseEnvelope,
}

impl Requests {
    /// Sends the requests of a pattern, and records a warning or an error for whatever takes longer
    /// than the pattern expects.
    ///
    /// A request is not retried unless a policy says so. Concurrent exchanges are returned in the
    /// pattern's order, not in that of their responses.
    pub async fn communicate(&self, pattern: &CommunicationPattern) -> Vec<CompletedExchange> {
        let timeline = self.client().timeline();
        let began = timeline.now();
        let mut exchanged = Vec::new();
        for turn in &pattern.communication_flow {
            match turn {
                Turn::Single(exchange) => {
                    for _ in 0..exchange.times {
                        exchanged.push(self.exchange_with(exchange).await);
                    }
                }
                Turn::Concurrent(exchanges) => {
                    let all = exchanges.iter().flat_map(|exchange| {
                        std::iter::repeat_n(exchange, exchange.times as usize)
                    });
                    exchanged.extend(join_all(all.map(|it| self.exchange_with(it))).await);
                }
            }
        }
        let took = timeline.now().saturating_sub(began);
        let late = unexpected_duration(&pattern.id, took, pattern.total_expected_duration);
        if let Some(event) = late {
            timeline.record(event);
        }
        exchanged
    }

    async fn exchange_with(&self, exchange: &Exchange) -> CompletedExchange {
        let timeline = self.client().timeline();
        timeline.clock().sleep(exchange.wait).await;
        let mut request = ServiceRequest::new(
            &exchange.from,
            exchange.call.clone(),
            Arc::clone(&exchange.input),
        );
        request.retry = Some(Retries::none());
        let response = self.send(&request).await;
        if let Some(expected) = exchange.expected_duration {
            let took = response.metadata.response_time;
            if let Some(late) = unexpected_duration(&exchange.about(), took, expected) {
                timeline.record(late);
            }
        }
        CompletedExchange {
            exchange: exchange.clone(),
            response,
        }
    }
}

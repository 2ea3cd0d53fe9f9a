use std::{sync::Arc, time::Duration};

use futures::future::join_all;

use super::{CommunicationPattern, Exchange, Turn};
use crate::{
    messaging::{Requests, ResponseEnvelope, ServiceRequest},
    observability::{EventKind, unexpected_duration},
    resilience::Retries,
};

/// A request of a pattern and what it came to.
#[derive(Clone, Debug)]
pub struct Exchanged {
    /// What was asked.
    pub exchange: Exchange,
    /// The answer.
    pub response: ResponseEnvelope,
}

impl Requests {
    /// Lets a pattern's communication take place, and records as warnings and errors what is not as
    /// it expects; `about` is the exchange, or the pattern.
    ///
    /// An exchange is not repeated unless a policy says so. Those at once stand in the pattern's order,
    /// whichever is answered first.
    pub async fn communicate(&self, pattern: &CommunicationPattern) -> Vec<Exchanged> {
        let timeline = self.client().timeline();
        let began = timeline.now();
        let mut exchanged = Vec::new();
        for turn in &pattern.communication_flow {
            match turn {
                Turn::Alone(exchange) => {
                    for _ in 0..exchange.times {
                        exchanged.push(self.exchange_with(exchange).await);
                    }
                }
                Turn::AtOnce(exchanges) => {
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

    async fn exchange_with(&self, exchange: &Exchange) -> Exchanged {
        let timeline = self.client().timeline();
        timeline.clock().sleep(exchange.wait).await;
        let events_before = timeline.read(<[_]>::len);
        let mut request = ServiceRequest::new(
            &exchange.from,
            exchange.call.clone(),
            Arc::clone(&exchange.input),
        );
        request.retries = Some(Retries::none());
        let response = self.send(&request).await;
        let waits: Vec<Duration> = timeline.read(|events| {
            let waits = events[events_before..]
                .iter()
                .filter_map(|event| match &event.kind {
                    EventKind::RetryScheduled { call, delay, .. } if *call == exchange.call => {
                        Some(*delay)
                    }
                    _ => None,
                });
            waits.collect()
        });
        let breaker = self.client().breaker_state(exchange.call.service());
        for deviation in exchange.deviations(&response, &waits, breaker) {
            timeline.record(deviation);
        }
        Exchanged {
            exchange: exchange.clone(),
            response,
        }
    }
}

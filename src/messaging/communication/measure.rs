use std::time::Duration;

use super::{CommunicationThresholds, CompletedExchange};
use crate::{
    domain::{code, format_duration},
    messaging::ResponseBody,
    observability::{Event, EventKind},
};

impl CommunicationThresholds {
    /// The thresholds that exchanges and their events exceed.
    pub fn exceeded(&self, exchanged: &[CompletedExchange], events: &[Event]) -> Vec<String> {
        let mut exceeded = Vec::new();
        let share = |code: fn(&str) -> bool| {
            let counts = |it: &&CompletedExchange| matches!(&it.response.body, ResponseBody::Error { error } if code(&error.code));
            let counted = exchanged.iter().filter(counts).count();
            counted as f64 / exchanged.len().max(1) as f64
        };
        let failed = share(|_| true);
        let unreached = share(|code| {
            [
                code::SERVICE_UNAVAILABLE,
                code::TIMEOUT,
                code::SERVICE_NOT_FOUND,
            ]
            .contains(&code)
        });
        if 1.0 - failed < self.success_rate {
            let (found, least) = (1.0 - failed, self.success_rate);
            exceeded.push(format!(
                "the success rate is {found}, expected {least} at least"
            ));
        }
        if failed > self.error_rate {
            let most = self.error_rate;
            exceeded.push(format!(
                "the error rate is {failed}, expected {most} at most"
            ));
        }
        if 1.0 - unreached < self.availability {
            let (found, least) = (1.0 - unreached, self.availability);
            exceeded.push(format!(
                "the availability is {found}, expected {least} at least"
            ));
        }
        let times = exchanged
            .iter()
            .map(|it| it.response.metadata.response_time);
        let timeout = self.response_time.timeout;
        if let Some(longest) = times.max().filter(|longest| *longest > timeout) {
            exceeded.push(format!(
                "a response takes {}, expected {} at most",
                format_duration(longest),
                format_duration(timeout)
            ));
        }
        let (most_in_flight, latency) = measured(events);
        if most_in_flight > self.concurrent_requests {
            exceeded.push(format!(
                "{most_in_flight} requests are in flight at the same time, expected {} at most",
                self.concurrent_requests
            ));
        }
        if latency > self.inter_service_latency {
            exceeded.push(format!(
                "an execution takes {}, expected {} at most",
                format_duration(latency),
                format_duration(self.inter_service_latency)
            ));
        }
        exceeded
    }
}

/// The most requests in flight, and the longest execution that succeeded.
fn measured(events: &[Event]) -> (u32, Duration) {
    let (mut now, mut most, mut latency) = (0_u32, 0, Duration::ZERO);
    for event in events {
        match &event.kind {
            EventKind::RequestSent { .. } => {
                now += 1;
                most = most.max(now);
            }
            EventKind::RequestAnswered { .. } => now = now.saturating_sub(1),
            EventKind::CallEnded { took, result, .. } if **result == *"ok" => {
                latency = latency.max(*took);
            }
            _ => {}
        }
    }
    (most, latency)
}

use serde_json::json;

use super::{CallPolicy, Client, client::counts_against_service};
use crate::{
    domain::{BreakerState, Call, CallName, Failure, Health, code},
    observability::EventKind,
    resilience::Retries,
};

/// What a check of a service's health found.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthReport {
    /// Whether it is healthy.
    pub status: Health,
    /// The state of its breaker, closed where it has none; `None` for a service that is unknown.
    pub breaker: Option<BreakerState>,
    /// Why the probe found it unhealthy; `None` if it was not probed.
    pub failure: Option<Box<Failure>>,
}

impl Client {
    /// Checks whether a service is healthy, by a probe unless its breaker is open.
    ///
    /// The probe is a call like any other, without retries of its own, so the breaker counts it. A
    /// service that refuses the probe has answered, and is healthy; a fallback is not an answer of the
    /// service.
    pub async fn check_health(&self, caller: &str, service: &str) -> HealthReport {
        let (status, failure) = self.probe(caller, service).await;
        let known = self.registry().role(service).is_ok();
        let breaker = known.then(|| self.breaker_state(service).unwrap_or(BreakerState::Closed));
        self.timeline().record(EventKind::HealthChecked {
            service: service.into(),
            status,
            breaker,
        });
        HealthReport {
            status,
            breaker,
            failure,
        }
    }

    async fn probe(&self, caller: &str, service: &str) -> (Health, Option<Box<Failure>>) {
        let Ok(role) = self.registry().role(service) else {
            return (Health::Unknown, None);
        };
        if self.breaker_state(service) == Some(BreakerState::Open) {
            return (Health::Unhealthy, None);
        }
        let has = |operation: &&str| role.service.has_operation(operation);
        let Some(operation) = role.service.probe().filter(has) else {
            return (Health::Unknown, None);
        };
        let call = Call::new(caller, CallName::new(service, operation), json!({}));
        let once = CallPolicy {
            retry: Some(Retries::none()),
            ..CallPolicy::default()
        };
        match self.call(&call, &once, None).await {
            Ok(_) => (Health::Healthy, None),
            // Refused for what all calls have used or for whom it is made, it says nothing about the service.
            Err(failure)
                if failure.executions == 0
                    && matches!(
                        &*failure.code,
                        code::BUDGET_EXHAUSTED | code::PERMISSION_DENIED | code::UNAUTHENTICATED
                    ) =>
            {
                (Health::Unknown, None)
            }
            Err(failure) if counts_against_service(&failure) => (Health::Unhealthy, Some(failure)),
            Err(_) => (Health::Healthy, None),
        }
    }
}

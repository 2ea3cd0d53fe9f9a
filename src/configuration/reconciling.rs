use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::{
    consistency::{Consistency, Survey},
    reconciliation::ReconciliationDefinition,
};
use crate::{
    domain::{Call, Failure, KeyOrigin, code, format_duration, json_digest, resolve},
    observability::{ConsistencyEvent, EventKind},
    services::CallPolicy,
};

/// After this time, services that do not agree are given up.
const MAX_TIME: Duration = Duration::from_secs(60 * 60);

impl Consistency {
    /// Has the services come to agree again: reads what they have, and makes the calls as long as any rule does
    /// not hold. Returns how long that took.
    ///
    /// # Errors
    ///
    /// If nothing is declared to be done about it, it calls what does not exist, or they do not agree within an
    /// hour.
    pub async fn reconcile(&self) -> Result<Duration, String> {
        let Some(definition) = &self.definition.reconciliation else {
            return Err("nothing is declared that reconciles them: \"reconciliation\"".to_owned());
        };
        let clock = self.client.timeline().clock();
        let began = clock.now();
        let about: Arc<str> = self.definition.id.clone().unwrap_or("consistency".into());
        let key = format!("{about}/{}", began.as_millis());
        let mut agreed = std::pin::pin!(self.agree(definition, &key));
        let just_after = Duration::from_millis(1);
        for (limit, is_error) in [(definition.expected, false), (definition.limit, true)] {
            // Reaching a limit exactly is inside it.
            let passed = clock.sleep_until(began + limit + just_after);
            tokio::select! {
                biased;
                agreed = &mut agreed => {
                    agreed?;
                    return Ok(self.reconciled(about, began));
                }
                () = passed => {}
            }
            let about = Arc::clone(&about);
            let message = format!("the services do not agree after {}", format_duration(limit));
            self.client.timeline().record(match is_error {
                true => EventKind::Error { about, message },
                false => EventKind::Warning { about, message },
            });
        }
        let given_up = clock.sleep_until(began + MAX_TIME);
        tokio::select! {
            biased;
            agreed = &mut agreed => {
                agreed?;
                Ok(self.reconciled(about, began))
            }
            () = given_up => {
                let time = format_duration(MAX_TIME);
                Err(format!("the services do not agree after {time}, so it was given up"))
            }
        }
    }

    fn reconciled(&self, about: Arc<str>, began: Duration) -> Duration {
        let took = self.client.timeline().now().saturating_sub(began);
        self.record(ConsistencyEvent::Reconciled { about, took });
        took
    }

    /// Makes attempts until nothing is found. The first findings are recorded.
    ///
    /// # Errors
    ///
    /// If an attempt calls what does not exist.
    async fn agree(&self, definition: &ReconciliationDefinition, key: &str) -> Result<(), String> {
        let mut is_first = true;
        loop {
            let (findings, survey) = self.findings().await;
            if findings.is_empty() {
                return Ok(());
            }
            if std::mem::take(&mut is_first) {
                for finding in findings {
                    self.record(ConsistencyEvent::InconsistencyFound(finding));
                }
            }
            if let Err(failure) = self.attempt(definition, survey, key).await
                && [code::SERVICE_NOT_FOUND, code::OPERATION_NOT_FOUND].contains(&&*failure.code)
            {
                return Err(failure.message);
            }
            // Any other failure may pass; the next attempt begins with what is the case then.
            self.client.timeline().clock().sleep(definition.poll).await;
        }
    }

    async fn attempt(
        &self,
        definition: &ReconciliationDefinition,
        survey: Survey,
        key: &str,
    ) -> Result<(), Box<Failure>> {
        let caller = definition.caller.as_deref();
        let caller = caller.or(self.definition.caller.as_deref());
        let policy = CallPolicy {
            timeout: Some(definition.timeout),
            ..CallPolicy::default()
        };
        let mut data = survey;
        for (index, step) in definition.steps.iter().enumerate() {
            let input = match &step.input {
                Some(input) => resolve(input, &|name| data.data(name))?,
                None => json!({}),
            };
            // A repeated attempt does again what failed or what has changed since, and nothing else.
            let key = format!("{key}/{index}/{}", json_digest(&input));
            let mut call = Call::new(caller.unwrap_or(Call::SCENARIO), step.call.clone(), input);
            call.key = Some(KeyOrigin::Reconciliation.key(key));
            let reply = self.client.call(&call, &policy, None).await?;
            if let Some(id) = &step.id {
                data.add(id, reply.value);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        clock::Clock,
        domain::from_value,
        observability::Timeline,
        services::{Client, Effects, Faults, MockService, Registry},
    };

    fn consistency(reconciliation: &serde_json::Value) -> Consistency {
        let timeline = Timeline::new(Clock::start());
        let registry = Registry::default();
        registry.add(MockService::bare("Stock", Effects::new(timeline.clone())));
        let client = Client::new(registry, Faults::default(), timeline);
        let definition = json!({
            "subjects": { "stock": { "call": "Stock.get" } },
            "rules": [{ "kind": "fieldEquals", "value": "${/stock}", "expected": 1 }],
            "reconciliation": reconciliation,
        });
        let definition = Arc::new(from_value(&definition).unwrap());
        Consistency::new(definition, Arc::new(client)).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn services_that_never_agree_are_given_up_with_the_reason() {
        for (reconciliation, expected, hours) in [
            (json!(null), "nothing is declared that reconciles them", 0),
            (
                json!({ "steps": [{ "call": "Stok.set" }] }),
                "did you mean \"Stock\"?",
                0,
            ),
            (
                json!({ "steps": [{ "call": "Stock.set" }], "poll": "1min" }),
                "the services do not agree after 1 h",
                1,
            ),
        ] {
            let consistency = consistency(&reconciliation);
            let refused = consistency.reconcile().await.unwrap_err();
            assert!(refused.contains(expected), "{refused}");
            let took = consistency.client.timeline().now();
            assert_eq!(took, Duration::from_secs(hours * 60 * 60));
        }
    }
}

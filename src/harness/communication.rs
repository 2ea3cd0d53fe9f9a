use std::sync::{Arc, PoisonError};

use super::{Cast, ScriptError};
use crate::{
    domain::CallName,
    messaging::CommunicationPattern,
    services::{Executions, Response},
};

impl Cast {
    /// Sets the policies of a communication pattern and lets services answer as it says. Its faults
    /// count as declared at `at`, such as `file:line`.
    ///
    /// # Errors
    ///
    /// If one of its services, operations or codes does not exist; then nothing is changed.
    pub fn follow(&self, pattern: &CommunicationPattern, at: &Arc<str>) -> Result<(), ScriptError> {
        self.check_names(pattern)?;
        let policies = &pattern.policies;
        let mut set = self
            .policies()
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        for (call, timeout) in &policies.timeouts {
            set.time_out(call.clone(), timeout.0);
        }
        for (call, retries) in &policies.retries {
            set.retry_as(call.clone(), retries.clone());
        }
        drop(set);
        for (service, breaker) in &policies.breakers {
            self.set_breaker(service, breaker.clone());
        }
        for (name, bulkhead) in &policies.bulkheads {
            self.set_bulkhead(name, *bulkhead);
        }
        for (call, rows) in &pattern.answers {
            let rows: Vec<_> = rows
                .iter()
                .map(|row| {
                    let fault = row.answer.response.is_fault().then(|| {
                        let what = answer_text(call, row.execution, &pattern.id);
                        self.faults().declare(what, Arc::clone(at))
                    });
                    (row.execution, row.answer.clone(), fault)
                })
                .collect();
            let operation = call.operation();
            self.registry().script(call.service(), |script, _| {
                script.answers(operation, rows);
            })?;
        }
        Ok(())
    }

    fn check_names(&self, pattern: &CommunicationPattern) -> Result<(), ScriptError> {
        let registry = self.registry();
        let policies = &pattern.policies;
        let asked = pattern
            .communication_flow
            .iter()
            .flat_map(|turn| turn.exchanges());
        let calls = asked
            .map(|exchange| &exchange.call)
            .chain(policies.timeouts.keys())
            .chain(policies.retries.keys())
            .chain(pattern.answers.keys());
        for call in calls {
            registry.check(call)?;
        }
        let classes = policies
            .bulkheads
            .keys()
            .filter(|name| !registry.has_class(name));
        for service in policies.breakers.keys().chain(classes) {
            registry.script(service, |_, _| ())?;
        }
        for (call, rows) in &pattern.answers {
            for row in rows {
                if let Response::Error(code) = &row.answer.response {
                    registry.check_code(call, code)?;
                }
            }
        }
        Ok(())
    }
}

fn answer_text(call: &CallName, executions: Executions, pattern: &str) -> String {
    let last = match executions.last {
        Some(last) if last == executions.first => String::new(),
        Some(last) => format!("-{last}"),
        None => "-".to_owned(),
    };
    let first = executions.first;
    format!("{call} answers execution {first}{last} as the communication pattern {pattern:?} says")
}

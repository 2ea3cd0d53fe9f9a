use std::sync::Arc;

use crate::{
    domain::{CallName, Violation},
    harness::Cast,
    messaging::CommunicationPattern,
    services::Executions,
};

impl Cast {
    /// Sets the policies of a communication pattern and scripts its services. Its faults are declared at
    /// `at`, such as `file:line`.
    ///
    /// # Errors
    ///
    /// All that is wrong with the pattern, such as a service that is not in the cast; then nothing
    /// is changed.
    pub fn follow(
        &self,
        pattern: &CommunicationPattern,
        at: &Arc<str>,
    ) -> Result<(), Vec<Violation>> {
        let faults = pattern.faults(Some(self.registry()));
        if !faults.is_empty() {
            return Err(faults);
        }
        let policies = &pattern.policies;
        let mut set = self.policies();
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
                    let what = answer_text(call, row.execution, &pattern.id);
                    let times = row.execution.expected();
                    let fault = self.faults().declare_times(what, Arc::clone(at), times);
                    (row.execution, row.answer.clone(), Some(fault))
                })
                .collect();
            let operation = call.operation();
            // The service exists: it was looked up above.
            let replaced = self
                .registry()
                .script(call.service(), |script, _| script.answers(operation, rows));
            for fault in replaced.into_iter().flatten() {
                self.faults().withdraw(fault);
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

use super::{CommunicationPattern, Exchange, ScriptedAnswer, Turn};
use crate::{
    domain::{Call, CallName, Violation, did_you_mean, pointer_token},
    services::Registry,
};

impl CommunicationPattern {
    /// Contradictions, and names that do not exist in `registry` if one is given, each with its JSON
    /// pointer.
    pub fn faults(&self, registry: Option<&Registry>) -> Vec<Violation> {
        let mut faults = PatternFaults(Vec::new());
        faults.contradictions(self);
        if let Some(registry) = registry {
            faults.names(self, registry);
        }
        faults.0
    }
}

struct PatternFaults(Vec<Violation>);

impl PatternFaults {
    fn push(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.0.push(Violation::new(pointer, message));
    }

    fn keep<E: ToString>(&mut self, pointer: impl FnOnce() -> String, checked: Result<(), E>) {
        if let Err(error) = checked {
            self.push(pointer(), error.to_string());
        }
    }

    /// Contradictions that do not depend on the services.
    fn contradictions(&mut self, pattern: &CommunicationPattern) {
        for (call, rows) in &pattern.answers {
            for (index, row) in rows.iter().enumerate() {
                let overlaps = |other: &ScriptedAnswer| other.execution.overlaps(row.execution);
                if rows[..index].iter().any(overlaps) {
                    let pointer = format!("/answers/{}/{index}/execution", key(call));
                    self.push(pointer, "these executions are answered already");
                }
            }
        }
    }

    fn names(&mut self, pattern: &CommunicationPattern, registry: &Registry) {
        let policies = &pattern.policies;
        let timeouts = policies
            .timeouts
            .keys()
            .map(|call| ("policies/timeouts", call));
        let retries = policies
            .retries
            .keys()
            .map(|call| ("policies/retries", call));
        let answers = pattern.answers.keys().map(|call| ("answers", call));
        for (section, call) in timeouts.chain(retries).chain(answers) {
            self.keep(|| format!("/{section}/{}", key(call)), registry.check(call));
        }
        for service in policies.breakers.keys() {
            let pointer = || format!("/policies/breakers/{}", pointer_token(service));
            self.keep(pointer, registry.check_guarded(service));
        }
        for name in policies.bulkheads.keys() {
            let pointer = || format!("/policies/bulkheads/{}", pointer_token(name));
            if !registry.has_class(name) {
                self.keep(pointer, registry.check_guarded(name));
            }
        }
        for (call, rows) in &pattern.answers {
            for (index, row) in rows.iter().enumerate() {
                if let Some(code) = row.answer.response.code() {
                    let pointer = || format!("/answers/{}/{index}/answer", key(call));
                    self.code(registry, call, code, pointer);
                }
            }
        }
        for (at, exchange) in exchanges(pattern) {
            let Exchange { call, from, .. } = exchange;
            self.keep(|| format!("{at}/call"), registry.check(call));
            let callers = [Call::ORCHESTRATOR, Call::SCENARIO];
            let names = registry.names();
            let mut known = names.iter().map(|name| &**name).chain(callers);
            if !known.any(|name| *name == **from) {
                let known = names.iter().map(|name| &**name).chain(callers);
                let hint = did_you_mean(from, known);
                self.push(
                    format!("{at}/from"),
                    format!("the caller {from:?} does not exist: {hint}"),
                );
            }
        }
    }

    fn code(
        &mut self,
        registry: &Registry,
        call: &CallName,
        code: &str,
        pointer: impl FnOnce() -> String,
    ) {
        // A call that does not exist is reported elsewhere.
        if registry.check(call).is_ok() {
            self.keep(pointer, registry.check_code(call, code));
        }
    }
}

/// Every exchange of a pattern with its pointer.
fn exchanges(pattern: &CommunicationPattern) -> impl Iterator<Item = (String, &Exchange)> {
    let turns = pattern.communication_flow.iter().enumerate();
    turns.flat_map(|(turn, what)| {
        let concurrent = matches!(what, Turn::Concurrent(_));
        let exchanges = what.exchanges().iter().enumerate();
        exchanges.map(move |(index, exchange)| match concurrent {
            true => (format!("/communicationFlow/{turn}/{index}"), exchange),
            false => (format!("/communicationFlow/{turn}"), exchange),
        })
    })
}

fn key(call: &CallName) -> String {
    pointer_token(call.as_str())
}

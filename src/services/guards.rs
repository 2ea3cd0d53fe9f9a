use std::sync::Arc;

use super::registry::Role;
use crate::{
    domain::{CallName, HashMap, Locked},
    observability::Timeline,
    resilience::{Breaker, BreakerPolicy, BreakerState, Bulkhead, BulkheadPolicy},
};

/// What protects services: breakers by service or operation, bulkheads also by class.
#[derive(Debug)]
pub(super) struct Guards {
    timeline: Timeline,
    table: Locked<GuardTable>,
}

#[derive(Debug, Default)]
struct GuardTable {
    breakers: HashMap<Arc<str>, Breaker>,
    bulkheads: HashMap<Arc<str>, Bulkhead>,
    /// Whether any of them is before one operation.
    guards_operations: bool,
}

/// What the calls to one service pass, in this order.
pub(super) struct GuardSet {
    /// That of the service's class, the service's, the operation's.
    pub bulkheads: [Option<Bulkhead>; 3],
    /// The service's, the operation's.
    pub breakers: [Option<Breaker>; 2],
}

impl Guards {
    pub fn new(timeline: Timeline) -> Self {
        Self {
            timeline,
            table: Locked::default(),
        }
    }

    /// The same policies in their initial state: breakers closed, bulkheads empty.
    pub fn reset(&self) -> Self {
        let new = Self::new(self.timeline.clone());
        let table = self.table.lock();
        for (service, breaker) in &table.breakers {
            new.set_breaker(service, breaker.policy().clone());
        }
        for (name, bulkhead) in &table.bulkheads {
            new.set_bulkhead(name, bulkhead.policy());
        }
        drop(table);
        new
    }

    pub fn set_breaker(&self, guarded: &str, policy: BreakerPolicy) {
        let guarded: Arc<str> = guarded.into();
        let breaker = Breaker::new(Arc::clone(&guarded), policy, self.timeline.clone());
        let mut table = self.table.lock();
        table.guards_operations |= is_operation(&guarded);
        table.breakers.insert(guarded, breaker);
    }

    pub fn set_bulkhead(&self, guarded: &str, policy: BulkheadPolicy) {
        let bulkhead = Bulkhead::new(policy);
        let mut table = self.table.lock();
        table.guards_operations |= is_operation(guarded);
        table.bulkheads.insert(guarded.into(), bulkhead);
    }

    pub fn breaker_state(&self, service: &str) -> Option<BreakerState> {
        self.table.lock().breakers.get(service).map(Breaker::state)
    }

    pub fn protecting(&self, role: &Role, call: &CallName) -> GuardSet {
        let table = self.table.lock();
        let bulkhead = |name: &str| table.bulkheads.get(name).cloned();
        // Looked up only where there is any: hashing the name would cost every call.
        let operation = table.guards_operations.then(|| call.as_str());
        let bulkheads = if table.bulkheads.is_empty() {
            [None, None, None]
        } else {
            [
                role.service.class().and_then(bulkhead),
                bulkhead(&role.name),
                operation.and_then(bulkhead),
            ]
        };
        GuardSet {
            bulkheads,
            breakers: [
                table.breakers.get(&role.name).cloned(),
                operation.and_then(|name| table.breakers.get(name).cloned()),
            ],
        }
    }
}

fn is_operation(guarded: &str) -> bool {
    guarded.contains('.')
}

use std::sync::Arc;

use super::registry::Role;
use crate::{
    domain::{HashMap, Locked},
    observability::Timeline,
    resilience::{Breaker, BreakerPolicy, BreakerState, Bulkhead, BulkheadPolicy},
};

/// What protects services: breakers by service, bulkheads by service or class.
#[derive(Debug)]
pub(super) struct Guards {
    timeline: Timeline,
    table: Locked<GuardTable>,
}

#[derive(Debug, Default)]
struct GuardTable {
    breakers: HashMap<Arc<str>, Breaker>,
    bulkheads: HashMap<Arc<str>, Bulkhead>,
}

/// What the calls to one service pass, in this order.
pub(super) struct GuardSet {
    /// That of the service's class, then its own.
    pub bulkheads: [Option<Bulkhead>; 2],
    pub breaker: Option<Breaker>,
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

    pub fn set_breaker(&self, service: &str, policy: BreakerPolicy) {
        let service: Arc<str> = service.into();
        let breaker = Breaker::new(Arc::clone(&service), policy, self.timeline.clone());
        self.table.lock().breakers.insert(service, breaker);
    }

    pub fn set_bulkhead(&self, service_or_class: &str, policy: BulkheadPolicy) {
        let bulkhead = Bulkhead::new(policy);
        self.table
            .lock()
            .bulkheads
            .insert(service_or_class.into(), bulkhead);
    }

    pub fn breaker_state(&self, service: &str) -> Option<BreakerState> {
        self.table.lock().breakers.get(service).map(Breaker::state)
    }

    pub fn protecting(&self, role: &Role) -> GuardSet {
        let table = self.table.lock();
        let bulkhead = |name: &str| table.bulkheads.get(name).cloned();
        let bulkheads = if table.bulkheads.is_empty() {
            [None, None]
        } else {
            [
                role.service.class().and_then(bulkhead),
                bulkhead(&role.name),
            ]
        };
        GuardSet {
            bulkheads,
            breaker: table.breakers.get(&role.name).cloned(),
        }
    }
}

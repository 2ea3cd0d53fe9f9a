use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::registry::Role;
use crate::{
    domain::HashMap,
    observability::Timeline,
    resilience::{Breaker, BreakerPolicy, BreakerState, Bulkhead, BulkheadPolicy},
};

/// What stands before services: breakers by service, bulkheads by service or class.
#[derive(Debug)]
pub(super) struct Guards {
    timeline: Timeline,
    standing: Mutex<Standing>,
}

#[derive(Debug, Default)]
struct Standing {
    breakers: HashMap<Arc<str>, Breaker>,
    bulkheads: HashMap<Arc<str>, Bulkhead>,
}

/// What one service's calls pass, in this order.
pub(super) struct Passage {
    /// That of the service's class, then its own.
    pub bulkheads: [Option<Bulkhead>; 2],
    pub breaker: Option<Breaker>,
}

impl Guards {
    pub fn new(timeline: Timeline) -> Self {
        Self {
            timeline,
            standing: Mutex::default(),
        }
    }

    /// The same policies with nothing behind them: breakers closed, bulkheads empty.
    pub fn renewed(&self) -> Self {
        let new = Self::new(self.timeline.clone());
        let standing = self.lock();
        for (service, breaker) in &standing.breakers {
            new.set_breaker(service, breaker.policy().clone());
        }
        for (name, bulkhead) in &standing.bulkheads {
            new.set_bulkhead(name, bulkhead.policy());
        }
        drop(standing);
        new
    }

    pub fn set_breaker(&self, service: &str, policy: BreakerPolicy) {
        let service: Arc<str> = service.into();
        let breaker = Breaker::new(Arc::clone(&service), policy, self.timeline.clone());
        self.lock().breakers.insert(service, breaker);
    }

    pub fn set_bulkhead(&self, service_or_class: &str, policy: BulkheadPolicy) {
        let bulkhead = Bulkhead::new(policy);
        self.lock()
            .bulkheads
            .insert(service_or_class.into(), bulkhead);
    }

    pub fn breaker_state(&self, service: &str) -> Option<BreakerState> {
        self.lock().breakers.get(service).map(Breaker::state)
    }

    pub fn before(&self, role: &Role) -> Passage {
        let standing = self.lock();
        let bulkhead = |name: &str| standing.bulkheads.get(name).cloned();
        let bulkheads = if standing.bulkheads.is_empty() {
            [None, None]
        } else {
            [
                role.service.class().and_then(bulkhead),
                bulkhead(&role.name),
            ]
        };
        Passage {
            bulkheads,
            breaker: standing.breakers.get(&role.name).cloned(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

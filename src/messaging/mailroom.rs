use super::{DeadLetters, EventBus, OutboxService};
use crate::{
    observability::Timeline,
    services::{Effects, Faults, Registry},
};

/// What takes events from their publishers to their subscribers, as services.
pub(crate) struct Mailroom {
    /// The bus that events go over, unless a service of that name takes its place.
    pub bus: EventBus,
    /// The outbox that events are stored in, unless a service of that name takes its place.
    pub outbox: OutboxService,
}

impl Mailroom {
    /// A bus, an outbox in memory and a dead letter queue, which take part once they are called.
    pub fn new(
        registry: &Registry,
        effects: &Effects,
        faults: &Faults,
        timeline: &Timeline,
    ) -> Self {
        let bus = EventBus::new(timeline.clone(), faults.clone());
        registry.add_on_call(bus.clone());
        let outbox = OutboxService::in_memory(effects.clone());
        registry.add_on_call(outbox.clone());
        registry.add_on_call(DeadLetters::default());
        Self { bus, outbox }
    }
}

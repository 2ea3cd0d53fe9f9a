use std::{
    fmt,
    sync::{Arc, MutexGuard, OnceLock},
};

use super::{FixtureError, FixtureFault, Fixtures, Runs};
use crate::{
    clock::{Clock, Seed},
    domain::{SecurityContext, Violation},
    observability::Timeline,
    orchestration::Inbox,
    resilience::{BreakerPolicy, BreakerState, BudgetPolicy, BulkheadPolicy},
    services::{
        Caller, Client, Directory, Effects, Entities, EntityService, Faults, FileService, Files,
        KeyRules, MockService, Policies, Registry, Service, ServiceDefinition,
    },
};

/// The services that take part in a scenario, their policies, and the client that calls them.
pub struct Cast {
    registry: Registry,
    effects: Effects,
    entities: Entities,
    faults: Faults,
    client: Arc<Client>,
    /// For callers that have policies of their own.
    without_policies: OnceLock<Arc<Client>>,
    directory: Directory,
    files: Files,
    /// Of the runs, once there are any.
    inbox: OnceLock<Inbox>,
    #[cfg(feature = "messaging")]
    pub(super) messaging: crate::messaging::MessagingServices,
}

impl Cast {
    /// An empty cast.
    pub fn new(timeline: Timeline, seed: Seed) -> Self {
        let registry = Registry::default();
        let faults = Faults::default();
        let client = Client::new(registry.clone(), faults.clone(), timeline.clone());
        client.set_seed(seed);
        let directory = Directory::default();
        let effects = Effects::new(timeline.clone());
        Self {
            #[cfg(feature = "messaging")]
            messaging: crate::messaging::MessagingServices::new(
                &registry, &effects, &faults, &timeline,
            ),
            inbox: OnceLock::new(),
            entities: Entities::new(timeline.clock()),
            files: Files::new(directory.clone(), faults.clone(), timeline),
            effects,
            registry,
            faults,
            client: Arc::new(client),
            without_policies: OnceLock::new(),
            directory,
        }
    }

    /// The services in `fixtures/services/<name>.json` of the package, on a clock that starts now.
    ///
    /// Time is virtual where the runtime's time is paused.
    ///
    /// # Errors
    ///
    /// If the file does not exist or is malformed.
    pub fn load(name: &str) -> Result<Self, FixtureError> {
        let cast = Self::new(Timeline::new(Clock::start()), Seed(0));
        cast.add_from(&Fixtures::default(), name)?;
        Ok(cast)
    }

    /// Adds the services in `services/<name>.json`.
    ///
    /// # Errors
    ///
    /// If the file does not exist or is malformed.
    pub fn add_from(&self, fixtures: &Fixtures, name: &str) -> Result<(), FixtureError> {
        let file = fixtures.services(name)?;
        let refused = |error| FixtureError::Faulty(vec![FixtureFault::of_services(name, error)]);
        for definition in &file.services {
            // It was checked when it was loaded.
            self.add_defined(Arc::clone(definition)).map_err(refused)?;
        }
        for (role, permissions) in &file.roles {
            self.grant(role, permissions.clone()).map_err(refused)?;
        }
        Ok(())
    }

    /// An orchestrator that calls these services, with a journal in memory and no workflow yet.
    ///
    /// [`Runs::with_fixtures`] lets its workflows run those of the fixtures.
    pub fn runs(&self) -> Runs {
        let inbox = self.inbox.get_or_init(|| {
            let inbox = Inbox::default();
            #[cfg(feature = "messaging")]
            super::messages::fill(&inbox, self.bus(), self.client.timeline().clock());
            inbox
        });
        let runs = Runs::new(self.client(), self.faults.clone(), inbox.clone());
        #[cfg(feature = "messaging")]
        let runs = runs.with_event_types(self.bus().types().clone());
        runs
    }

    /// The folder in which services keep files.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Adds a service of your own, which replaces none and which none may replace.
    ///
    /// # Errors
    ///
    /// If its name is not valid or another service in the cast has it, or if the operation that probes
    /// its health is none of its operations.
    pub fn add(&self, service: impl Service + 'static) -> Result<(), Violation> {
        self.registry.add_own(service)
    }

    /// Adds a service by its definition: one that keeps entities or files if the definition has such a
    /// section, else one that only answers. It takes the place of a played one of that name.
    ///
    /// # Errors
    ///
    /// As for [`ServiceDefinition::check`], and as for [`Cast::add_bare`].
    pub fn add_defined(
        &self,
        definition: impl Into<Arc<ServiceDefinition>>,
    ) -> Result<(), Violation> {
        let definition = definition.into();
        definition.check_names()?;
        self.registry.check_replaceable(&definition.name)?;
        let effects = self.effects.clone();
        let rules = definition.key_rules();
        let name: Arc<str> = definition.name.as_str().into();
        if let Some(entity) = &definition.entity {
            let entities = self.entities.clone();
            let service = EntityService::new(Arc::clone(&definition), entity, entities, effects)?;
            self.registry.add(service);
        } else if let Some(files) = definition.files.clone() {
            let service = FileService::new(definition, files, self.files.clone(), effects)?;
            self.registry.add(service);
        } else {
            self.registry.add(MockService::new(definition, effects));
        }
        // Of a service that is defined again, the last definition holds.
        if rules != KeyRules::default() || self.effects.has_rules() {
            self.change_key_rules(&name, |own| *own = rules);
        }
        Ok(())
    }

    /// Changes how a service treats the keys of its calls.
    pub(crate) fn change_key_rules(&self, service: &str, change: impl FnOnce(&mut KeyRules)) {
        let rules = self.effects.change_rules(service, change);
        // A service that was removed has no replies to remember.
        let _ = self
            .registry
            .script(service, |script, _| script.set_key_rules(rules));
    }

    /// Adds a service that answers `{}` to any operation, in place of a played one of that name.
    ///
    /// # Errors
    ///
    /// If a service of your own or a read model has the name, or one whose scripted answers were not used yet.
    pub fn add_bare(&self, name: &str) -> Result<(), Violation> {
        self.registry.check_replaceable(name)?;
        self.registry
            .add(MockService::bare(name, self.effects.clone()));
        Ok(())
    }

    /// Guards a service with a breaker.
    pub fn set_breaker(&self, service: &str, policy: BreakerPolicy) {
        self.client.set_breaker(service, policy);
    }

    /// Guards a service or a class with a bulkhead.
    pub fn set_bulkhead(&self, service_or_class: &str, policy: BulkheadPolicy) {
        self.client.set_bulkhead(service_or_class, policy);
    }

    /// Limits what all calls may use together, compensations aside, by a budget that begins now.
    pub fn set_budget(&self, policy: BudgetPolicy) {
        self.client.set_budget(policy);
    }

    /// Gives a security context to all calls from now on, except those of a run that has begun and those that
    /// have one of their own. A run keeps the one that it began with.
    ///
    /// # Errors
    ///
    /// As for [`SecurityContext::check`], and if one of its roles does not exist.
    pub fn set_security(&self, context: SecurityContext) -> Result<(), Violation> {
        self.client.authorisation().set_context(context)
    }

    /// Lets a role grant permissions from now on, in place of those it granted before.
    ///
    /// # Errors
    ///
    /// If one of them has no valid name.
    pub fn grant(&self, role: &str, permissions: Vec<Arc<str>>) -> Result<(), Violation> {
        self.client.authorisation().grant(role, permissions)
    }

    /// Uses this seed for all randomness from now on.
    pub fn set_seed(&self, seed: Seed) {
        self.client.set_seed(seed);
    }

    /// The state of a service's breaker, if it has one.
    pub fn breaker_state(&self, service: &str) -> Option<BreakerState> {
        self.client.breaker_state(service)
    }

    /// A client as in a new process: breakers closed, bulkheads empty; what was used of budgets stays used.
    ///
    /// The services keep their state and their scripts.
    pub fn restart(&mut self) -> Arc<Client> {
        self.client = Arc::new(self.client.restarted());
        Arc::clone(&self.client)
    }

    /// The client.
    pub fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client)
    }

    /// A client without policies, the same for all callers.
    pub(crate) fn client_without_policies(&self) -> Arc<Client> {
        let client = self
            .without_policies
            .get_or_init(|| Arc::new(self.client.without_policies()));
        Arc::clone(client)
    }

    /// Calls the services from code of your own, in the name of `caller`.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
    /// use rehearsal::World;
    /// use serde_json::json;
    ///
    /// let mut world = World::default();
    /// world.cast().add_bare("Payments")?;
    /// world.cast().script("Payments.charge")?.fails_times(1, "RATE_LIMITED")?;
    ///
    /// let orders = world.cast().caller("orders");
    /// let failure = orders.call("Payments.charge", "o-1", json!({ "amount": 20 })).await.unwrap_err();
    /// assert_eq!(&*failure.code, "RATE_LIMITED");
    /// orders.call("Payments.charge", "o-1", json!({ "amount": 20 })).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn caller(&self, caller: &str) -> Caller {
        Caller::new(self.client_without_policies(), caller)
    }

    /// The services.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Timeouts and retries.
    pub fn policies(&self) -> MutexGuard<'_, Policies> {
        self.client.policies()
    }

    /// The effects of played services, and which are undone.
    pub fn effects(&self) -> &Effects {
        &self.effects
    }

    /// The entities that services keep.
    pub fn entities(&self) -> &Entities {
        &self.entities
    }

    /// The files that services keep, and how the disk fails.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Waits until no handler is at work on events that calls have set going.
    pub async fn idle(&self) {
        #[cfg(feature = "messaging")]
        self.messaging.bus.activity().idle().await;
    }

    /// The declared faults.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}

impl fmt::Debug for Cast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cast").field(&self.registry).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::observability::EventKind;

    fn cast() -> Cast {
        let cast = Cast::new(Timeline::new(Clock::start()), Seed(0));
        let definition = json!({
            "name": "Payments",
            "operations": { "charge": {}, "refund": { "undoes": "charge" } }
        });
        let definition: ServiceDefinition = serde_json::from_value(definition).unwrap();
        cast.add_defined(definition).unwrap();
        cast
    }

    #[tokio::test(start_paused = true)]
    async fn caller_repeats_and_undoes_a_call_by_its_key() {
        let cast = cast();
        let orders = cast.caller("orders");
        for (call, key) in [
            ("Payments.charge", "o-1"),
            ("Payments.charge", "o-1"),
            ("Payments.charge", ""),
            ("Payments.charge", ""),
            ("Payments.refund", "o-1"),
        ] {
            orders.call(call, key, json!({})).await.unwrap();
        }
        let effects: Vec<String> = cast.client().timeline().read(|events| {
            let effect = |kind: &EventKind| match kind {
                EventKind::Effect { call, key } => Some(format!("{call} {key}")),
                _ => None,
            };
            let effects = events.iter().filter_map(|event| effect(&event.kind));
            effects.collect()
        });
        let once = "Payments.charge o-1";
        let keyless = "Payments.charge ";
        assert_eq!(
            effects,
            [once, keyless, keyless, "Payments.refund o-1:undo"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn caller_has_no_policies_but_its_own() {
        let cast = cast();
        cast.policies().every.timeout = Some(Duration::from_secs(1));
        cast.policies().retry("Payments.charge".parse().unwrap(), 3);
        let orders = cast.caller("orders");
        let charge = || orders.call("Payments.charge", "o-1", json!({}));
        let script = cast.script("Payments.charge").unwrap();
        script.fails_times(1, "SERVICE_UNAVAILABLE").unwrap();
        assert_eq!(charge().await.unwrap_err().executions, 1);
        cast.script("Payments.charge").unwrap().hangs();
        let hour = Duration::from_secs(60 * 60);
        assert!(tokio::time::timeout(hour, charge()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn caller_of_an_unknown_name_is_told_the_nearest() {
        for (call, expected) in [
            ("Payment.charge", "did you mean \"Payments\"?"),
            ("Payments.chrage", "did you mean \"charge\"?"),
            ("charge", "expected \"Service.operation\""),
        ] {
            let result = cast().caller("orders").call(call, "", json!({})).await;
            let failure = result.unwrap_err().to_string();
            assert!(failure.contains(expected), "{failure}");
        }
    }
}

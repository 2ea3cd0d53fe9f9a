use std::{
    collections::HashSet,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Map, Value, json};

use super::{
    aggregate::{CONFIGURATION, CONFIGURATIONS, ConfigurationAggregate},
    definition::{ConfigurationRules, ConfigurationsDefinition, check_service, input},
    history::{History, document},
};
use crate::{
    cqrs::{CommandHandler, ProjectionDefinition, Projector, StreamId},
    domain::{Call, Failure, Key, KeySubject, Locked, Violation, code, from_value},
    orchestration::{Orchestrator, Plan, RunError, Workflow},
    services::{Client, ServiceDefinition},
};

/// The greatest version of a configuration that exists from the start.
const MAX_VERSION: u64 = 1_000;

/// What runs workflows for a service of configurations.
#[derive(Clone)]
pub struct WorkflowEngine {
    /// The orchestrator, another after a restart.
    pub orchestrator: Arc<Locked<Orchestrator>>,
    /// Finds a workflow by its id.
    pub find: Arc<FindWorkflow>,
    /// Plans a workflow.
    pub plan: Arc<PlanWorkflow>,
}

type FindWorkflow = dyn Fn(&str) -> Result<Arc<Workflow>, String> + Send + Sync;
type PlanWorkflow = dyn Fn(&Arc<Workflow>) -> Result<Arc<Plan>, RunError> + Send + Sync;

/// The configurations that a service keeps, as events in the event store.
pub struct Configurations {
    pub(super) service: Arc<ServiceDefinition>,
    pub(super) rules: ConfigurationRules,
    pub(super) client: Arc<Client>,
    pub(super) commands: Arc<CommandHandler>,
    pub(super) projector: Arc<Projector>,
    pub(super) engine: WorkflowEngine,
    /// Numbers the commands of calls that no key tells from others.
    unkeyed: AtomicU64,
    /// The keys under which something was done.
    done: Locked<HashSet<Key>>,
}

impl Configurations {
    /// The configurations of a service, by its definition and by theirs.
    ///
    /// Must be called on a runtime.
    ///
    /// # Errors
    ///
    /// If the definition is not valid, the service has no operations for them, or another one keeps
    /// configurations.
    pub fn new(
        service: Arc<ServiceDefinition>,
        definition: &ConfigurationsDefinition,
        client: Arc<Client>,
        commands: Arc<CommandHandler>,
        projector: Arc<Projector>,
        engine: WorkflowEngine,
    ) -> Result<Self, Violation> {
        check_service(&service)?;
        let rules = ConfigurationRules::new(definition, &service.name)?;
        commands.add(Arc::new(ConfigurationAggregate {
            rules: rules.clone(),
        }))?;
        projector.define(&projection()?)?;
        Ok(Self {
            service,
            rules,
            client,
            commands,
            projector,
            engine,
            unkeyed: AtomicU64::new(0),
            done: Locked::default(),
        })
    }

    /// Knows what those did that these replace.
    pub fn continue_after(&self, former: &Self) {
        let number = former.unkeyed.load(Ordering::Relaxed);
        self.unkeyed.store(number, Ordering::Relaxed);
        let done = former.done.lock().clone();
        self.done.lock().extend(done);
    }

    /// The events of a configuration.
    pub fn stream(id: &str) -> StreamId {
        StreamId::new(CONFIGURATION, id)
    }

    /// The name of the service.
    pub fn service(&self) -> &str {
        &self.service.name
    }

    /// Adds a configuration as if it had existed from the start.
    ///
    /// One with a version has that many events.
    ///
    /// # Errors
    ///
    /// If it has no valid version, breaks the schema, or exists already.
    pub async fn add(&self, fields: Map<String, Value>) -> Result<(), Box<Failure>> {
        let fields = Value::Object(fields);
        let version = input(&fields)?.number("version")?.unwrap_or(1);
        if !(1..=MAX_VERSION).contains(&version) {
            let message = format!("expected a version from 1 to {MAX_VERSION}, found {version}");
            let failure = Failure::new(code::VALIDATION_FAILED, message);
            return Err(Box::new(failure.field("version")));
        }
        let created = self.create(&self.next_command(), &fields).await?;
        let id = created
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        for _ in 1..version {
            self.update(&self.next_command(), &json!({ "id": id }))
                .await?;
        }
        Ok(())
    }

    /// The id of the command of a call: that of every repetition, as long as the service is to act once per key.
    pub(super) fn command_of(&self, key: Option<&Key>) -> Arc<str> {
        // What is to be done again under a key is another command: the service is not idempotent, or has
        // forgotten the key.
        let is_first = |key: &&Key| !key.subject().is_missing() && !self.done.lock().contains(*key);
        match key.filter(is_first) {
            None => self.next_command(),
            Some(Key::Do(subject)) => command_text(subject).into(),
            Some(Key::Undo(subject)) => format!("{}:undo", command_text(subject)).into(),
        }
    }

    /// Something was done under a key.
    pub(super) fn note_done(&self, key: Option<&Key>) {
        self.done.lock().extend(key.cloned());
    }

    /// The id of a command that no call has a key for.
    pub(super) fn next_command(&self) -> Arc<str> {
        let number = self.unkeyed.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{}/{number}", self.service.name).into()
    }

    /// All versions of a configuration, whether it exists or not.
    pub(super) async fn history(&self, id: &str) -> Result<History, Box<Failure>> {
        let stream = Self::stream(id);
        let (events, state) = self.commands.events_and_state(&stream).await?;
        History::read(&state, &events)
    }

    /// The configurations of the read model, by id.
    pub(super) async fn read_all(&self) -> Result<Map<String, Value>, Box<Failure>> {
        let queried = self.projector.query(self.service(), CONFIGURATIONS, None);
        let reply = Arc::unwrap_or_clone(queried.await?.value);
        match reply {
            Value::Object(mut reply) => match reply.shift_remove("data") {
                Some(Value::Object(all)) => Ok(all),
                _ => Ok(Map::new()),
            },
            _ => Ok(Map::new()),
        }
    }

    /// A configuration of the read model, or null.
    pub(super) async fn read(&self, id: &str) -> Result<Value, Box<Failure>> {
        let queried = self
            .projector
            .query(self.service(), CONFIGURATIONS, Some(id));
        let reply = queried.await?.value;
        Ok(reply.get("data").cloned().unwrap_or_default())
    }

    /// A configuration as a create would make it.
    pub(super) fn draft(id: &str, fields: &Map<String, Value>) -> Map<String, Value> {
        document(id, fields, None, 1)
    }

    /// A failure of another call, as that of a call to this service.
    pub(super) fn caused_by(&self, call: &Call, failure: Box<Failure>) -> Box<Failure> {
        if failure.service.is_none() || failure.service.as_deref() == Some(self.service()) {
            return Box::new(failure.at(call.name()));
        }
        let mut own = failure.clone();
        own.message = match failure.origin() {
            Some(origin) => format!("{origin}: {}", failure.message),
            None => failure.message.clone(),
        };
        own.causes = vec![*failure];
        Box::new(own.at(call.name()))
    }
}

/// The id of the command that a key stands for.
pub(super) fn command_text(subject: &KeySubject) -> String {
    // Over HTTP, the operation and the key are two lines.
    subject.text.replace('\n', "/")
}

/// The projection of all configurations, each as its last event has it.
fn projection() -> Result<ProjectionDefinition, Violation> {
    let set = json!({ "changes": [{ "set": "", "to": "${/event/data/configuration}" }] });
    from_value(&json!({
        "name": CONFIGURATIONS,
        "handles": {
            "ConfigurationCreated": set,
            "ConfigurationUpdated": set,
            "ConfigurationRolledBack": set,
            "ConfigurationStageChanged": set,
            "ConfigurationDeleted": { "changes": [{ "remove": "" }] },
        },
    }))
}

impl fmt::Debug for Configurations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Configurations")
            .field(&self.service.name)
            .finish()
    }
}

use std::{num::NonZeroU64, sync::Arc};

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Aggregate, Command, Decision, DomainEvent, unknown_event};
use crate::{
    cqrs::{
        document_change::{DocumentChange, check_references},
        upcasts::Upcasts,
    },
    domain::{
        Failure, JsonSchema, Violation, check_code, code, did_you_mean, json_digest, pointer_token,
        resolve,
    },
    resilience::Retry,
};

/// A type of aggregates as data.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AggregateDefinition {
    /// The name of the type, without `/`, `.` and `#`.
    pub name: Arc<str>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The state before the first event; `{}` by default.
    #[serde(default = "empty")]
    pub initial: Arc<Value>,
    /// How many events there are between snapshots; no snapshots by default.
    #[serde(default)]
    pub snapshot_every: Option<NonZeroU64>,
    /// How often and after which delays a command is decided anew after a conflict with another one;
    /// by default as for all aggregates.
    #[serde(default)]
    pub decided_anew: Option<Retry>,
    /// The commands, by type.
    pub commands: IndexMap<String, CommandDefinition>,
    /// The changes to the state by each type of event.
    pub events: IndexMap<String, Vec<DocumentChange>>,
    /// How older events are lifted.
    #[serde(default)]
    pub upcasts: Upcasts,
    /// Conditions on the state after a command; if one does not hold, the command is refused.
    #[serde(default)]
    pub invariants: Vec<RuleDefinition>,
}

/// A command as data.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CommandDefinition {
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The JSON Schema of its payload; any payload by default.
    #[serde(default)]
    pub payload: Option<Value>,
    /// Conditions on the command and the state before it; the first that does not hold refuses it.
    #[serde(default)]
    pub refuse: Vec<RuleDefinition>,
    /// Its events, in order.
    #[serde(default)]
    pub emits: Vec<EmittedEvent>,
}

/// A condition and how a command is refused if it does not hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RuleDefinition {
    /// A JSON Schema over `{ "state", "command" }`.
    pub unless: Value,
    /// The code of the refusal, in UPPER_SNAKE case.
    pub code: String,
    /// The message of the refusal.
    pub message: String,
}

/// An event that a command emits.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EmittedEvent {
    /// The type of the event.
    pub event: Arc<str>,
    /// Its data, which may refer to `${/command/…}` and `${/state/…}`; `{}` by default.
    #[serde(default = "empty")]
    pub data: Arc<Value>,
}

fn empty() -> Arc<Value> {
    Arc::new(Value::Object(Map::new()))
}

/// A type of aggregates that decides and changes as its definition says.
#[derive(Debug)]
pub struct DefinedAggregate {
    definition: AggregateDefinition,
    /// A digest of what makes its state of events.
    revision: Arc<str>,
    /// In the order of the definition's commands.
    commands: Vec<CommandSchemas>,
    invariants: Vec<JsonSchema>,
}

#[derive(Debug)]
struct CommandSchemas {
    payload: Option<JsonSchema>,
    refuse: Vec<JsonSchema>,
}

impl DefinedAggregate {
    /// Compiles a definition.
    ///
    /// # Errors
    ///
    /// If a code is not valid, a schema does not compile, a command emits an event that
    /// the aggregate does not have or lifts one, or a template refers to an unknown name.
    pub fn new(definition: AggregateDefinition) -> Result<Self, Violation> {
        let mut commands = Vec::new();
        for (name, command) in &definition.commands {
            let within = format!("/commands/{}", pointer_token(name));
            let payload = match &command.payload {
                Some(schema) => Some(compile(schema, &format!("{within}/payload"))?),
                None => None,
            };
            let refuse = compile_rules(&command.refuse, &format!("{within}/refuse"))?;
            for (index, emission) in command.emits.iter().enumerate() {
                let within = format!("{within}/emits/{index}");
                if !definition.events.contains_key(&*emission.event) {
                    let hint = did_you_mean(
                        &emission.event,
                        definition.events.keys().map(String::as_str),
                    );
                    let message = format!(
                        "{} has no event {:?}: {hint}",
                        definition.name, emission.event
                    );
                    return Err(Violation::new(format!("{within}/event"), message));
                }
                check_references(&emission.data, &["command", "state"])
                    .map_err(|fault| fault.within(&format!("{within}/data")))?;
            }
            commands.push(CommandSchemas { payload, refuse });
        }
        for (name, changes) in &definition.events {
            if let Some(index) = changes.iter().position(DocumentChange::removes_all) {
                let pointer = format!("/events/{}/{index}", pointer_token(name));
                return Err(Violation::new(
                    pointer,
                    "an aggregate's state cannot be removed",
                ));
            }
        }
        let known = definition.events.keys().map(String::as_str);
        definition.upcasts.check(known)?;
        let invariants = compile_rules(&definition.invariants, "/invariants")?;
        let AggregateDefinition {
            initial,
            events,
            upcasts,
            ..
        } = &definition;
        let fold = json!({"initial": initial, "events": events, "upcasts": upcasts});
        Ok(Self {
            revision: json_digest(&fold),
            definition,
            commands,
            invariants,
        })
    }
}

fn compile_rules(rules: &[RuleDefinition], within: &str) -> Result<Vec<JsonSchema>, Violation> {
    let one = |(index, rule): (usize, &RuleDefinition)| {
        check_code(&rule.code)
            .map_err(|message| Violation::new(format!("{within}/{index}/code"), message))?;
        compile(&rule.unless, &format!("{within}/{index}/unless"))
    };
    rules.iter().enumerate().map(one).collect()
}

fn compile(schema: &Value, at: &str) -> Result<JsonSchema, Violation> {
    JsonSchema::compile(schema)
        .map_err(|error| Violation::new(format!("{at}{}", error.pointer), error.message))
}

impl Aggregate for DefinedAggregate {
    fn name(&self) -> &str {
        &self.definition.name
    }

    fn commands(&self) -> Vec<&str> {
        let commands = self.definition.commands.keys();
        commands.map(String::as_str).collect()
    }

    fn events(&self) -> Option<Vec<&str>> {
        let events = self.definition.events.keys();
        Some(events.map(String::as_str).collect())
    }

    fn snapshot_every(&self) -> Option<NonZeroU64> {
        self.definition.snapshot_every
    }

    fn decided_anew(&self) -> Option<Retry> {
        self.definition.decided_anew
    }

    fn revision(&self) -> &str {
        &self.revision
    }

    fn event_version(&self, kind: &str) -> u64 {
        self.definition.upcasts.version(kind)
    }

    fn upcast(&self, event: &mut DomainEvent, version: u64) -> Result<(), Box<Failure>> {
        let upcasts = &self.definition.upcasts;
        upcasts.lift(&event.kind, version, &mut event.data)
    }

    fn initial(&self) -> Arc<Value> {
        Arc::clone(&self.definition.initial)
    }

    fn decide(&self, state: &Arc<Value>, command: &Command) -> Decision {
        let definition = &self.definition;
        let Some((index, _, own)) = definition.commands.get_full(&*command.kind) else {
            return Err(unknown_command(&command.kind, self.commands()));
        };
        let schemas = &self.commands[index];
        if let Some(schema) = &schemas.payload
            && let Some(fault) = schema.faults(&command.payload).into_iter().next()
        {
            let message = format!("the payload's {:?}: {}", fault.pointer, fault.message);
            return Err(Box::new(
                Failure::new(code::VALIDATION_FAILED, message).field(fault.pointer),
            ));
        }
        let command = Arc::new(serde_json::to_value(command).unwrap_or(Value::Null));
        check_rules(&own.refuse, &schemas.refuse, state, &command)?;
        let mut events = Vec::with_capacity(own.emits.len());
        for emission in &own.emits {
            let data = resolve(&emission.data, &|name| match name {
                "state" => Some(state),
                "command" => Some(&command),
                _ => None,
            })?;
            events.push(DomainEvent::new(Arc::clone(&emission.event), data));
        }
        if !definition.invariants.is_empty() {
            let mut after = Arc::clone(state);
            for event in &events {
                self.apply(&mut after, event)?;
            }
            check_rules(&definition.invariants, &self.invariants, &after, &command)?;
        }
        Ok(events)
    }

    fn apply(&self, state: &mut Arc<Value>, event: &DomainEvent) -> Result<(), Box<Failure>> {
        let Some(changes) = self.definition.events.get(&*event.kind) else {
            let known = self.definition.events.keys().map(String::as_str);
            return Err(unknown_event(self.name(), &event.kind, known));
        };
        let event = json!({"type": &*event.kind, "data": &*event.data});
        for change in changes {
            change.apply(state, &event)?;
        }
        Ok(())
    }
}

fn check_rules(
    definitions: &[RuleDefinition],
    schemas: &[JsonSchema],
    state: &Arc<Value>,
    command: &Arc<Value>,
) -> Result<(), Box<Failure>> {
    if definitions.is_empty() {
        return Ok(());
    }
    let instance = json!({"state": &**state, "command": &**command});
    for (rule, schema) in definitions.iter().zip(schemas) {
        if !schema.faults(&instance).is_empty() {
            return Err(Box::new(Failure::new(&rule.code, rule.message.as_str())));
        }
    }
    Ok(())
}

/// The failure of a command that no aggregate has, with the nearest type that one has.
pub(super) fn unknown_command<'a>(
    kind: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Box<Failure> {
    let hint = did_you_mean(kind, known);
    let message = format!("no aggregate has a command {kind:?}: {hint}");
    Box::new(Failure::new(code::UNKNOWN_COMMAND_TYPE, message).field(kind))
}

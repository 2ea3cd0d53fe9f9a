use std::{fmt, num::NonZeroU64, sync::Arc};

use serde_json::{Value, json};

use super::{
    AggregateDefinition, AggregateState, AggregateType, Change, Command, Decision, DomainEvent,
    RuleDefinition, change::check_references, unknown_event,
};
use crate::domain::{
    Failure, JsonSchema, Violation, code, did_you_mean, is_code, pointer_token, resolve,
};

/// A type of aggregates that decides and changes as its definition says.
#[derive(Clone)]
pub struct DefinedAggregate {
    rules: Arc<Rules>,
}

struct Rules {
    definition: AggregateDefinition,
    /// In the order of the definition's commands.
    commands: Vec<CommandRules>,
    invariants: Vec<JsonSchema>,
}

struct CommandRules {
    payload: Option<JsonSchema>,
    refuse: Vec<JsonSchema>,
}

struct DefinedState {
    rules: Arc<Rules>,
    state: Arc<Value>,
}

impl DefinedAggregate {
    /// A type of aggregates by its definition.
    ///
    /// # Errors
    ///
    /// If the name cannot be one, a schema does not compile, a code is none, an event that a command
    /// comes to is not one of the aggregate's, or a template refers to what is not there.
    pub fn new(definition: AggregateDefinition) -> Result<Self, Violation> {
        if definition.name.is_empty() || definition.name.contains(['/', '.', '#']) {
            let message = format!(
                "{:?} names no aggregate: it is not empty and has no \"/\", \".\" or \"#\"",
                definition.name
            );
            return Err(Violation::new("/name", message));
        }
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
                    .map_err(|message| Violation::new(format!("{within}/data"), message))?;
            }
            commands.push(CommandRules { payload, refuse });
        }
        for (name, changes) in &definition.events {
            if let Some(index) = changes.iter().position(Change::removes_all) {
                let pointer = format!("/events/{}/{index}", pointer_token(name));
                return Err(Violation::new(
                    pointer,
                    "an aggregate's state cannot be removed",
                ));
            }
        }
        let invariants = compile_rules(&definition.invariants, "/invariants")?;
        Ok(Self {
            rules: Arc::new(Rules {
                definition,
                commands,
                invariants,
            }),
        })
    }
}

fn compile_rules(rules: &[RuleDefinition], within: &str) -> Result<Vec<JsonSchema>, Violation> {
    let one = |(index, rule): (usize, &RuleDefinition)| {
        if !is_code(&rule.code) {
            let message = format!("{:?} is no code, expected UPPER_SNAKE case", rule.code);
            return Err(Violation::new(format!("{within}/{index}/code"), message));
        }
        compile(&rule.unless, &format!("{within}/{index}/unless"))
    };
    rules.iter().enumerate().map(one).collect()
}

fn compile(schema: &Value, at: &str) -> Result<JsonSchema, Violation> {
    JsonSchema::compile(schema)
        .map_err(|error| Violation::new(format!("{at}{}", error.pointer), error.message))
}

impl fmt::Debug for DefinedAggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DefinedAggregate")
            .field(&self.rules.definition.name)
            .finish()
    }
}

impl AggregateType for DefinedAggregate {
    fn name(&self) -> &str {
        &self.rules.definition.name
    }

    fn commands(&self) -> Vec<&str> {
        let commands = self.rules.definition.commands.keys();
        commands.map(String::as_str).collect()
    }

    fn events(&self) -> Option<Vec<&str>> {
        let events = self.rules.definition.events.keys();
        Some(events.map(String::as_str).collect())
    }

    fn snapshot_every(&self) -> Option<NonZeroU64> {
        self.rules.definition.snapshot_every
    }

    fn begin(&self) -> Box<dyn AggregateState> {
        Box::new(DefinedState {
            rules: Arc::clone(&self.rules),
            state: Arc::clone(&self.rules.definition.initial),
        })
    }

    fn restore(&self, state: &Value) -> Result<Box<dyn AggregateState>, Box<Failure>> {
        Ok(Box::new(DefinedState {
            rules: Arc::clone(&self.rules),
            state: Arc::new(state.clone()),
        }))
    }
}

impl AggregateState for DefinedState {
    fn decide(&self, command: &Command) -> Decision {
        let definition = &self.rules.definition;
        let Some((index, _, own)) = definition.commands.get_full(&*command.kind) else {
            return Err(unknown_command(
                &command.kind,
                definition.commands.keys().map(String::as_str),
            ));
        };
        let rules = &self.rules.commands[index];
        if let Some(schema) = &rules.payload
            && let Some(fault) = schema.faults(&command.payload).into_iter().next()
        {
            let message = format!("the payload's {:?}: {}", fault.pointer, fault.message);
            return Err(Box::new(
                Failure::new(code::VALIDATION_FAILED, message).field(fault.pointer),
            ));
        }
        let command = Arc::new(serde_json::to_value(command).unwrap_or(Value::Null));
        check_rules(&own.refuse, &rules.refuse, &self.state, &command)?;
        let mut events = Vec::with_capacity(own.emits.len());
        for emission in &own.emits {
            let data = resolve(&emission.data, &|name| match name {
                "state" => Some(&self.state),
                "command" => Some(&command),
                _ => None,
            })?;
            events.push(DomainEvent::new(Arc::clone(&emission.event), data));
        }
        if !definition.invariants.is_empty() {
            let mut after = Self {
                rules: Arc::clone(&self.rules),
                state: Arc::clone(&self.state),
            };
            for event in &events {
                after.apply(event)?;
            }
            check_rules(
                &definition.invariants,
                &self.rules.invariants,
                &after.state,
                &command,
            )?;
        }
        Ok(events)
    }

    fn apply(&mut self, event: &DomainEvent) -> Result<(), Box<Failure>> {
        let definition = &self.rules.definition;
        let Some(changes) = definition.events.get(&*event.kind) else {
            let known = definition.events.keys().map(String::as_str);
            return Err(unknown_event(&definition.name, &event.kind, known));
        };
        let event = json!({"type": &*event.kind, "data": &*event.data});
        for change in changes {
            change.apply(&mut self.state, &event)?;
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Arc<Value>, Box<Failure>> {
        Ok(Arc::clone(&self.state))
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
    let scene = json!({"state": &**state, "command": &**command});
    for (rule, schema) in definitions.iter().zip(schemas) {
        if !schema.faults(&scene).is_empty() {
            return Err(Box::new(Failure::new(&rule.code, rule.message.as_str())));
        }
    }
    Ok(())
}

/// The failure of a command that nobody decides, with the nearest type that somebody does.
pub(super) fn unknown_command<'a>(
    kind: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Box<Failure> {
    let hint = did_you_mean(kind, known);
    let message = format!("no aggregate has a command {kind:?}: {hint}");
    Box::new(Failure::new(code::UNKNOWN_COMMAND_TYPE, message).field(kind))
}

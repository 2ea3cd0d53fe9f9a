use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    crew::{Crew, CrewDefinition},
    failures::CODES,
    tools::Tools,
};
use crate::{
    domain::{Call, CallName, Failure, Reply},
    observability::TaskEvent,
    services::{CallResult, CodeDefinition, EffectDecision, Effects, Service},
};

/// How a service keeps tasks.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TasksDefinition {
    /// Whether they are in a file, which outlives the server; else in memory.
    #[serde(default)]
    pub file: bool,
    /// What is called before the server shuts down, in this order.
    #[serde(default)]
    pub callbacks: Vec<CallName>,
    /// Who works on the tasks; nobody unless given.
    #[serde(default)]
    pub workers: Option<CrewDefinition>,
}

/// The tools of a server of tasks as a service: an operation each.
///
/// A call with a key acts once, also one that waited for the connection of its client. To undo, an operation
/// does what it does, if there is something to undo.
#[derive(Clone)]
pub struct TaskService {
    name: Arc<str>,
    tools: Tools,
    crew: Option<Arc<Crew>>,
    effects: Effects,
    codes: Arc<[(&'static str, CodeDefinition)]>,
}

impl TaskService {
    /// The service of tools.
    pub fn new(name: &str, tools: Tools, crew: Option<Crew>, effects: Effects) -> Self {
        let codes = CODES.map(|(code, mode, retryable)| {
            let definition = CodeDefinition {
                mode: Some(mode),
                retryable: Some(retryable),
                ..CodeDefinition::default()
            };
            (code, definition)
        });
        Self {
            name: name.into(),
            tools,
            crew: crew.map(Arc::new),
            effects,
            codes: codes.into(),
        }
    }

    /// A client's connection is lost: its requests are kept while the server tries to reconnect.
    ///
    /// Must be called on a runtime. Returns whether the connection was not lost before.
    pub fn lose_connection(&self, client: &str) -> bool {
        let client: Arc<str> = client.into();
        let is_lost = self.tools.server().lose_connection(&client);
        if is_lost {
            let own = self.clone();
            tokio::spawn(async move {
                if own.tools.server().reconnect(&client).await {
                    own.replay(&client).await;
                }
            });
        }
        is_lost
    }

    /// A client can be reached again, which the next try to reconnect finds. Returns whether its connection
    /// is lost.
    pub fn reach_client(&self, client: &str) -> bool {
        self.tools.server().connections.reach(client)
    }

    /// Handles what was buffered, in order.
    async fn replay(&self, client: &Arc<str>) {
        while let Some(call) = self.tools.server().next_buffered(client) {
            let handled = self.handle(&call, client).await;
            let result = match handled {
                Ok(_) => "ok".into(),
                Err(failure) => failure.code,
            };
            self.tools.server().observe(TaskEvent::RequestReplayed {
                client: Arc::clone(client),
                tool: call.name().operation().into(),
                result,
            });
        }
    }

    /// Acts once per key.
    async fn act(
        &self,
        call: &Call,
        client: &Arc<str>,
        tool: &str,
        input: &Value,
    ) -> Result<Arc<Value>, Box<Failure>> {
        let is_restart = tool == Tools::RESTART;
        let crew = self.crew.as_ref().filter(|_| tool == "plan_task");
        // What follows takes time.
        if is_restart || crew.is_some() {
            match (self.effects.decide(call), crew) {
                (Err(settled), _) => return settled,
                (Ok(EffectDecision::Nothing), _) => {}
                (Ok(_), Some(crew)) => crew.check_service(&self.name).await?,
                (Ok(_), None) => {
                    let reply = Arc::new(self.tools.call(client, tool, input).await?);
                    return self.effects.once(call, |_| Ok(reply));
                }
            }
        }
        self.effects.once(call, |decision| match decision {
            EffectDecision::Nothing => Ok(Reply::empty().value),
            EffectDecision::Act | EffectDecision::Undo => {
                self.tools.call_now(client, tool, input).map(Arc::new)
            }
        })
    }

    async fn handle(&self, call: &Call, client: &Arc<str>) -> Result<Arc<Value>, Box<Failure>> {
        let tool = call.name().operation();
        let input = match call.is_undo() {
            true => undo_input(&call.input),
            false => None,
        };
        let input = input.as_ref().unwrap_or(&call.input);
        let reads_only = Tools::reads_only(tool);
        let handled = match reads_only {
            true => self.tools.call_now(client, tool, input).map(Arc::new),
            false => self.act(call, client, tool, input).await,
        };
        if let Some(crew) = &self.crew
            && (!reads_only || !crew.has_begun())
        {
            crew.dispatch();
        }
        handled
    }
}

#[async_trait]
impl Service for TaskService {
    fn name(&self) -> &str {
        &self.name
    }

    fn operations(&self) -> Option<Vec<&str>> {
        Some(Tools::NAMES.to_vec())
    }

    fn codes(&self) -> Option<Vec<(&str, &CodeDefinition)>> {
        Some(self.codes.iter().map(|(code, own)| (*code, own)).collect())
    }

    async fn call(&self, call: &Call) -> CallResult {
        let security = call.context().security.as_ref();
        let session = security.and_then(|security| security.session.as_ref());
        let client = session.unwrap_or(call.caller());
        let done = match self.tools.server().buffer(client, call) {
            Ok(None) => self.handle(call, client).await,
            Ok(Some(reply)) => Ok(Arc::new(reply)),
            Err(failure) => Err(failure),
        };
        done.map(Reply::new)
            .map_err(|failure| Box::new(failure.at(call.name())))
    }
}

/// What an undo is about that has no input of its own, but what was asked for and answered.
fn undo_input(given: &Value) -> Option<Value> {
    let fields = given.as_object().filter(|fields| fields.len() == 2)?;
    let (input, reply) = (fields.get("input")?, fields.get("reply")?);
    let task = reply.get("task_id").or_else(|| input.get("task_id"))?;
    Some(json!({ "task_id": task }))
}

use std::{path::Path, pin::pin, sync::Arc};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
        ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ServerCapabilities,
        ServerConfig, Tool,
    },
    service::RequestContext,
};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::{MAX_REQUEST, PREFIX, schemas};
use crate::{
    domain::{Failure, code, did_you_mean},
    observability::TaskEvent,
    services::refused,
    tasks::{Tools, lifecycle::RESTART},
};

/// Answers the clients of the tools.
#[derive(Clone, Debug)]
pub struct Door {
    tools: Tools,
    listed: Arc<Vec<Tool>>,
    progress: broadcast::Sender<Progress>,
}

/// How far a shutdown and the restart after it have got, of 100 % each.
#[derive(Clone, Debug)]
struct Progress {
    percent: u8,
    phase: &'static str,
}

impl Door {
    pub fn new(folder: &Path) -> Self {
        // More than there are phases.
        let (progress, _) = broadcast::channel(32);
        let told = progress.clone();
        let tools = super::observed(folder, move |event| {
            if let Some(progress) = Progress::of(event) {
                // Nobody may be interested.
                let _ = told.send(progress);
            }
        });
        Self {
            tools,
            listed: Arc::new(schemas::tools()),
            progress,
        }
    }

    /// Calls a tool, and tells its client of the progress.
    async fn answer(
        &self,
        tool: &str,
        input: &Value,
        context: &RequestContext<RoleServer>,
    ) -> Result<Value, Box<Failure>> {
        let size = input.to_string().len();
        if size > MAX_REQUEST {
            let message = format!("the request has {size} bytes, expected at most {MAX_REQUEST}");
            return Err(refused(code::VALIDATION_FAILED, "", message));
        }
        let client = context.client_info().map(|client| client.name.into());
        let client = client.unwrap_or_else(|| "client".into());
        let mut progress = self.progress.subscribe();
        let mut call = pin!(self.tools.call(&client, tool, input));
        loop {
            tokio::select! {
                biased;
                Ok(reached) = progress.recv() => reached.tell(context).await,
                done = &mut call => {
                    while let Ok(reached) = progress.try_recv() {
                        reached.tell(context).await;
                    }
                    return done;
                }
            }
        }
    }
}

impl Progress {
    fn of(event: &TaskEvent) -> Option<Self> {
        match event {
            TaskEvent::ServerPhase {
                sequence,
                phase,
                progress,
            } if *progress > 0 => {
                let before = if *sequence == RESTART { 100 } else { 0 };
                Some(Self {
                    percent: before + progress,
                    phase,
                })
            }
            _ => None,
        }
    }

    /// Tells a client that asked for it.
    async fn tell(self, context: &RequestContext<RoleServer>) {
        if let Some(token) = context.meta.get_progress_token() {
            let told = ProgressNotificationParam::new(token, self.percent.into())
                .with_total(200.0)
                .with_message(self.phase);
            // Who is gone is told nothing.
            let _ = context.peer.notify_progress(told).await;
        }
    }
}

impl ServerHandler for Door {
    fn get_info(&self) -> ServerConfig {
        let tools = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(tools)
            .with_server_info(Implementation::new("rehearsal", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(Vec::clone(&self.listed)))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.listed.iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let named = self.listed.iter().any(|tool| tool.name == request.name);
        let tool = request.name.strip_prefix(PREFIX).filter(|_| named);
        let Some(tool) = tool else {
            let known = self.listed.iter().map(|tool| &*tool.name);
            let hint = did_you_mean(&request.name, known);
            let message = format!("there is no tool {:?}: {hint}", request.name);
            return Err(ErrorData::invalid_params(message, None));
        };
        let input = Value::Object(request.arguments.unwrap_or_default());
        Ok(match self.answer(tool, &input, &context).await {
            Ok(reply) => CallToolResult::structured(reply).into(),
            Err(failure) => refusal(&failure).into(),
        })
    }
}

/// What a client and its model are told of a failure.
fn refusal(failure: &Failure) -> CallToolResult {
    let at = failure.field.as_deref().filter(|field| !field.is_empty());
    let at = at.map_or_else(String::new, |field| format!(" (field {field:?})"));
    let text = format!("{}: {}{at}", failure.code, failure.message);
    let mut result = CallToolResult::structured_error(json!({
        "code": failure.code,
        "message": failure.message,
        "field": failure.field,
        "retryable": failure.retryable,
    }));
    result.content = vec![ContentBlock::text(text)];
    result
}

const INSTRUCTIONS: &str = "Plan work as tasks, do it, complete it with a summary and artifacts, and put the \
    results of the parts together. Begin with orchestrator_initialize_session; plan a task and its parts with \
    orchestrator_plan_task; begin one with orchestrator_execute_task, which says what to do; end it with \
    orchestrator_complete_task; put the parts together with orchestrator_synthesize_results.";

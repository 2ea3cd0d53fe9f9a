use std::sync::Arc;

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
        ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use serde_json::{Value, json};

use super::{MAX_REQUEST, schemas};
use crate::{
    domain::{Failure, code, did_you_mean},
    services::refused,
    tasks::Tools,
};

/// What the name of each tool begins with, so that a client tells them from those of other servers.
pub const PREFIX: &str = "orchestrator_";

/// Answers the clients of the tools.
#[derive(Clone, Debug)]
pub struct Door {
    tools: Tools,
    listed: Arc<Vec<Tool>>,
}

impl Door {
    pub fn new(tools: Tools) -> Self {
        Self {
            tools,
            listed: Arc::new(schemas::tools()),
        }
    }

    fn answer(&self, client: &str, tool: &str, input: &Value) -> Result<Value, Box<Failure>> {
        let size = input.to_string().len();
        if size > MAX_REQUEST {
            let message = format!("the request has {size} bytes, expected at most {MAX_REQUEST}");
            return Err(refused(code::VALIDATION_FAILED, "", message));
        }
        self.tools.call(&client.into(), tool, input)
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
        let client = context.client_info().map(|client| client.name);
        let client = client.as_deref().unwrap_or("client");
        let input = Value::Object(request.arguments.unwrap_or_default());
        Ok(match self.answer(client, tool, &input) {
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

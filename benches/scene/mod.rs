//! What benches of the engine run: a four-step workflow and an orchestrator of its services.

use std::{hint::black_box, sync::Arc};

use rehearsal::{
    clock::Clock,
    observability::Timeline,
    orchestration::{Crashes, Journal, Orchestrator, Plan, Workflow},
    services::{Client, Effects, Faults, MockService, Registry, ServiceDefinition},
};
use serde_json::json;

/// A workflow of four steps, each with a compensation.
pub fn workflow() -> Workflow {
    serde_json::from_value(json!({
        "id": "createAgent",
        "steps": [
            {"id": "personality", "service": "PersonalityService", "operation": "validate",
             "input": {"personalityId": "${/input/personalityId}"}, "compensation": "rollback"},
            {"id": "role", "service": "RoleService", "operation": "validate",
             "input": {"capabilities": ["analysis"]}, "compensation": "rollback"},
            {"id": "agent", "service": "AgentService", "operation": "create",
             "input": {"name": "a", "personality": "${/personality}"}, "compensation": "rollback"},
            {"id": "file", "service": "FileService", "operation": "create",
             "input": {"path": "agents/a.json"}, "compensation": "delete"},
        ],
    }))
    .expect("the workflow is well-formed")
}

/// The services of the workflow, with this latency, on a new timeline.
pub fn cast(latency: &str) -> (Registry, Timeline) {
    let timeline = Timeline::new(Clock::start());
    let registry = Registry::default();
    let effects = Effects::new(timeline.clone());
    for service in [
        "PersonalityService",
        "RoleService",
        "AgentService",
        "FileService",
    ] {
        let definition: ServiceDefinition = serde_json::from_value(json!({
            "name": service,
            "operations": {
                "validate": {"latency": latency, "reply": {"valid": true, "id": "p-1"}},
                "create": {"latency": latency, "reply": {"id": "a-1"}},
                "rollback": {}, "delete": {},
            },
        }))
        .expect("the definition is well-formed");
        registry.add(MockService::new(definition, effects.clone()));
    }
    (registry, timeline)
}

/// An orchestrator of this cast.
pub fn orchestrator(
    workflow: &Arc<Workflow>,
    (registry, timeline): (Registry, Timeline),
    journal: Arc<dyn Journal>,
) -> (Orchestrator, Arc<Plan>) {
    let client = Arc::new(Client::new(registry, Faults::default(), timeline));
    let plan = Plan::new(workflow, client.registry(), &|id| {
        Err(format!("workflow {id:?} does not exist"))
    });
    let plan = Arc::new(plan.expect("the workflow is sound"));
    let orchestrator = Orchestrator::new(client, journal, Crashes::new(Faults::default()));
    (orchestrator, plan)
}

/// Runs a workflow `times` times, sequentially.
pub async fn run_all(orchestrator: &Orchestrator, plan: &Arc<Plan>, runs: u64) {
    let input = Arc::new(json!({"personalityId": "p-1"}));
    for _ in 0..runs {
        let outcome = orchestrator.run(plan, Arc::clone(&input), None).await;
        black_box(outcome.expect("the workflow runs"));
    }
}

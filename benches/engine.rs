//! Workflows per second: four steps, full timeline, journal in memory, on one core.

use std::{
    hint::black_box,
    sync::{Arc, RwLock},
};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rehearsal::{
    clock::{Clock, Seed},
    observability::Timeline,
    orchestration::{Crashes, MemoryJournal, Orchestrator, Plan, Workflow},
    services::{Client, Effects, Faults, MockService, Policies, Registry},
};
use serde_json::json;

fn workflow() -> Workflow {
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

fn engine(c: &mut Criterion) {
    const RUNS: u64 = 100;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can be built");
    let workflow = Arc::new(workflow());
    let mut group = c.benchmark_group("engine");
    group.throughput(Throughput::Elements(RUNS));
    for latency in ["0ms", "10ms"] {
        group.bench_function(format!("four steps of {latency}"), |b| {
            b.iter(|| {
                runtime.block_on(async {
                    let timeline = Timeline::new(Clock::start());
                    let registry = Registry::default();
                    let effects = Effects::new(timeline.clone());
                    for service in ["PersonalityService", "RoleService", "AgentService", "FileService"] {
                        let definition = serde_json::from_value(json!({
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
                    let client = Arc::new(Client::new(
                        registry,
                        Arc::new(RwLock::new(Policies::default())),
                        Faults::default(),
                        timeline,
                        Seed(0),
                    ));
                    let plan = Plan::new(Arc::clone(&workflow), client.registry());
                    let plan = Arc::new(plan.expect("the workflow is sound"));
                    let orchestrator = Orchestrator::new(
                        client,
                        Arc::new(MemoryJournal::default()),
                        Crashes::new(Faults::default()),
                    );
                    let input = Arc::new(json!({"personalityId": "p-1"}));
                    for _ in 0..RUNS {
                        let outcome = orchestrator.run(&plan, Arc::clone(&input), None).await;
                        black_box(outcome.expect("the workflow runs"));
                    }
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, engine);
criterion_main!(benches);

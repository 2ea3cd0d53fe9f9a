//! What the client adds to a call: the full path, with every guard, beside the bare service.
//!
//! `cargo bench --bench client`. It fails above its limit.

#[path = "scene/median.rs"]
mod median;
#[path = "scene/runtime.rs"]
mod runtime;

use std::{
    hint::black_box,
    num::NonZeroU32,
    process::ExitCode,
    time::{Duration, Instant},
};

use rehearsal::{
    clock::Clock,
    domain::{Call, CallName},
    observability::Timeline,
    resilience::{BreakerPolicy, BulkheadPolicy, Retry},
    services::{
        CallPolicy, Client, Effects, Executions, Faults, MockService, Registry, Response, Service,
        ServiceDefinition,
    },
};
use serde_json::json;

use self::{median::median, runtime::runtime};

/// Calls of one measurement.
const CALLS: u32 = 2_000;
/// Measurements of each kind; both alternate, so that other load on the machine affects both.
const ROUNDS: usize = 21;
/// Maximum duration of a call through the client, in bare calls.
const AT_MOST: f64 = 150.0;

fn main() -> ExitCode {
    let runtime = runtime();
    let (mut bare, mut full) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(runtime.block_on(bare_calls()));
        full.push(runtime.block_on(full_calls()));
    }
    let (bare, full) = (median(bare, Ord::cmp), median(full, Ord::cmp));
    let ratio = full.as_secs_f64() / bare.as_secs_f64();
    println!(
        "a bare call {bare:?}, through the full client {full:?}: {ratio:.0} times as long (at most {AT_MOST})"
    );
    ExitCode::from(u8::from(ratio > AT_MOST))
}

fn service(timeline: &Timeline) -> MockService {
    let definition: ServiceDefinition = serde_json::from_value(json!({
        "name": "AgentService",
        "operations": {"get": {"kind": "get", "reply": {"id": "a-1", "name": "Ada", "version": 3}}},
    }))
    .expect("the definition is well-formed");
    MockService::new(definition, Effects::new(timeline.clone()))
}

fn call() -> Call {
    let input = json!({"agentId": "a-1", "fields": ["name", "version"]});
    Call::new(Call::SCENARIO, CallName::new("AgentService", "get"), input)
}

async fn bare_calls() -> Duration {
    let timeline = Timeline::new(Clock::start());
    let service = service(&timeline);
    let call = call();
    let began = Instant::now();
    for _ in 0..CALLS {
        black_box(service.call(black_box(&call)).await).expect("the service answers");
    }
    began.elapsed() / CALLS
}

async fn full_calls() -> Duration {
    let timeline = Timeline::new(Clock::start());
    let registry = Registry::default();
    registry.add(service(&timeline));
    let faults = Faults::default();
    // Never reached, but payloads that may be corrupted get checksums from the first call on.
    let far: Executions = "4000000000-".parse().expect("these are executions");
    let fault = faults.declare("a corrupted reply", "nowhere");
    let armed = registry.script("AgentService", |script, _| {
        script.answers("get", [(far, Response::Corrupt.into(), Some(fault))]);
    });
    armed.expect("the service is there");
    let client = Client::new(registry, faults, timeline);
    let breaker = BreakerPolicy::preset("agent-service").expect("the preset is known");
    client.set_breaker("AgentService", breaker);
    let bulkhead = BulkheadPolicy {
        max_concurrent_calls: NonZeroU32::new(10).expect("10 is not zero"),
        queue_size: Some(10),
    };
    client.set_bulkhead("AgentService", bulkhead);
    let policy = CallPolicy {
        timeout: Some(Duration::from_secs(5)),
        retry: Some(Retry::up_to(3).into()),
        ..CallPolicy::default()
    };
    let call = call();
    let began = Instant::now();
    for _ in 0..CALLS {
        black_box(client.call(black_box(&call), &policy, None).await).expect("the service answers");
    }
    began.elapsed() / CALLS
}

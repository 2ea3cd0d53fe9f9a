//! The control plane: goals with a plan of four steps and an audit trail, beside the same four steps as a
//! workflow without either, both with their journals in SQLite files.
//!
//! `cargo bench --bench control`. It fails outside its limit.

#[path = "scene/median.rs"]
mod median;
#[path = "scene/runtime.rs"]
mod runtime;

use std::{
    hint::black_box,
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use rehearsal::{
    clock::{Clock, Seed},
    control::{CoordinatorDefinition, Goal, PlanStep},
    domain::CallName,
    harness::{Cast, Runs},
    observability::{AuditTrail, Timeline},
    orchestration::Workflow,
    services::ServiceDefinition,
};
use serde_json::{Value, json};

const RUNS: usize = 500;
const ROUNDS: usize = 5;
/// The rate of goals, as a share of that of workflows.
const AT_LEAST: f64 = 0.3;

const CALLS: [(&str, &str); 4] = [
    ("PersonalityService", "validate"),
    ("RoleService", "validate"),
    ("AgentService", "create"),
    ("FileService", "create"),
];

fn main() -> ExitCode {
    let folder = tempfile::tempdir().expect("a directory can be made");
    let mut shares = Vec::new();
    let mut rates = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let folder = folder.path().join(round.to_string());
        std::fs::create_dir(&folder).expect("a directory can be made");
        let workflows = rate(workflows(&folder));
        let goals = rate(goals(&folder));
        shares.push(goals / workflows);
        rates.0.push(workflows);
        rates.1.push(goals);
    }
    let middle = |figures: Vec<f64>| median::median(figures, f64::total_cmp);
    let share = middle(shares);
    println!(
        "control: {:.0} goals/s with an audit trail, {:.0} workflows/s without: {share:.2} of it (at least {AT_LEAST})",
        middle(rates.1),
        middle(rates.0),
    );
    ExitCode::from(u8::from(share < AT_LEAST))
}

fn rate(took: Duration) -> f64 {
    RUNS as f64 / took.as_secs_f64()
}

fn workflows(folder: &Path) -> Duration {
    runtime::runtime().block_on(async {
        let (_cast, mut runs) = scene(&folder.join("workflows.db"));
        let steps = CALLS
            .iter()
            .enumerate()
            .map(|(index, (service, operation))| {
                json!({
                    "id": format!("step_{}_{operation}", index + 1),
                    "service": service,
                    "operation": operation,
                    "input": input(),
                })
            });
        let workflow: Workflow = serde_json::from_value(json!({
            "id": "createAgent", "onFailure": "keep", "steps": steps.collect::<Vec<_>>(),
        }))
        .expect("the workflow is well-formed");
        runs.declare(Arc::new(workflow)).expect("it is declared");
        let began = Instant::now();
        for _ in 0..RUNS {
            runs.run(json!({}), None, 1).await.expect("it runs");
            black_box(runs.outcome().expect("it has an outcome"));
        }
        began.elapsed()
    })
}

fn goals(folder: &Path) -> Duration {
    runtime::runtime().block_on(async {
        let (cast, runs) = scene(&folder.join("goals.db"));
        let trail = AuditTrail::open(folder.join("audit.db")).expect("an audit trail opens");
        cast.client().timeline().set_audit_trail(Some(trail));
        let definition: CoordinatorDefinition =
            serde_json::from_value(json!({ "workers": [{ "id": "w1" }, { "id": "w2" }] }))
                .expect("the definition is well-formed");
        let coordinator = runs.coordinator(definition).expect("it is valid");
        let steps = CALLS.iter().map(|(service, operation)| PlanStep {
            call: CallName::new(service, operation),
            input: input(),
        });
        let steps: Vec<_> = steps.collect();
        let began = Instant::now();
        for _ in 0..RUNS {
            let goal = Goal::new("Create an agent");
            let outcome = coordinator.pursue(goal, Some(steps.clone())).await;
            let outcome = black_box(outcome.expect("it is pursued"));
            assert!(outcome.error.is_none(), "{outcome:?}");
        }
        began.elapsed()
    })
}

fn input() -> Value {
    json!({ "name": "a", "capabilities": ["analysis"], "path": "agents/a.json" })
}

fn scene(journal: &Path) -> (Cast, Runs) {
    let cast = Cast::new(Timeline::new(Clock::start()), Seed(0));
    for (service, operation) in CALLS {
        let definition: ServiceDefinition = serde_json::from_value(json!({
            "name": service, "operations": { operation: { "reply": { "id": "a-1" } } },
        }))
        .expect("the definition is well-formed");
        cast.add_defined(definition).expect("it is added");
    }
    let mut runs = cast.runs();
    runs.keep_journal_in(journal.to_owned())
        .expect("a journal opens");
    (cast, runs)
}

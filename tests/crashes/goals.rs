//! Random plans of goals that crash, fail, are late and are resumed: each goal completes, in its trace, and
//! nothing is done, decided or charged twice.

use std::{collections::BTreeMap, path::Path};

use futures::future::join_all;
use rehearsal::{
    control::{Coordinator, CoordinatorDefinition, Goal, GoalOutcome, PlanStep},
    domain::LifecycleStage,
    observability::{AuditTrail, AuditType},
};

use super::*;

/// A coordinator, and the plan of all of its goals.
struct DrawnPlan {
    definition: CoordinatorDefinition,
    steps: Vec<PlanStep>,
    /// How often an execution may be repeated.
    repeats: usize,
    /// How many approvals each plan needs.
    approvals: usize,
    goals: usize,
}

/// What is known of the goals at their ends.
struct GoalsReport {
    outcomes: Vec<GoalOutcome>,
    events: Vec<Event>,
    trail: AuditTrail,
    /// The calls that each plan was charged.
    charged: Vec<Value>,
    crashes: usize,
    resumptions: usize,
}

#[test]
fn random_goals_with_crashes_complete_and_repeat_nothing() {
    check_goals(400);
}

#[test]
#[ignore = "takes half a minute"]
fn three_thousand_random_goals_complete_and_repeat_nothing() {
    check_goals(3_000);
}

fn check_goals(seeds: u64) {
    let (mut crashes, mut resumptions) = (0, 0);
    for seed in 0..seeds {
        let plan = draw_plan(seed);
        let report = pursue_random(&plan, seed);
        if let Err(wrong) = verify(&plan, &report) {
            let timeline = timeline_snapshot(&report.events, true);
            panic!("seed {seed}: {wrong}\n{timeline}");
        }
        if seed % 25 == 0 {
            assert_eq!(
                timeline_snapshot(&pursue_random(&plan, seed).events, true),
                timeline_snapshot(&report.events, true),
                "seed {seed} has two timelines"
            );
        }
        crashes += report.crashes;
        resumptions += report.resumptions;
    }
    println!("{crashes} crashes, {resumptions} resumptions");
    assert!(crashes as u64 >= seeds, "only {crashes} crashes");
    assert!(resumptions as u64 >= seeds / 5, "only {resumptions}");
}

fn draw_plan(seed: u64) -> DrawnPlan {
    let mut rng = Seed(seed).part(["plan"]).rng();
    let steps: Vec<PlanStep> = (1..=rng.random_range(1..6))
        .map(|number: usize| PlanStep {
            call: CallName::new("Tools", &format!("use{number}")),
            input: json!({ "number": number }),
        })
        .collect();
    let repeats = if rng.random_bool(0.4) {
        rng.random_range(1..3)
    } else {
        0
    };
    let mut definition = json!({
        "workers": [{ "id": "w1" }, { "id": "w2" }],
        "budget": { "calls": 1000 },
        "onError": if repeats > 0 { "retry" } else { "failFast" },
        "stageRetries": repeats,
    });
    if rng.random_bool(0.3) {
        definition["retry"] = json!({ "maxRetries": 1, "base": "100ms" });
    }
    let mut approvals = 0;
    if rng.random_bool(0.4) {
        let is_of_plan = rng.random_bool(0.5);
        let approved = steps.choose(&mut rng).unwrap().call.as_str();
        definition["approval"] = json!({
            "plan": is_of_plan, "operations": [approved],
            "timeout": "1s", "approveOnTimeout": true,
        });
        approvals = 1 + usize::from(is_of_plan);
    }
    DrawnPlan {
        definition: serde_json::from_value(definition).unwrap(),
        steps,
        repeats,
        approvals,
        goals: rng.random_range(1..4),
    }
}

/// Pursues goals with faults and crashes from the seed; restarts and resumes them until all are complete.
fn pursue_random(plan: &DrawnPlan, seed: u64) -> GoalsReport {
    runtime().block_on(async {
        let mut rng = Seed(seed).part(["crashes"]).rng();
        let folder = tempfile::tempdir().unwrap();
        let mut platform = Platform::new(seed);
        platform.cast.add_bare("Tools").unwrap();
        platform.cast.policies().every.timeout = Some(Duration::from_millis(500));
        if cfg!(feature = "sqlite") && seed % 10 == 7 {
            let journal = folder.path().join("journal.sqlite");
            platform.runs.keep_journal_in(journal).unwrap();
        }
        let trail = audit_trail(folder.path());
        platform.timeline.set_audit_trail(Some(trail.clone()));
        let coordinator = platform.runs.coordinator(plan.definition.clone());
        let coordinator = Arc::new(coordinator.unwrap());
        platform.runs.set_coordinator(Arc::clone(&coordinator));
        draw_faults(&platform, plan, &mut rng);
        draw_crashes(&mut platform.runs, &coordinator, plan, &mut rng);

        let begun: Vec<_> = (0..plan.goals)
            .map(|_| coordinator.begin(Goal::new("Use the tools"), Some(plan.steps.clone())))
            .collect::<Result<_, _>>()
            .unwrap();
        let plans: Vec<Arc<str>> = begun.iter().map(|it| it.plan.clone().unwrap()).collect();
        let pursued = begun.into_iter().map(|begun| coordinator.outcome(begun));
        let lost_after = rng
            .random_bool(0.4)
            .then(|| Duration::from_millis(rng.random_range(0..2_000)));
        tokio::select! {
            biased;
            _ = join_all(pursued) => {}
            () = tokio::time::sleep(lost_after.unwrap_or(Duration::MAX)) => {
                // It may have crashed already.
                let _ = platform.runs.crash_now();
            }
        }
        let mut resumptions = 0;
        loop {
            if !coordinator.open().is_empty() {
                let client = platform.cast.restart();
                platform.runs.restart(client).await.unwrap();
                platform.runs.wait().await.unwrap();
                continue;
            }
            let failed = plans
                .iter()
                .find(|plan| coordinator.ended(plan).unwrap().stage == LifecycleStage::Failed);
            let Some(failed) = failed else { break };
            resumptions += 1;
            if let Ok(begun) = coordinator.begin_resumption(failed, Default::default()) {
                // A crash leaves it open.
                let _ = coordinator.outcome(begun).await;
            } else {
                // The process was lost with another goal.
                let client = platform.cast.restart();
                platform.runs.restart(client).await.unwrap();
            }
        }
        let charged = plans.iter().map(|plan| {
            let budgets = platform.cast.client().budgets_of_run(plan);
            budgets[0].report()["calls"]["used"].clone()
        });
        let charged = charged.collect();
        // Late effects have arrived by then.
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let events = platform.timeline.take();
        let is_crash = |event: &&Event| matches!(event.kind, EventKind::OrchestratorCrashed {});
        GoalsReport {
            outcomes: plans
                .iter()
                .filter_map(|it| coordinator.ended(it))
                .collect(),
            crashes: events.iter().filter(is_crash).count(),
            events,
            trail,
            charged,
            resumptions,
        }
    })
}

fn audit_trail(folder: &Path) -> AuditTrail {
    AuditTrail::open(folder.join("audit.jsonl")).unwrap()
}

fn draw_faults(platform: &Platform, plan: &DrawnPlan, rng: &mut ChaCha8Rng) {
    for step in &plan.steps {
        let scripted = platform.cast.registry().script("Tools", |script, _| {
            let latency = Duration::from_millis(rng.random_range(0..5) * 50);
            script.takes(step.call.operation(), latency);
        });
        scripted.unwrap();
    }
    for _ in 0..rng.random_range(0..3) {
        let responses = [
            Response::Error("CONNECTION_RESET".into()),
            Response::ActsThenError("CONNECTION_RESET".into()),
            Response::Wire(WireAnswer::Lost),
            Response::Hang,
            Response::Twice,
            Response::Late(Duration::from_secs(3)),
        ];
        let call = &plan.steps.choose(rng).unwrap().call;
        let response = responses.choose(rng).unwrap().clone();
        answer(platform, call, rng.random_range(1..4), response);
    }
}

fn draw_crashes(
    runs: &mut Runs,
    coordinator: &Coordinator,
    plan: &DrawnPlan,
    rng: &mut ChaCha8Rng,
) {
    let workflow = coordinator.workflow_of(plan.steps.clone()).unwrap();
    for _ in 0..rng.random_range(1..5) {
        let step = workflow.steps.choose(rng).unwrap();
        let is_call = step.operation.is_some();
        let mut possible = CrashPoint::ALL.to_vec();
        possible.retain(|point| {
            let in_call = matches!(point, CrashPoint::BeforeActing | CrashPoint::AfterActing);
            !point.is_compensation() && (is_call || !in_call)
        });
        let point = *possible.choose(rng).unwrap();
        let occurrence = rng.random_bool(0.3).then(|| rng.random_range(1..4));
        runs.crash_plan(&workflow, point, &step.id, occurrence, "drawn".into())
            .unwrap();
    }
}

/// Checks what the goals did, decided and were charged.
fn verify(plan: &DrawnPlan, report: &GoalsReport) -> Result<(), String> {
    let count = plan.goals * plan.steps.len();
    let effects = effects(&report.events);
    let once: HashSet<&Key> = effects.iter().collect();
    if once.len() != effects.len() || effects.len() != count {
        return Err(format!("{effects:?} happened, expected {count}, each once"));
    }
    for (index, outcome) in report.outcomes.iter().enumerate() {
        let trace = format!("trace-{}", index + 1);
        let completed = outcome.plan.as_ref().map_or(0, |plan| plan.completed.len());
        let is_complete = outcome.stage == LifecycleStage::Complete;
        if !is_complete || completed != plan.steps.len() || *outcome.trace != *trace {
            return Err(format!("{outcome:?}"));
        }
        verify_stages(plan, &report.events, &trace)?;
        let run = format!("plan-{}", index + 1);
        let calls = verify_calls(&report.events, &run)?;
        if report.charged[index] != calls {
            let charged = &report.charged[index];
            return Err(format!(
                "{run} made {calls} calls and was charged {charged}"
            ));
        }
        verify_trail(plan, &report.trail, &trace, calls)?;
    }
    Ok(())
}

/// The stages are in order: each execution is the first, a repetition that may be, or that of a resumption.
fn verify_stages(plan: &DrawnPlan, events: &[Event], trace: &str) -> Result<(), String> {
    let fields = events.iter().map(Event::fields);
    let own = fields.filter(|it| it["event"] == "stage_entered" && it["trace"] == trace);
    let stages: Vec<String> = own
        .map(|it| it["stage"].as_str().unwrap().to_owned())
        .collect();
    let stages = stages.join(" ");
    let executions = stages
        .strip_prefix("initialize plan route ")
        .and_then(|rest| rest.strip_suffix(" aggregate complete"));
    let is_execution = |execution: &str| {
        let each: Vec<_> = execution.split_whitespace().collect();
        each.iter().all(|stage| *stage == "execute") && (1..=plan.repeats + 1).contains(&each.len())
    };
    match executions {
        Some(executions) if executions.split("failed").all(is_execution) => Ok(()),
        _ => Err(format!("the stages of {trace} are {stages}")),
    }
}

/// A step that has completed is not started again; returns how many executions the plan made.
fn verify_calls(events: &[Event], run: &str) -> Result<usize, String> {
    let mut completed = HashSet::new();
    let mut calls = 0;
    for fields in events.iter().map(Event::fields) {
        if fields.get("run").is_none_or(|own| own != run) {
            continue;
        }
        let step = fields
            .get("step")
            .and_then(Value::as_str)
            .unwrap_or_default();
        match fields["event"].as_str().unwrap() {
            "step_started" | "call_started" if completed.contains(step) => {
                return Err(format!("{step} of {run} had completed and started again"));
            }
            "call_started" => calls += 1,
            "step_ended" if fields["status"] == "completed" => {
                completed.insert(step.to_owned());
            }
            _ => {}
        }
    }
    Ok(calls)
}

fn verify_trail(
    plan: &DrawnPlan,
    trail: &AuditTrail,
    trace: &str,
    calls: usize,
) -> Result<(), String> {
    let mut found = BTreeMap::new();
    for entry in trail.of_trace(trace).unwrap() {
        *found.entry(entry.kind.as_str()).or_insert(0) += 1;
    }
    let mut expected = BTreeMap::from([
        (AuditType::Planning.as_str(), 1),
        (AuditType::Routing.as_str(), 1),
        (AuditType::Interaction.as_str(), calls),
        (AuditType::Approval.as_str(), 2 * plan.approvals),
    ]);
    expected.retain(|_, count| *count > 0);
    match found == expected {
        true => Ok(()),
        false => Err(format!(
            "{trace} has the entries {found:?}, expected {expected:?}"
        )),
    }
}

//! A thousand runs that crash, fail, hang and are late: what is done once is done once, and what is
//! undone leaves no trace.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{collections::HashSet, sync::Arc, time::Duration};

use rand::{RngExt as _, rngs::ChaCha8Rng, seq::IndexedRandom as _};
use rehearsal::{
    clock::{Clock, Seed},
    domain::{Call, CallName, Key, WorkflowStatus},
    harness::{Cast, Fixtures, Runs, json_difference, no_input, timeline_snapshot},
    observability::{Event, EventKind, Timeline},
    orchestration::{Compensation, CrashPoint, OnFailure, RunError, SubWorkflow, Workflow},
    resilience::Retries,
    services::{CallPolicy, DiskStage, Response},
};
use serde_json::{Map, Value, json};

const SEEDS: u64 = 1000;

const KEEPERS: [&str; 3] = ["PersonalityService", "RoleService", "AgentService"];

/// A step, as crashes name it, and what it calls and is undone by.
struct Place {
    path: String,
    call: Option<CallName>,
    undo: Option<CallName>,
    is_undone: bool,
}

/// A workflow, and what an undisturbed run makes of the services.
struct Subject {
    workflow: Arc<Workflow>,
    places: Vec<Place>,
    before: Value,
    after: Value,
    /// The keys under which it has effects.
    keys: HashSet<Key>,
}

/// What a drawn run came to.
struct Told {
    status: WorkflowStatus,
    kept: Value,
    events: Vec<Event>,
    crashes: usize,
}

#[test]
fn a_thousand_crashes_do_nothing_twice_and_leave_nothing_half_done() {
    let subjects = subjects();
    let mut crashes = 0;
    let mut ended = [0; 2];
    for seed in 0..SEEDS {
        let turn = usize::try_from(seed).unwrap() % subjects.len();
        let told = drawn(&subjects[turn], seed);
        if let Err(wrong) = verify(&subjects[turn], &told) {
            let id = &subjects[turn].workflow.id;
            let timeline = timeline_snapshot(&told.events);
            panic!("seed {seed}, {id}: {wrong}\n{timeline}");
        }
        if seed % 25 == 0 {
            let again = drawn(&subjects[turn], seed);
            assert_eq!(
                timeline_snapshot(&again.events),
                timeline_snapshot(&told.events),
                "seed {seed} has two timelines"
            );
        }
        crashes += told.crashes;
        ended[usize::from(told.status == WorkflowStatus::Completed)] += 1;
    }
    println!(
        "{crashes} crashes, {} undone, {} completed",
        ended[0], ended[1]
    );
    assert!(crashes >= 1000, "only {crashes} crashes struck");
    assert!(ended.iter().all(|count| *count >= 200), "{ended:?}");
}

fn subjects() -> Vec<Subject> {
    let fixtures = Fixtures::default();
    let named = |id| fixtures.workflow(id).unwrap();
    let nested = json!({
        "id": "onboarding",
        "steps": [
            { "id": "create", "workflow": "completeAgentCreation" },
            { "id": "update", "workflow": "complexConfigurationUpdate" },
            {
                "id": "join", "service": "ConfigurationService", "operation": "createUnifiedConfiguration",
                "compensation": "deleteUnifiedConfiguration"
            }
        ]
    });
    let workflows = [
        named("completeAgentCreation"),
        named("partialAgentCreation"),
        named("complexConfigurationUpdate"),
        named("parallelServiceCoordination"),
        named("agentCreationSaga"),
        Arc::new(serde_json::from_value(nested).unwrap()),
    ];
    workflows.into_iter().map(subject).collect()
}

fn subject(workflow: Arc<Workflow>) -> Subject {
    let mut places = Vec::new();
    find_places(&workflow, "", &mut places);
    let runtime = runtime();
    let (before, after, keys) = runtime.block_on(async {
        let stage = Stage::new(0);
        let before = stage.kept().await;
        let mut stage = Stage::new(0);
        stage.runs.declare(Arc::clone(&workflow));
        stage.runs.run(no_input(), None, 1).await.unwrap();
        let status = stage.runs.outcome().unwrap().status;
        assert_eq!(status, WorkflowStatus::Completed);
        let keys = effects(&stage.timeline.take()).into_iter().collect();
        (before, stage.kept().await, keys)
    });
    Subject {
        workflow,
        places,
        before,
        after,
        keys,
    }
}

fn find_places(workflow: &Workflow, within: &str, places: &mut Vec<Place>) {
    for step in &workflow.steps {
        let path = format!("{within}{}", step.id);
        let named = |name: &str| match name.split_once('.') {
            Some(_) => name.parse().unwrap(),
            None => CallName::new(step.service.as_deref().unwrap(), name),
        };
        let undo = step.compensation.as_ref().map(|undo| match undo {
            Compensation::Named(name) => named(name),
            Compensation::With(own) => named(&own.operation),
        });
        if let Some(SubWorkflow::Named(id)) = &step.workflow {
            let inner = Fixtures::default().workflow(id).unwrap();
            find_places(&inner, &format!("{path}/"), places);
        }
        places.push(Place {
            path,
            call: step.operation.as_deref().map(named),
            is_undone: undo.is_some() || step.workflow.is_some(),
            undo,
        });
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

/// The platform, and an orchestrator that knows the fixtures' workflows.
struct Stage {
    timeline: Timeline,
    cast: Cast,
    runs: Runs,
}

impl Stage {
    fn new(seed: u64) -> Self {
        let timeline = Timeline::new(Clock::start());
        let cast = Cast::new(timeline.clone(), Seed(seed));
        cast.add_from(&Fixtures::default(), "agent-platform")
            .unwrap();
        Self {
            runs: cast.runs().with_fixtures(Fixtures::default()),
            cast,
            timeline,
        }
    }

    /// All that the services keep, but for times and what follows from them.
    async fn kept(&self) -> Value {
        let kept = self.cast.entities();
        let mut entities = Vec::new();
        for service in KEEPERS {
            for id in kept.ids(service).unwrap() {
                let entity = kept.get(service, &id).unwrap().unwrap();
                entities.push(json!({ "of": service, "entity": timeless(&entity) }));
            }
        }
        let kept = self.cast.files();
        let mut files = Vec::new();
        for path in kept.on_disk().unwrap() {
            let bytes = kept.look_at(&path).unwrap().unwrap();
            let content: Value = serde_json::from_slice(&bytes).unwrap();
            let version = kept.metadata(&path).map(|metadata| metadata.version);
            let content = timeless(&content);
            files.push(json!({ "path": path, "version": version, "content": content }));
        }
        let mut free = Vec::new();
        for (service, operation, id) in [
            (
                "PersonalityService",
                "reservePersonality",
                "creative-mentor",
            ),
            ("RoleService", "reserveRole", "software-mentor"),
        ] {
            if self.is_free(CallName::new(service, operation), id).await {
                free.push(id);
            }
        }
        json!({ "entities": entities, "files": files, "free": free })
    }

    /// Whether something can be reserved; then it is.
    async fn is_free(&self, reserve: CallName, id: &str) -> bool {
        let registry = self.cast.registry();
        // What was drawn for the run is not meant for this call.
        let unscripted = registry.script(reserve.service(), |script, _| {
            script.answers(reserve.operation(), []);
        });
        unscripted.unwrap();
        let call = Call::new("test", reserve, json!({ "id": id }));
        let policy = CallPolicy::default();
        self.cast.client().call(&call, &policy, None).await.is_ok()
    }
}

/// The same without times, which depend on how long it took.
fn timeless(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let timeless = fields
                .iter()
                .filter(|(name, _)| !matches!(name.as_str(), "createdAt" | "updatedAt"))
                .map(|(name, value)| (name.clone(), timeless(value)));
            Value::Object(timeless.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(timeless).collect(),
        value => value.clone(),
    }
}

fn effects(events: &[Event]) -> Vec<Key> {
    let keys = events.iter().filter_map(|event| match &event.kind {
        EventKind::Effect { key, .. } => Some(key.clone()),
        _ => None,
    });
    keys.collect()
}

/// Runs a workflow with all that is drawn by the seed, and restarts it until nothing is lost.
fn drawn(subject: &Subject, seed: u64) -> Told {
    runtime().block_on(async {
        let mut rng = Seed(seed).part(["crashes"]).rng();
        let folder = tempfile::tempdir().unwrap();
        let mut stage = Stage::new(seed);
        if seed % 10 == 7 {
            let file = folder.path().join("journal.sqlite");
            stage.runs.keep_journal_in(file).unwrap();
        }
        stage.runs.declare(Arc::clone(&subject.workflow));
        draw_policies(&mut stage, &mut rng);
        draw_faults(&stage, subject, &mut rng);
        draw_crashes(&mut stage.runs, subject, &mut rng);
        stage.runs.start(no_input()).unwrap();
        if rng.random_bool(0.1) {
            tokio::time::sleep(Duration::from_millis(rng.random_range(0..900))).await;
            // It may have ended, or crashed, before.
            let _ = stage.runs.cancel();
        }
        stage.runs.wait().await.unwrap();
        while let Some(next) = next(&mut stage.runs) {
            match next {
                Next::Restart => {
                    let client = stage.cast.restart();
                    stage.runs.restart(client).await.unwrap();
                }
                Next::Resume => stage.runs.resume().await.unwrap(),
            }
        }
        let status = stage.runs.outcome().unwrap().status;
        // What is late has arrived by then.
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let events = stage.timeline.take();
        let is_crash = |event: &&Event| matches!(event.kind, EventKind::OrchestratorCrashed {});
        Told {
            status,
            crashes: events.iter().filter(is_crash).count(),
            events,
            kept: stage.kept().await,
        }
    })
}

/// What a run needs that has not come to its end.
enum Next {
    Restart,
    Resume,
}

fn next(runs: &mut Runs) -> Option<Next> {
    match runs.results().unwrap()[..] {
        [Err(RunError::Crashed)] => Some(Next::Restart),
        [Ok(outcome)] if outcome.status == WorkflowStatus::Interrupted => Some(Next::Resume),
        _ => None,
    }
}

fn draw_policies(stage: &mut Stage, rng: &mut ChaCha8Rng) {
    let mut policies = stage.cast.policies().write().unwrap();
    policies.every.timeout = Some(Duration::from_millis(500));
    policies.retry_every(rng.random_range(0..3));
    drop(policies);
    let workflow = stage.runs.workflow_mut().unwrap();
    if rng.random_bool(0.1) {
        workflow.on_failure = OnFailure::Keep;
    } else if rng.random_bool(0.1) {
        workflow.deadline = Some(Duration::from_millis(rng.random_range(50..900)));
    }
}

fn draw_faults(stage: &Stage, subject: &Subject, rng: &mut ChaCha8Rng) {
    let calls: Vec<_> = subject
        .places
        .iter()
        .filter_map(|place| place.call.as_ref())
        .collect();
    for _ in 0..rng.random_range(0..3) {
        let call = calls.choose(rng).unwrap();
        let times = rng.random_range(1..3);
        let response = match rng.random_range(0..6) {
            0 | 1 => Response::Error("PERMANENT_ERROR".into()),
            2 => Response::Error("CONNECTION_RESET".into()),
            3 => Response::Error("CONCURRENT_MODIFICATION".into()),
            4 => Response::Hang,
            _ => Response::Late(Duration::from_secs(3)),
        };
        answer(stage, call, times, response);
    }
    if rng.random_bool(0.2) {
        let stages: [DiskStage; 3] =
            ["staging", "validation", "commit"].map(|it| it.parse().unwrap());
        let fault = stage.cast.faults().declare("the disk fails", "drawn");
        let at = *stages.choose(rng).unwrap();
        stage.cast.files().fail_at(at, "ENOSPC", Some(1), fault);
    }
    let retries = stage
        .cast
        .policies()
        .read()
        .unwrap()
        .every
        .retry
        .as_ref()
        .map(|retries| match retries {
            Retries::Uniform(retry) => retry.max_retries,
            Retries::PerCode(_) => 0,
        });
    let undos: Vec<_> = subject
        .places
        .iter()
        .filter_map(|place| place.undo.as_ref())
        .collect();
    // One that fails for good leaves traces by right.
    if retries > Some(0)
        && rng.random_bool(0.3)
        && let Some(undo) = undos.choose(rng)
    {
        let responses = [
            Response::Hang,
            Response::Error("CONNECTION_RESET".into()),
            Response::Late(Duration::from_secs(3)),
        ];
        answer(stage, undo, 1, responses.choose(rng).unwrap().clone());
    }
}

fn answer(stage: &Stage, call: &CallName, times: u32, response: Response) {
    let what = format!("{call} answers {response:?}");
    let fault = stage.cast.faults().declare(what, "drawn");
    let scripted = stage.cast.registry().script(call.service(), |script, _| {
        script.times(call.operation(), times, response, fault);
    });
    scripted.unwrap();
}

fn draw_crashes(runs: &mut Runs, subject: &Subject, rng: &mut ChaCha8Rng) {
    for _ in 0..rng.random_range(1..4) {
        let place = subject.places.choose(rng).unwrap();
        let possible = if place.is_undone {
            &CrashPoint::ALL[..]
        } else {
            &CrashPoint::ALL[..3]
        };
        let point = *possible.choose(rng).unwrap();
        runs.crash(point, &place.path, "drawn".into()).unwrap();
    }
}

/// The key of the first of the runs that a step has made within its own.
fn first_time(key: &Key) -> Key {
    let names = key.subject().split('/');
    let first = names.map(|name| name.split_once('~').map_or(name, |(name, _)| name));
    Key::Do(first.collect::<Vec<_>>().join("/").into())
}

/// Says what is wrong with what a run has left.
fn verify(subject: &Subject, told: &Told) -> Result<(), String> {
    let effects = effects(&told.events);
    let mut seen = HashSet::new();
    for key in &effects {
        if !seen.insert(key.clone()) {
            return Err(format!("the effect {key} happened twice"));
        }
        if matches!(key, Key::Undo(_)) && !seen.contains(&Key::Do(Arc::clone(key.subject()))) {
            return Err(format!("{key} undid nothing"));
        }
    }
    let stands = |key: &&Key| matches!(key, Key::Do(_)) && !seen.contains(&key.undo());
    let standing: HashSet<Key> = effects.iter().filter(stands).map(first_time).collect();
    let (keys, kept) = match told.status {
        WorkflowStatus::Completed => (&subject.keys, &subject.after),
        WorkflowStatus::RolledBack | WorkflowStatus::Cancelled => {
            (&HashSet::new(), &subject.before)
        }
        other => return Err(format!("it is {}", other.as_str())),
    };
    if standing != *keys {
        return Err(format!(
            "the effects {standing:?} remain, expected {keys:?}"
        ));
    }
    match json_difference(kept, &told.kept) {
        None => Ok(()),
        Some(difference) => Err(difference),
    }
}

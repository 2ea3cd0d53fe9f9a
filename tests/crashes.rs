//! Random runs that crash, fail, hang, are late, cancelled and resumed: no effect happens twice, and an
//! undone run leaves no effect.
//!
//! `cargo test --test crashes -- --ignored` makes ten thousand of them, CI too.

#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "crashes/every_step.rs"]
mod every_step;
#[cfg(feature = "control")]
#[path = "crashes/goals.rs"]
mod goals;

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use rand::{RngExt as _, rngs::ChaCha8Rng, seq::IndexedRandom as _};
use rehearsal::{
    clock::{Clock, Seed},
    domain::{Call, CallName, Key, KeyOrigin, WorkflowStatus},
    harness::{Cast, Fixtures, Runs, compare_json, no_input, timeline_snapshot},
    observability::{Event, EventKind, Timeline},
    orchestration::{Compensation, CrashPoint, OnFailure, RunError, SubWorkflow, Workflow},
    services::{CallPolicy, DiskStage, Response, WireAnswer},
};
use serde_json::{Map, Value, json};

const ENTITY_SERVICES: [&str; 3] = ["PersonalityService", "RoleService", "AgentService"];

/// A step by its path in crashes, with its call and its compensation.
struct CrashSite {
    path: String,
    call: Option<CallName>,
    undo: Option<CallName>,
    is_undone: bool,
}

/// A workflow, and the state of the services before and after an undisturbed run.
struct TestedWorkflow {
    workflow: Arc<Workflow>,
    sites: Vec<CrashSite>,
    before: Value,
    after: Value,
    /// The keys under which it has effects.
    keys: HashSet<Key>,
    /// Those of steps that nothing undoes, such as a release.
    lasting: HashSet<Key>,
}

/// The result of a random run.
struct RunReport {
    status: WorkflowStatus,
    /// The code of its first failure.
    error: Option<String>,
    state: Value,
    events: Vec<Event>,
    crashes: usize,
}

#[test]
fn random_runs_with_crashes_have_each_effect_once_or_undone() {
    check_runs(1000);
}

#[test]
#[ignore = "takes half a minute"]
fn ten_thousand_random_runs_have_each_effect_once_or_undone() {
    check_runs(10_000);
}

fn check_runs(seeds: u64) {
    let subjects = subjects();
    let mut crashes = 0;
    let mut ended = [0; 2];
    for seed in 0..seeds {
        let turn = usize::try_from(seed).unwrap() % subjects.len();
        let report = run_random(&subjects[turn], seed);
        if let Err(wrong) = verify(&subjects[turn], &report) {
            let id = &subjects[turn].workflow.id;
            let timeline = timeline_snapshot(&report.events, true);
            panic!("seed {seed}, {id}: {wrong}\n{timeline}");
        }
        if seed % 25 == 0 {
            let again = run_random(&subjects[turn], seed);
            assert_eq!(
                timeline_snapshot(&again.events, true),
                timeline_snapshot(&report.events, true),
                "seed {seed} has two timelines"
            );
        }
        crashes += report.crashes;
        ended[usize::from(report.status == WorkflowStatus::Completed)] += 1;
    }
    println!(
        "{crashes} crashes, {} undone, {} completed",
        ended[0], ended[1]
    );
    assert!(
        crashes as u64 >= seeds,
        "only {crashes} crashes in {seeds} runs"
    );
    assert!(
        ended.iter().all(|count| *count as u64 >= seeds / 5),
        "{ended:?}"
    );
}

fn subjects() -> Vec<TestedWorkflow> {
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
        named("cascadingUpdate"),
        named("sharedDependencies"),
        Arc::new(serde_json::from_value(nested).unwrap()),
    ];
    workflows.into_iter().map(subject).collect()
}

fn subject(workflow: Arc<Workflow>) -> TestedWorkflow {
    let mut sites = Vec::new();
    find_crash_sites(&workflow, "", &mut sites);
    let runtime = runtime();
    let (before, after, keys) = runtime.block_on(async {
        let platform = Platform::new(0);
        let before = platform.state().await;
        let mut platform = Platform::new(0);
        platform.runs.declare(Arc::clone(&workflow)).unwrap();
        platform.runs.run(no_input(), None, 1).await.unwrap();
        let status = platform.runs.outcome().unwrap().status;
        assert_eq!(status, WorkflowStatus::Completed);
        let keys: HashSet<Key> = effects(&platform.timeline.take()).into_iter().collect();
        (before, platform.state().await, keys)
    });
    let is_of = |key: &Key, site: &CrashSite| {
        let run = format!("{}-1", workflow.id);
        *key == KeyOrigin::Run.key(format!("{run}/{}", site.path))
    };
    let lasts = |key: &&Key| sites.iter().any(|site| !site.is_undone && is_of(key, site));
    TestedWorkflow {
        lasting: keys.iter().filter(lasts).cloned().collect(),
        workflow,
        sites,
        before,
        after,
        keys,
    }
}

fn find_crash_sites(workflow: &Workflow, parent_path: &str, sites: &mut Vec<CrashSite>) {
    for step in &workflow.steps {
        let path = format!("{parent_path}{}", step.id);
        let named = |name: &str| match name.split_once('.') {
            Some(_) => name.parse().unwrap(),
            None => CallName::new(step.service.as_deref().unwrap(), name),
        };
        let undo = step.compensation.as_ref().map(|undo| match undo {
            Compensation::Named(name) => named(name),
            Compensation::With(own) => named(&own.operation),
        });
        if let Some(SubWorkflow::Named(id)) = &step.workflow {
            let nested = Fixtures::default().workflow(id).unwrap();
            find_crash_sites(&nested, &format!("{path}/"), sites);
        }
        sites.push(CrashSite {
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
struct Platform {
    timeline: Timeline,
    cast: Cast,
    runs: Runs,
}

impl Platform {
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

    /// The state of all services, without times.
    async fn state(&self) -> Value {
        let on_disk = self.cast.files();
        let state = self.cast.entities();
        let mut entities = Vec::new();
        for service in ENTITY_SERVICES {
            // In an order that does not depend on how long what took.
            for id in state
                .ids(service)
                .unwrap()
                .into_iter()
                .collect::<BTreeSet<_>>()
            {
                let mut entity = timeless(&state.get(service, &id).unwrap().unwrap());
                // It is of a content with times, so only whether it is the file's can be compared.
                if let Some(hash) = entity.get_mut("configurationHash") {
                    let file = on_disk.metadata(&format!("agents/{id}.json")).unwrap();
                    *hash = json!(*hash == file.checksum);
                }
                entities.push(json!({ "of": service, "entity": entity }));
            }
        }
        let mut files = Vec::new();
        for path in on_disk.on_disk().unwrap() {
            let bytes = on_disk.read_any(&path).unwrap().unwrap();
            let content: Value = serde_json::from_slice(&bytes).unwrap();
            let version = on_disk.metadata(&path).map(|metadata| metadata.version);
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
            ("RoleService", "reserveRole", "manager"),
        ] {
            if self.is_free(CallName::new(service, operation), id).await {
                free.push(id);
            }
        }
        json!({ "entities": entities, "files": files, "free": free })
    }

    /// Whether something can be reserved; it is reserved then.
    async fn is_free(&self, reserve: CallName, id: &str) -> bool {
        let registry = self.cast.registry();
        // The random script is not meant for this call.
        let unscripted = registry.script(reserve.service(), |script, _| {
            script.answers(reserve.operation(), []);
        });
        unscripted.unwrap();
        let call = Call::new("test", reserve, json!({ "id": id }));
        let policy = CallPolicy::default();
        self.cast.client().call(&call, &policy, None).await.is_ok()
    }
}

/// The value without times, which depend on the duration of the run.
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

/// Runs a workflow with faults and crashes from the seed, and restarts it until it ends.
fn run_random(subject: &TestedWorkflow, seed: u64) -> RunReport {
    runtime().block_on(async {
        let mut rng = Seed(seed).part(["crashes"]).rng();
        let folder = tempfile::tempdir().unwrap();
        let mut platform = Platform::new(seed);
        if seed % 10 == 7 {
            let file = folder.path().join("journal.sqlite");
            platform.runs.keep_journal_in(file).unwrap();
        }
        platform
            .runs
            .declare(Arc::clone(&subject.workflow))
            .unwrap();
        draw_policies(&mut platform, &mut rng);
        draw_faults(&platform, subject, &mut rng);
        draw_crashes(&mut platform.runs, subject, &mut rng);
        platform.runs.start(no_input()).unwrap();
        if rng.random_bool(0.1) {
            tokio::time::sleep(Duration::from_millis(rng.random_range(0..900))).await;
            // It may have ended or crashed already.
            let _ = platform.runs.cancel().await;
        }
        platform.runs.wait().await.unwrap();
        while let Some(next) = next(&mut platform.runs) {
            match next {
                NextAction::Restart => {
                    let client = platform.cast.restart();
                    platform.runs.restart(client).await.unwrap();
                }
                NextAction::Resume => {
                    let is_interrupted =
                        platform.runs.outcome().unwrap().status == WorkflowStatus::Interrupted;
                    if is_interrupted && rng.random_bool(0.3) {
                        platform.runs.cancel().await.unwrap();
                    } else {
                        platform.runs.resume().await.unwrap();
                    }
                }
            }
        }
        let outcome = platform.runs.outcome().unwrap();
        let status = outcome.status;
        let error = outcome.error.as_ref().map(|error| error.code.to_string());
        // Late effects have arrived by then.
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let events = platform.timeline.take();
        let is_crash = |event: &&Event| matches!(event.kind, EventKind::OrchestratorCrashed {});
        RunReport {
            status,
            error,
            crashes: events.iter().filter(is_crash).count(),
            events,
            state: platform.state().await,
        }
    })
}

/// What an unfinished run needs.
enum NextAction {
    Restart,
    Resume,
}

fn next(runs: &mut Runs) -> Option<NextAction> {
    match runs.results().unwrap()[..] {
        [Err(RunError::Crashed)] => Some(NextAction::Restart),
        [Ok(outcome)]
            if matches!(
                outcome.status,
                WorkflowStatus::Interrupted | WorkflowStatus::Failed
            ) =>
        {
            Some(NextAction::Resume)
        }
        _ => None,
    }
}

fn draw_policies(platform: &mut Platform, rng: &mut ChaCha8Rng) {
    let mut policies = platform.cast.policies();
    policies.every.timeout = Some(Duration::from_millis(500));
    // Otherwise steps are not retried, and compensations as they usually are.
    if rng.random_bool(0.7) {
        policies.retry_every(rng.random_range(0..3));
    }
    drop(policies);
    let change = |workflow: &mut Workflow| {
        if rng.random_bool(0.1) {
            workflow.on_failure = OnFailure::Keep;
        } else if rng.random_bool(0.1) {
            workflow.deadline = Some(Duration::from_millis(rng.random_range(50..900)));
        }
    };
    platform.runs.change_workflow(change).unwrap();
}

fn draw_faults(platform: &Platform, subject: &TestedWorkflow, rng: &mut ChaCha8Rng) {
    let calls: Vec<_> = subject
        .sites
        .iter()
        .filter_map(|site| site.call.as_ref())
        .collect();
    for _ in 0..rng.random_range(0..3) {
        let call = calls.choose(rng).unwrap();
        let times = rng.random_range(1..3);
        let reset = || "CONNECTION_RESET".into();
        let response = match rng.random_range(0..10) {
            0 | 1 => Response::Error("PERMANENT_ERROR".into()),
            2 => Response::Error(reset()),
            3 => Response::Error("CONCURRENT_MODIFICATION".into()),
            4 => Response::Hang,
            5 => Response::Wire(WireAnswer::Lost),
            // The disk may fail the first request alone, which the caller takes for both.
            6 if call.service() != "FileService" => Response::Twice,
            7 => Response::ActsThenError(reset()),
            8 => Response::RetryLater("RATE_LIMITED".into(), Duration::from_secs(2)),
            _ => Response::Late(Duration::from_secs(3)),
        };
        answer(platform, call, times, response);
    }
    if rng.random_bool(0.2) {
        let stages: [DiskStage; 3] =
            ["staging", "validation", "commit"].map(|it| it.parse().unwrap());
        let fault = platform.cast.faults().declare("the disk fails", "drawn");
        let at = *stages.choose(rng).unwrap();
        platform.cast.files().fail_at(at, "ENOSPC", Some(1), fault);
    }
    let undos: Vec<_> = subject
        .sites
        .iter()
        .filter_map(|site| site.undo.as_ref())
        .collect();
    if rng.random_bool(0.4)
        && let Some(undo) = undos.choose(rng)
    {
        let responses = [
            Response::Hang,
            Response::Error("CONNECTION_RESET".into()),
            // It fails for good, and the undo is taken up again.
            Response::Error("PERMANENT_ERROR".into()),
            Response::Late(Duration::from_secs(3)),
            Response::Wire(WireAnswer::Lost),
            Response::Twice,
            Response::ActsThenError("CONNECTION_RESET".into()),
        ];
        let times = rng.random_range(1..4);
        answer(
            platform,
            undo,
            times,
            responses.choose(rng).unwrap().clone(),
        );
    }
}

fn answer(platform: &Platform, call: &CallName, times: u32, response: Response) {
    let what = format!("{call} answers {response:?}");
    let fault = platform.cast.faults().declare(what, "drawn");
    let scripted = platform
        .cast
        .registry()
        .script(call.service(), |script, _| {
            script.times(call.operation(), times, response, fault);
        });
    scripted.unwrap();
}

fn draw_crashes(runs: &mut Runs, subject: &TestedWorkflow, rng: &mut ChaCha8Rng) {
    for _ in 0..rng.random_range(1..5) {
        let site = subject.sites.choose(rng).unwrap();
        let mut possible = CrashPoint::ALL.to_vec();
        possible.retain(|point| site.is_undone || !point.is_compensation());
        let point = *possible.choose(rng).unwrap();
        let occurrence = rng.random_bool(0.2).then(|| rng.random_range(1..3));
        runs.crash(point, &site.path, occurrence, "drawn".into())
            .unwrap();
    }
}

/// The key in the first child run of each step.
fn first_time(key: &Key) -> Key {
    let names = key.subject().text.split('/');
    let first = names.map(|name| name.split_once('~').map_or(name, |(name, _)| name));
    KeyOrigin::Run.key(first.collect::<Vec<_>>().join("/"))
}

/// Checks the effects and the state that a run leaves.
fn verify(subject: &TestedWorkflow, report: &RunReport) -> Result<(), String> {
    let effects = effects(&report.events);
    let mut seen = HashSet::new();
    for key in &effects {
        if !seen.insert(key.clone()) {
            return Err(format!("the effect {key} happened twice"));
        }
        if matches!(key, Key::Undo(_)) && !seen.contains(&Key::Do(key.subject().clone())) {
            return Err(format!("{key} undid nothing"));
        }
    }
    let remains = |key: &&Key| matches!(key, Key::Do(_)) && !seen.contains(&key.undo());
    let remaining: HashSet<Key> = effects.iter().filter(remains).map(first_time).collect();
    let (keys, state) = match report.status {
        WorkflowStatus::Completed => (&subject.keys, &subject.after),
        WorkflowStatus::RolledBack | WorkflowStatus::Cancelled => {
            (&HashSet::new(), &subject.before)
        }
        other => return Err(format!("it is {}", other.as_str())),
    };
    let expected = |key: &Key| keys.contains(key) || subject.lasting.contains(key);
    if !remaining.is_superset(keys) || !remaining.iter().all(expected) {
        return Err(format!(
            "the effects {remaining:?} remain, expected {keys:?}"
        ));
    }
    compare_json(state, &report.state)
}

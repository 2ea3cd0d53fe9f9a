//! What Gherkin would say clumsily: faulty definitions by the dozen, journals, and runs drawn at random.

use std::{
    sync::{Arc, RwLock},
    time::Duration,
};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    clock::{Clock, Seed},
    domain::{Key, WorkflowStatus, code},
    observability::{Event, EventKind, Timeline},
    services::{Client, Effects, Faults, MockService, Policies, Registry, Response},
};

/// Everything that a run needs, around services `A` and `B`.
struct Scene {
    timeline: Timeline,
    registry: Registry,
    faults: Faults,
    crashes: Crashes,
    journal: Arc<dyn Journal>,
    /// The folder of the journal, where it is kept in a file.
    folder: Option<tempfile::TempDir>,
}

impl Scene {
    fn new() -> Self {
        let timeline = Timeline::new(Clock::start());
        let registry = Registry::default();
        let effects = Effects::new(timeline.clone());
        registry.add(MockService::bare("A", effects.clone()));
        registry.add(MockService::bare("B", effects));
        let faults = Faults::default();
        Self {
            timeline,
            registry,
            crashes: Crashes::new(faults.clone()),
            faults,
            journal: Arc::new(MemoryJournal::default()),
            folder: None,
        }
    }

    /// The same, with a journal in a file.
    fn durable() -> Self {
        let mut scene = Self::new();
        scene.folder = Some(tempfile::tempdir().unwrap());
        scene.reopen();
        scene
    }

    /// Lets go of the journal and opens it again, as a new process does.
    fn reopen(&mut self) {
        if let Some(folder) = &self.folder {
            self.journal = Arc::new(MemoryJournal::default());
            let journal = SqliteJournal::open(folder.path().join("journal.db"));
            self.journal = Arc::new(journal.unwrap());
        }
    }

    fn orchestrator(&self) -> Orchestrator {
        let client = Client::new(
            self.registry.clone(),
            Arc::new(RwLock::new(Policies::default())),
            self.faults.clone(),
            self.timeline.clone(),
            Seed(0),
        );
        Orchestrator::new(
            Arc::new(client),
            Arc::clone(&self.journal),
            self.crashes.clone(),
        )
    }

    fn plan(&self, workflow: Value) -> Result<Arc<Plan>, Box<crate::domain::Failure>> {
        let workflow = Arc::new(serde_json::from_value(workflow).unwrap());
        Plan::new(workflow, &self.registry).map(Arc::new)
    }
}

fn step(id: &str, dependencies: &[&str]) -> Value {
    json!({"id": id, "service": "A", "operation": id, "dependencies": dependencies, "compensation": format!("undo-{id}")})
}

fn virtually<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn faulty_definitions_are_refused_with_code_pointer_and_reason() {
    let scene = virtually(async { Scene::new() });
    let bad_service = json!({"id": "a", "service": "C", "operation": "x"});
    let bad_undo = json!({"id": "a", "service": "A", "operation": "x", "compensation": "C.undo"});
    for (steps, code, field, says) in [
        (
            json!([]),
            code::INVALID_WORKFLOW,
            "/steps",
            "at least one step",
        ),
        (
            json!([step("a", &[]), step("a", &[])]),
            code::INVALID_WORKFLOW,
            "/steps/1/id",
            "taken by /steps/0",
        ),
        (
            json!([step("input", &[])]),
            code::INVALID_WORKFLOW,
            "/steps/0/id",
            "no step may be called",
        ),
        (
            json!([step("", &[])]),
            code::INVALID_WORKFLOW,
            "/steps/0/id",
            "not empty",
        ),
        (
            json!([step("a/b", &[])]),
            code::INVALID_WORKFLOW,
            "/steps/0/id",
            "slash",
        ),
        (
            json!([step("alpha", &[]), step("b", &["alhpa"])]),
            code::INVALID_WORKFLOW,
            "/steps/1/dependencies/0",
            "did you mean \"alpha\"?",
        ),
        (
            json!([
                step("a", &["c"]),
                step("b", &["a"]),
                step("c", &["b"]),
                step("d", &["c"])
            ]),
            code::INVALID_WORKFLOW,
            "/steps/0/dependencies",
            "a → b → c → a",
        ),
        (
            json!([step("a", &["a"])]),
            code::INVALID_WORKFLOW,
            "/steps/0/dependencies",
            "a → a",
        ),
        (
            json!([bad_service]),
            code::SERVICE_NOT_FOUND,
            "/steps/0/service",
            "\"A\", \"B\"",
        ),
        (
            json!([bad_undo]),
            code::SERVICE_NOT_FOUND,
            "/steps/0/compensation",
            "\"A\", \"B\"",
        ),
    ] {
        let refused = scene.plan(json!({"id": "w", "steps": steps})).unwrap_err();
        assert_eq!(&*refused.code, code, "{steps}");
        assert_eq!(refused.field.as_deref(), Some(field), "{steps}");
        assert!(refused.message.contains(says), "{}", refused.message);
    }
    let none_at_once = json!({"id": "w", "maxParallel": 0, "steps": [step("a", &[])]});
    assert_eq!(
        scene.plan(none_at_once).unwrap_err().field.as_deref(),
        Some("/maxParallel")
    );
}

/// What every journal must do.
fn conforms(journal: &dyn Journal) {
    let at = Duration::ZERO;
    let workflow: Workflow =
        serde_json::from_value(json!({"id": "w", "steps": [step("a", &[])]})).unwrap();
    let started = Entry::Started {
        workflow: Arc::new(workflow),
        input: Arc::new(json!({})),
        at,
    };
    let (one, two): (Arc<str>, Arc<str>) = ("w-1".into(), "w-2".into());
    assert!(journal.read("w-1").unwrap().is_none());
    journal.begin(&one, started.clone()).unwrap();
    assert!(matches!(
        journal.begin(&one, started.clone()),
        Err(JournalError::AlreadyExists(_))
    ));
    assert!(matches!(
        journal.append(&two, &Entry::Resumed { at }),
        Err(JournalError::Unknown(_))
    ));
    journal.begin(&two, started.clone()).unwrap();
    journal
        .append(&one, &Entry::StepStarted { step: 0, at })
        .unwrap();
    assert_eq!(journal.unfinished().unwrap(), [one.clone(), two.clone()]);
    let ended = Entry::Ended {
        status: WorkflowStatus::Completed,
        at,
    };
    journal.append(&one, &ended).unwrap();
    assert_eq!(journal.unfinished().unwrap(), [two]);
    let entries = journal.read("w-1").unwrap().unwrap();
    assert_eq!(
        entries,
        [started, Entry::StepStarted { step: 0, at }, ended]
    );
}

#[test]
fn the_memory_journal_conforms() {
    conforms(&MemoryJournal::default());
}

#[test]
fn the_sqlite_journal_conforms_and_is_there_again_when_reopened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    conforms(&SqliteJournal::open(&path).unwrap());
    let reopened = SqliteJournal::open(&path).unwrap();
    assert_eq!(reopened.unfinished().unwrap(), ["w-2".into()]);
    assert_eq!(reopened.read("w-1").unwrap().unwrap().len(), 3);
    let at = Duration::ZERO;
    reopened
        .append(&"w-2".into(), &Entry::CancellationRequested { at })
        .unwrap();
}

#[test]
fn files_that_are_no_usable_journal_are_told_apart_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |path: &std::path::Path| SqliteJournal::open(path).unwrap_err().to_string();

    let text = folder.path().join("notes.txt");
    std::fs::write(
        &text,
        "not a database, but long enough to look like a file of some kind",
    )
    .unwrap();
    assert!(
        refusal(&text).ends_with("it is no journal"),
        "{}",
        refusal(&text)
    );
    assert!(
        std::fs::read_to_string(&text)
            .unwrap()
            .starts_with("not a database")
    );

    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    assert!(refusal(&other).ends_with("it is another program's database"));

    let newer = folder.path().join("newer.db");
    drop(SqliteJournal::open(&newer).unwrap());
    rusqlite::Connection::open(&newer)
        .unwrap()
        .pragma_update(None, "user_version", 2)
        .unwrap();
    assert!(
        refusal(&newer).contains("it is of version 2"),
        "{}",
        refusal(&newer)
    );

    let used = folder.path().join("used.db");
    let journal = SqliteJournal::open(&used).unwrap();
    assert!(
        refusal(&used).ends_with("another process uses it"),
        "{}",
        refusal(&used)
    );
    drop(journal);
    SqliteJournal::open(&used).unwrap();

    assert!(refusal(&folder.path().join("no/such/folder.db")).contains("folder.db"));
}

#[test]
fn entries_survive_being_written_as_json() {
    let failure = Box::new(crate::domain::Failure::new("X", "y"));
    let at = Duration::from_millis(7);
    for entry in [
        Entry::StepFailed {
            step: 1,
            failure: failure.clone(),
            at,
        },
        Entry::CompensationEnded {
            step: 1,
            failure: Some(failure),
            at,
        },
        Entry::StepCompleted {
            step: 0,
            reply: Arc::new(json!({"a": 1})),
            fallback_used: false,
            at,
        },
    ] {
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
    }
}

#[test]
fn a_journal_that_makes_no_sense_is_corrupt_not_followed() {
    virtually(async {
        let scene = Scene::new();
        let plan = scene
            .plan(json!({"id": "w", "steps": [step("a", &[])]}))
            .unwrap();
        let id: Arc<str> = "w-1".into();
        let at = Duration::ZERO;
        let started = Entry::Started {
            workflow: Arc::clone(plan.workflow()),
            input: Arc::new(json!({})),
            at,
        };
        scene.journal.begin(&id, started).unwrap();
        scene
            .journal
            .append(&id, &Entry::CompensationStarted { step: 0, at })
            .unwrap();
        let recovered = scene.orchestrator().recover().await.unwrap();
        let why = recovered[0].1.as_ref().unwrap_err().to_string();
        assert!(
            why.contains("cannot go from pending to compensating"),
            "{why}"
        );
    });
}

#[test]
fn a_new_process_knows_the_runs_of_the_last_and_goes_on_with_them() {
    virtually(async {
        let scene = Scene::new();
        let fault = scene.faults.declare("fails", "here");
        let scripted = scene.registry.script("A", |script, _| {
            script.times("b", 1, Response::Error("PERMANENT_ERROR".into()), fault);
        });
        scripted.unwrap();
        let steps = [step("a", &[]), step("b", &["a"])];
        let workflow = json!({"id": "w", "onFailure": "keep", "steps": steps});
        let plan = scene.plan(workflow).unwrap();
        let input = Arc::new(json!({}));
        let first = scene.orchestrator();
        let outcome = first.run(&plan, Arc::clone(&input), None).await.unwrap();
        assert_eq!(outcome.status, WorkflowStatus::Interrupted);

        let second = scene.orchestrator();
        assert!(second.recover().await.unwrap().is_empty());
        assert_eq!(second.state("w-1"), first.state("w-1"));
        assert_eq!(second.state("w-2"), None);
        let outcome = second.resume("w-1").unwrap().outcome().await.unwrap();
        assert_eq!(outcome.status, WorkflowStatus::Completed);
        let next = second.run(&plan, input, None).await.unwrap();
        assert_eq!(&*next.run, "w-2");
    });
}

#[test]
fn only_what_is_under_way_is_cancelled_and_only_what_is_interrupted_resumes() {
    virtually(async {
        let scene = Scene::new();
        let plan = scene
            .plan(json!({"id": "w", "steps": [step("a", &[])]}))
            .unwrap();
        let orchestrator = scene.orchestrator();
        let run = orchestrator.run(&plan, Arc::new(json!({})), None).await;
        assert_eq!(run.unwrap().status, WorkflowStatus::Completed);
        let entries = scene.journal.read("w-1").unwrap();
        for (refused, says) in [
            (orchestrator.cancel("w-1").err(), "has ended"),
            (orchestrator.cancel("w-2").err(), "does not exist"),
            (
                orchestrator.resume("w-1").err(),
                "is completed, not interrupted",
            ),
            (orchestrator.resume("w-2").err(), "does not exist"),
        ] {
            let refused = refused.unwrap().to_string();
            assert!(refused.contains(says), "{refused}");
        }
        assert_eq!(scene.journal.read("w-1").unwrap(), entries);
        let state = orchestrator.state("w-1").unwrap();
        assert_eq!(state.status, WorkflowStatus::Completed);
    });
}

#[test]
fn a_lost_process_takes_no_more_orders() {
    virtually(async {
        let scene = Scene::new();
        let plan = scene
            .plan(json!({"id": "w", "steps": [step("a", &[])]}))
            .unwrap();
        let input = Arc::new(json!({}));
        let orchestrator = scene.orchestrator();
        scene.crashes.declare(CrashPoint::Before, "a", "here");
        let lost = orchestrator.run(&plan, Arc::clone(&input), None).await;
        assert!(matches!(lost, Err(RunError::Crashed)));
        assert!(!orchestrator.is_alive());
        for refused in [
            orchestrator.begin(&plan, input, None).err(),
            orchestrator.resume("w-1").err(),
            orchestrator.cancel("w-1").err(),
        ] {
            assert!(matches!(refused, Some(RunError::Crashed)), "{refused:?}");
        }
        assert_eq!(scene.journal.read("w-1").unwrap().unwrap().len(), 1);
        assert!(scene.journal.read("w-2").unwrap().is_none());
    });
}

#[derive(Clone, Debug)]
struct Drawn {
    /// Per step: which earlier steps it waits for (as bits), latency, and whether it fails.
    steps: Vec<(u8, u64, bool)>,
    max_parallel: usize,
    crashes: Vec<(usize, usize)>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let steps = prop::collection::vec((any::<u8>(), 0..50_u64, prop::bool::weighted(0.15)), 1..7);
    let crashes = prop::collection::vec((0..4_usize, 0..7_usize), 0..4);
    (steps, 1..4_usize, crashes).prop_map(|(steps, max_parallel, crashes)| Drawn {
        steps,
        max_parallel,
        crashes,
    })
}

/// Runs what was drawn, restarting after every crash; gives the last status and all events.
fn rehearse(drawn: &Drawn, durable: bool) -> (WorkflowStatus, Vec<Event>) {
    const POINTS: [CrashPoint; 4] = [
        CrashPoint::Before,
        CrashPoint::During,
        CrashPoint::After,
        CrashPoint::DuringCompensation,
    ];
    virtually(async {
        let mut scene = if durable {
            Scene::durable()
        } else {
            Scene::new()
        };
        let mut steps = Vec::new();
        for (index, (waits_for, latency, fails)) in drawn.steps.iter().enumerate() {
            let id = format!("s{index}");
            let before: Vec<String> = (0..index)
                .filter(|before| waits_for >> before & 1 == 1)
                .map(|before| format!("s{before}"))
                .collect();
            let before: Vec<&str> = before.iter().map(String::as_str).collect();
            steps.push(step(&id, &before));
            let scripted = scene.registry.script("A", |script, _| {
                script.takes(&id, Duration::from_millis(*latency));
                if *fails {
                    let fault = scene.faults.declare("fails", "here");
                    script.always(&id, Response::Error("PERMANENT_ERROR".into()), fault);
                }
            });
            scripted.unwrap();
        }
        for (point, index) in &drawn.crashes {
            scene
                .crashes
                .declare(POINTS[*point], &format!("s{index}"), "here");
        }
        let workflow = json!({"id": "w", "maxParallel": drawn.max_parallel, "steps": steps});
        let plan = scene.plan(workflow).unwrap();
        let mut result = scene
            .orchestrator()
            .run(&plan, Arc::new(json!({})), None)
            .await;
        while matches!(result, Err(RunError::Crashed)) {
            scene.reopen();
            let mut recovered = scene.orchestrator().recover().await.unwrap();
            assert_eq!(recovered.len(), 1);
            result = recovered.remove(0).1;
        }
        (result.unwrap().status, scene.timeline.take())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_crashes_every_effect_happens_once_or_is_undone(drawn in drawn()) {
        let (status, events) = rehearse(&drawn, false);
        let mut keys: Vec<&Key> = Vec::new();
        for event in &events {
            if let EventKind::Effect { key, .. } = &event.kind {
                prop_assert!(!keys.contains(&key), "{key} happens twice");
                keys.push(key);
            }
        }
        let done = keys.iter().filter(|key| matches!(key, Key::Do(_))).count();
        let any_fails = drawn.steps.iter().any(|(_, _, fails)| *fails);
        if any_fails {
            prop_assert_eq!(status, WorkflowStatus::RolledBack);
            prop_assert_eq!(keys.len(), 2 * done, "all that was done is undone");
        } else {
            prop_assert_eq!(status, WorkflowStatus::Completed);
            prop_assert_eq!(done, drawn.steps.len());
            prop_assert_eq!(keys.len(), done);
        }
    }

    #[test]
    fn the_same_run_gives_the_same_timeline_in_memory_and_on_disk(drawn in drawn()) {
        prop_assert_eq!(rehearse(&drawn, false), rehearse(&drawn, true));
    }
}

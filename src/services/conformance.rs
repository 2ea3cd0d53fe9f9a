//! What every played service must do, whatever it keeps.

use std::{fs, path::PathBuf, sync::Arc};

use serde_json::{Value, json};

use crate::{
    clock::Clock,
    domain::{Call, CallName, Failure, Key, code},
    observability::{EventKind, Timeline},
    services::{
        Directory, Effects, Faults, FileService, Files, MockService, Service, ServiceDefinition,
    },
};

/// The services under test.
const SUBJECTS: &[fn() -> Subject] = &[
    mock,
    #[cfg(feature = "json-schema")]
    entity,
    file,
];

/// A service, and calls to test it with.
struct Subject {
    definition: Arc<ServiceDefinition>,
    service: Box<dyn Service>,
    timeline: Timeline,
    /// Two calls with different effects.
    changes: [Request; 2],
    /// The operation that undoes them.
    undo: &'static str,
    /// A call that changes nothing.
    read: Request,
    /// A call that fails until another one succeeds.
    failing: Option<(Request, Request)>,
    /// All that the service keeps, if anything.
    state: Option<Box<dyn Fn() -> Value>>,
}

/// An operation and its input.
type Request = (&'static str, Value);

fn mock() -> Subject {
    let timeline = Timeline::new(Clock::start());
    let definition = definition(json!({
        "name": "Queue",
        "class": "critical",
        "codes": {"QUEUE_BUSY": {"mode": "resource_api", "retryable": true}},
        "operations": {
            "push": {"kind": "create", "latency": "20 ms", "reply": {"position": 1}},
            "pull": {"latency": "5 ms"},
            "peek": {"kind": "get"},
        },
    }));
    Subject {
        service: Box::new(MockService::new(
            Arc::clone(&definition),
            Effects::new(timeline.clone()),
        )),
        definition,
        timeline,
        changes: [
            ("push", json!({"text": "a"})),
            ("push", json!({"text": "b"})),
        ],
        undo: "pull",
        read: ("peek", json!({})),
        failing: None,
        state: None,
    }
}

#[cfg(feature = "json-schema")]
fn entity() -> Subject {
    use crate::services::{Entities, EntityService};

    let timeline = Timeline::new(Clock::start());
    let definition = definition(json!({
        "name": "Notes",
        "class": "critical",
        "codes": {"NOTE_RESERVED": {"mode": "resource_api", "retryable": true}},
        "entity": {"name": "Note", "references": {"parent": "Notes"}},
        "operations": {
            "write": {"kind": "create", "latency": "20 ms"},
            "erase": {"kind": "delete", "latency": "5 ms"},
            "list": {"kind": "list"},
        },
    }));
    let entities = Entities::new(timeline.clock());
    let section = definition.entity.as_ref().unwrap();
    let effects = Effects::new(timeline.clone());
    let service =
        EntityService::new(Arc::clone(&definition), section, entities.clone(), effects).unwrap();
    let state = move || {
        let ids = entities.ids("Notes").unwrap();
        let notes = ids.iter().map(|id| entities.get("Notes", id).unwrap());
        notes.map(|note| note.unwrap().as_ref().clone()).collect()
    };
    Subject {
        service: Box::new(service),
        definition,
        timeline,
        changes: [
            ("write", json!({"name": "a"})),
            ("write", json!({"name": "b"})),
        ],
        undo: "erase",
        read: ("list", json!({})),
        failing: Some((
            ("write", json!({"id": "leaf", "parent": "root"})),
            ("write", json!({"id": "root"})),
        )),
        state: Some(Box::new(state)),
    }
}

fn file() -> Subject {
    let timeline = Timeline::new(Clock::start());
    let definition = definition(json!({
        "name": "Letters",
        "class": "critical",
        "codes": {"SHELF_FULL": {"mode": "resource_api", "retryable": true}},
        "files": {"versions": true},
        "operations": {
            "write": {"kind": "create", "latency": "20 ms"},
            "rewrite": {"kind": "update"},
            "burn": {"kind": "delete", "latency": "5 ms"},
            "list": {"kind": "list"},
        },
    }));
    let directory = Directory::default();
    let files = Files::new(directory.clone(), Faults::default(), timeline.clone());
    let policy = definition.files.clone().unwrap();
    let effects = Effects::new(timeline.clone());
    let service = FileService::new(Arc::clone(&definition), policy, files, effects).unwrap();
    let state = move || {
        let names = |folder| {
            let entries = fs::read_dir(folder).unwrap();
            entries.map(|entry| entry.unwrap().path())
        };
        let mut paths: Vec<_> = names(directory.path().unwrap()).collect();
        paths.sort();
        let shown = |path: PathBuf| {
            let bytes = fs::read(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            json!([name, String::from_utf8(bytes).unwrap()])
        };
        paths.into_iter().map(shown).collect()
    };
    Subject {
        service: Box::new(service),
        definition,
        timeline,
        changes: [
            ("write", json!({"path": "a.txt", "content": "a"})),
            ("write", json!({"path": "b.txt", "content": "b"})),
        ],
        undo: "burn",
        read: ("list", json!({})),
        failing: Some((
            ("rewrite", json!({"path": "c.txt", "content": "c"})),
            ("write", json!({"path": "c.txt", "content": "first"})),
        )),
        state: Some(Box::new(state)),
    }
}

fn definition(json: Value) -> Arc<ServiceDefinition> {
    serde_json::from_value(json).unwrap()
}

impl Subject {
    async fn call(
        &self,
        (operation, input): &Request,
        key: Option<&Key>,
    ) -> Result<Arc<Value>, Box<Failure>> {
        let name = CallName::new(self.service.name(), operation);
        let mut call = Call::new("test", name, input.clone());
        call.key = key.cloned();
        self.service.call(&call).await.map(|reply| reply.value)
    }

    async fn undo(&self, change: &Request, key: &Key) -> Result<Arc<Value>, Box<Failure>> {
        let undo = (self.undo, json!({"input": change.1, "reply": null}));
        self.call(&undo, Some(&key.undo())).await
    }

    /// All that the service keeps, if anything.
    fn state(&self) -> Option<Value> {
        self.state.as_ref().map(|state| state())
    }

    /// The numbers of effects and warnings since the last time.
    fn effects_and_warnings(&self) -> (usize, usize) {
        let events = self.timeline.take();
        let count =
            |is: fn(&EventKind) -> bool| events.iter().filter(|event| is(&event.kind)).count();
        (
            count(|kind| matches!(kind, EventKind::Effect { .. })),
            count(|kind| matches!(kind, EventKind::Warning { .. })),
        )
    }

    /// Fails if the state is still `before`, unless nothing is kept.
    fn assert_changed(&self, before: &Option<Value>) {
        assert!(
            before.is_none() || self.state() != *before,
            "{}",
            self.service.name()
        );
    }
}

fn key(step: &str) -> Key {
    Key::of_step("run-1", step)
}

#[tokio::test(start_paused = true)]
async fn service_reports_what_its_definition_says() {
    for subject in SUBJECTS.iter().map(|make| make()) {
        let Subject {
            definition,
            service,
            ..
        } = &subject;
        assert_eq!(service.name(), definition.name);
        assert_eq!(service.class(), definition.class.as_deref());
        let operations = definition.operations.as_ref().unwrap();
        let names: Vec<&str> = operations.keys().map(String::as_str).collect();
        assert_eq!(service.operations().unwrap(), names);
        for (name, operation) in operations {
            assert!(service.has_operation(name), "{name}");
            assert_eq!(service.latency(name), operation.latency, "{name}");
        }
        assert!(!service.has_operation("juggle"));
        let codes = service.codes().unwrap();
        for (code, own) in &definition.codes {
            assert!(codes.iter().any(|(known, _)| known == code), "{code}");
            assert_eq!(service.classify(code), own.classify(), "{code}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn repeated_key_has_one_effect() {
    for subject in SUBJECTS.iter().map(|make| make()) {
        let [change, _] = &subject.changes;
        let before = subject.state();
        let first = subject.call(change, Some(&key("a"))).await.unwrap();
        assert_eq!(subject.effects_and_warnings(), (1, 0));
        subject.assert_changed(&before);
        let after = subject.state();
        let again = subject.call(change, Some(&key("a"))).await.unwrap();
        assert_eq!(again, first);
        assert_eq!(subject.effects_and_warnings(), (0, 0));
        assert_eq!(subject.state(), after);
    }
}

#[tokio::test(start_paused = true)]
async fn different_keys_have_separate_effects() {
    for subject in SUBJECTS.iter().map(|make| make()) {
        let [one, other] = &subject.changes;
        subject.call(one, Some(&key("a"))).await.unwrap();
        let after_one = subject.state();
        subject.call(other, Some(&key("b"))).await.unwrap();
        assert_eq!(subject.effects_and_warnings(), (2, 0));
        subject.assert_changed(&after_one);
    }
}

#[tokio::test(start_paused = true)]
async fn undo_reverts_its_effect_once() {
    for subject in SUBJECTS.iter().map(|make| make()) {
        let [change, other] = &subject.changes;
        subject.call(other, Some(&key("b"))).await.unwrap();
        let before = subject.state();
        subject.call(change, Some(&key("a"))).await.unwrap();
        subject.effects_and_warnings();
        let first = subject.undo(change, &key("a")).await.unwrap();
        assert_eq!(subject.effects_and_warnings(), (1, 0));
        assert_eq!(subject.state(), before);
        let again = subject.undo(change, &key("a")).await.unwrap();
        assert_eq!(again, first);
        // A late repetition does not bring the effect back.
        subject.call(change, Some(&key("a"))).await.unwrap();
        assert_eq!(subject.effects_and_warnings(), (0, 0));
        assert_eq!(subject.state(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn undo_before_its_effect_blocks_it() {
    for subject in SUBJECTS.iter().map(|make| make()) {
        let [change, _] = &subject.changes;
        let before = subject.state();
        subject.undo(change, &key("a")).await.unwrap();
        assert_eq!(subject.effects_and_warnings(), (0, 0));
        let late = subject.call(change, Some(&key("a"))).await;
        assert_eq!(&*late.unwrap_err().code, code::CANCELLED);
        assert_eq!(subject.effects_and_warnings(), (0, 1));
        assert_eq!(subject.state(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn read_has_no_effect() {
    for subject in SUBJECTS.iter().map(|make| make()) {
        let before = subject.state();
        subject.call(&subject.read, Some(&key("a"))).await.unwrap();
        assert_eq!(subject.effects_and_warnings(), (0, 0));
        assert_eq!(subject.state(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn failed_call_has_no_effect_and_can_be_repeated() {
    for subject in SUBJECTS.iter().map(|make| make()) {
        let Some((failing, remedy)) = &subject.failing else {
            continue;
        };
        let before = subject.state();
        let failure = subject.call(failing, Some(&key("a"))).await.unwrap_err();
        assert_eq!(failure.service.as_deref(), Some(subject.service.name()));
        assert_eq!(failure.operation.as_deref(), Some(failing.0));
        assert_eq!(subject.effects_and_warnings(), (0, 0));
        assert_eq!(subject.state(), before);
        subject.call(remedy, Some(&key("b"))).await.unwrap();
        subject.call(failing, Some(&key("a"))).await.unwrap();
        assert_eq!(subject.effects_and_warnings(), (2, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn call_without_a_key_is_not_recorded_as_an_effect() {
    for subject in SUBJECTS.iter().map(|make| make()) {
        for change in &subject.changes {
            let before = subject.state();
            subject.call(change, None).await.unwrap();
            subject.assert_changed(&before);
        }
        assert_eq!(subject.effects_and_warnings(), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn same_calls_get_the_same_replies() {
    for make in SUBJECTS {
        let mut runs = Vec::new();
        for _ in 0..2 {
            let subject = make();
            let mut all = Vec::new();
            for (number, change) in subject.changes.iter().enumerate() {
                let key = key(&number.to_string());
                all.push(subject.call(change, Some(&key)).await.unwrap().to_string());
                all.push(subject.call(&subject.read, None).await.unwrap().to_string());
            }
            all.push(
                subject
                    .undo(&subject.changes[0], &key("0"))
                    .await
                    .unwrap()
                    .to_string(),
            );
            all.push(format!("{:?}", subject.state()));
            let events = subject.timeline.take();
            all.extend(events.iter().map(|event| format!("{event:?}")));
            runs.push(all);
        }
        assert_eq!(runs[0], runs[1]);
    }
}

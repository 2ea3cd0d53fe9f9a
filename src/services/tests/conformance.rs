//! What every service that is played must do, whatever it keeps.

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

/// The services that the suite is for.
const SUBJECTS: &[fn() -> Subject] = &[
    mock,
    #[cfg(feature = "json-schema")]
    entity,
    file,
];

/// A service, and calls that put it to the test.
struct Subject {
    definition: Arc<ServiceDefinition>,
    service: Box<dyn Service>,
    timeline: Timeline,
    /// Two calls that change something, each its own.
    deeds: [Request; 2],
    /// The operation that an undo of them calls.
    undo: &'static str,
    /// A call that changes nothing.
    read: Request,
    /// A call that fails until another has been made.
    failing: Option<(Request, Request)>,
    /// All that the service keeps, where it keeps anything.
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
        deeds: [
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
        deeds: [
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
        deeds: [
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

    async fn undo(&self, deed: &Request, key: &Key) -> Result<Arc<Value>, Box<Failure>> {
        let undo = (self.undo, json!({"input": deed.1, "reply": null}));
        self.call(&undo, Some(&key.undo())).await
    }

    /// What the service keeps; nothing where it keeps nothing.
    fn state(&self) -> Option<Value> {
        self.state.as_ref().map(|state| state())
    }

    /// How many effects and warnings there were since the last time.
    fn shown(&self) -> (usize, usize) {
        let events = self.timeline.take();
        let count =
            |is: fn(&EventKind) -> bool| events.iter().filter(|event| is(&event.kind)).count();
        (
            count(|kind| matches!(kind, EventKind::Effect { .. })),
            count(|kind| matches!(kind, EventKind::Warning { .. })),
        )
    }

    /// Fails unless `state` is another one than before; where nothing is kept, it never is.
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
async fn names_latencies_class_and_codes_are_those_of_the_definition() {
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
async fn a_deed_is_done_once_per_key() {
    for subject in SUBJECTS.iter().map(|make| make()) {
        let [deed, _] = &subject.deeds;
        let before = subject.state();
        let first = subject.call(deed, Some(&key("a"))).await.unwrap();
        assert_eq!(subject.shown(), (1, 0));
        subject.assert_changed(&before);
        let after = subject.state();
        let again = subject.call(deed, Some(&key("a"))).await.unwrap();
        assert_eq!(again, first);
        assert_eq!(subject.shown(), (0, 0));
        assert_eq!(subject.state(), after);
    }
}

#[tokio::test(start_paused = true)]
async fn two_keys_are_two_deeds() {
    for subject in SUBJECTS.iter().map(|make| make()) {
        let [one, other] = &subject.deeds;
        subject.call(one, Some(&key("a"))).await.unwrap();
        let after_one = subject.state();
        subject.call(other, Some(&key("b"))).await.unwrap();
        assert_eq!(subject.shown(), (2, 0));
        subject.assert_changed(&after_one);
    }
}

#[tokio::test(start_paused = true)]
async fn an_undo_takes_its_deed_back_once() {
    for subject in SUBJECTS.iter().map(|make| make()) {
        let [deed, other] = &subject.deeds;
        subject.call(other, Some(&key("b"))).await.unwrap();
        let before = subject.state();
        subject.call(deed, Some(&key("a"))).await.unwrap();
        subject.shown();
        let first = subject.undo(deed, &key("a")).await.unwrap();
        assert_eq!(subject.shown(), (1, 0));
        assert_eq!(subject.state(), before);
        let again = subject.undo(deed, &key("a")).await.unwrap();
        assert_eq!(again, first);
        // Nor does the deed come back when it is repeated late.
        subject.call(deed, Some(&key("a"))).await.unwrap();
        assert_eq!(subject.shown(), (0, 0));
        assert_eq!(subject.state(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn an_undo_before_its_deed_bars_it() {
    for subject in SUBJECTS.iter().map(|make| make()) {
        let [deed, _] = &subject.deeds;
        let before = subject.state();
        subject.undo(deed, &key("a")).await.unwrap();
        assert_eq!(subject.shown(), (0, 0));
        let late = subject.call(deed, Some(&key("a"))).await;
        assert_eq!(&*late.unwrap_err().code, code::CANCELLED);
        assert_eq!(subject.shown(), (0, 1));
        assert_eq!(subject.state(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_reads_leaves_no_effect() {
    for subject in SUBJECTS.iter().map(|make| make()) {
        let before = subject.state();
        subject.call(&subject.read, Some(&key("a"))).await.unwrap();
        assert_eq!(subject.shown(), (0, 0));
        assert_eq!(subject.state(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_leaves_no_effect_and_may_be_repeated() {
    for subject in SUBJECTS.iter().map(|make| make()) {
        let Some((failing, mend)) = &subject.failing else {
            continue;
        };
        let before = subject.state();
        let failure = subject.call(failing, Some(&key("a"))).await.unwrap_err();
        assert_eq!(failure.service.as_deref(), Some(subject.service.name()));
        assert_eq!(failure.operation.as_deref(), Some(failing.0));
        assert_eq!(subject.shown(), (0, 0));
        assert_eq!(subject.state(), before);
        subject.call(mend, Some(&key("b"))).await.unwrap();
        subject.call(failing, Some(&key("a"))).await.unwrap();
        assert_eq!(subject.shown(), (2, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_key_a_call_is_just_made() {
    for subject in SUBJECTS.iter().map(|make| make()) {
        for deed in &subject.deeds {
            let before = subject.state();
            subject.call(deed, None).await.unwrap();
            subject.assert_changed(&before);
        }
        assert_eq!(subject.shown(), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_calls_get_the_same_replies() {
    for make in SUBJECTS {
        let mut told = Vec::new();
        for _ in 0..2 {
            let subject = make();
            let mut all = Vec::new();
            for (number, deed) in subject.deeds.iter().enumerate() {
                let key = key(&number.to_string());
                all.push(subject.call(deed, Some(&key)).await.unwrap().to_string());
                all.push(subject.call(&subject.read, None).await.unwrap().to_string());
            }
            all.push(
                subject
                    .undo(&subject.deeds[0], &key("0"))
                    .await
                    .unwrap()
                    .to_string(),
            );
            all.push(format!("{:?}", subject.state()));
            let events = subject.timeline.take();
            all.extend(events.iter().map(|event| format!("{event:?}")));
            told.push(all);
        }
        assert_eq!(told[0], told[1]);
    }
}

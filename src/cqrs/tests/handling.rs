use std::{num::NonZeroU64, sync::Arc};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    clock::{Clock, Seed, virtually},
    cqrs::{
        Aggregate, Command, CommandHandler, Decision, DefinedAggregate, DomainEvent, EventStore,
        EventStoreService, Snapshot, StreamId, unknown_event,
    },
    domain::{Failure, from_value},
    observability::Timeline,
    services::{Client, Effects, Faults, Registry},
};

struct TestHandler {
    store: Arc<EventStore>,
    commands: CommandHandler,
}

impl TestHandler {
    fn new(aggregate: Arc<dyn Aggregate>) -> Self {
        let timeline = Timeline::new(Clock::start());
        let registry = Registry::default();
        let store = Arc::new(EventStore::default());
        let effects = Effects::new(timeline.clone());
        registry.add(EventStoreService::new(
            store.clone(),
            effects,
            timeline.clone(),
        ));
        let client = Client::new(registry, Faults::default(), timeline);
        let commands = CommandHandler::new(Arc::new(client), Seed(0));
        commands.add(aggregate).unwrap();
        Self { store, commands }
    }

    async fn send(&self, id: usize, kind: &str, payload: Value) -> Result<u64, String> {
        let command = Command {
            id: format!("c-{id}").into(),
            kind: kind.into(),
            aggregate_id: "a".into(),
            payload: Arc::new(payload),
            metadata: Default::default(),
        };
        let handled = self.commands.handle(&command).await;
        handled
            .map(|result| result.version)
            .map_err(|failure| failure.code.to_string())
    }
}

fn stack(snapshot_every: Option<u64>) -> Arc<dyn Aggregate> {
    let mut definition = json!({
        "name": "Stack",
        "initial": { "items": [], "pushed": 0 },
        "commands": {
            "push": {
                "refuse": [{
                    "unless": { "properties": { "state": { "properties": { "items": { "maxItems": 4 } } } } },
                    "code": "FULL", "message": "it is full",
                }],
                "emits": [{ "event": "Pushed", "data": { "item": "${/command/payload/item}", "number": "${/state/pushed}" } }],
            },
            "pushTwice": { "emits": [
                { "event": "Pushed", "data": { "item": 1, "number": "${/state/pushed}" } },
                { "event": "Pushed", "data": { "item": 2, "number": "${/state/pushed}" } },
            ] },
            "pop": { "emits": [{ "event": "Popped" }] },
            "clear": { "emits": [{ "event": "Cleared" }] },
        },
        "events": {
            "Pushed": [{ "append": "/items", "item": "${/event/data/item}" }, { "add": "/pushed", "by": 1 }],
            "Popped": [{ "remove": "/items/0" }],
            "Cleared": [{ "set": "/items", "to": [] }],
        },
        "invariants": [{
            "unless": { "properties": { "state": { "properties": { "items": { "maxItems": 5 } } } } },
            "code": "OVERFULL", "message": "it would be overfull",
        }],
    });
    if let Some(every) = snapshot_every {
        definition["snapshotEvery"] = every.into();
    }
    Arc::new(DefinedAggregate::new(from_value(&definition).unwrap()).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn decisions_are_the_same_with_and_without_snapshots(
        every in 1..5_u64,
        kinds in proptest::collection::vec(0..4_usize, 1..40),
    ) {
        let outcomes = [None, Some(every)].map(|every| virtually(async {
            let handler = TestHandler::new(stack(every));
            let mut results = Vec::new();
            for (id, &kind) in kinds.iter().enumerate() {
                let kind = ["push", "pushTwice", "pop", "clear"][kind];
                results.push(handler.send(id, kind, json!({"item": id})).await);
            }
            let stream = StreamId::new("Stack", "a");
            let snapshot = handler.store.load_snapshot(&stream);
            (results, handler.store.load(&stream, 0), snapshot)
        }));
        let [(plain, events, none), (with, same, snapshot)] = outcomes;
        prop_assert_eq!(plain, with);
        prop_assert_eq!(none, None);
        let version = events.len() as u64;
        prop_assert_eq!(events, same);
        prop_assert_eq!(snapshot.is_some(), version >= every);
    }
}

struct Door;

impl Aggregate for Door {
    fn name(&self) -> &str {
        "Door"
    }

    fn commands(&self) -> Vec<&str> {
        vec!["openDoor", "close"]
    }

    fn snapshot_every(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(2)
    }

    fn initial(&self) -> Arc<Value> {
        Arc::new(json!({"open": false}))
    }

    fn decide(&self, state: &Arc<Value>, command: &Command) -> Decision {
        let opens = &*command.kind == "openDoor";
        if state["open"] == opens {
            return Err(Box::new(Failure::new("NO_CHANGE", "nothing to change")));
        }
        let kind = if opens { "Opened" } else { "Closed" };
        Ok(vec![DomainEvent::new(kind, json!({}))])
    }

    fn apply(&self, state: &mut Arc<Value>, event: &DomainEvent) -> Result<(), Box<Failure>> {
        let open = match &*event.kind {
            "Opened" => true,
            "Closed" => false,
            other => return Err(unknown_event(self.name(), other, ["Opened", "Closed"])),
        };
        *state = Arc::new(json!({"open": open}));
        Ok(())
    }
}

#[test]
fn aggregate_in_rust_is_restored_from_its_snapshot() {
    virtually(async {
        let handler = TestHandler::new(Arc::new(Door));
        let refused = Err("NO_CHANGE".to_owned());
        assert_eq!(handler.send(1, "close", json!({})).await, refused);
        assert_eq!(handler.send(2, "openDoor", json!({})).await, Ok(1));
        assert_eq!(handler.send(3, "openDoor", json!({})).await, refused);
        assert_eq!(handler.send(4, "close", json!({})).await, Ok(2));
        let snapshot = handler.store.load_snapshot(&StreamId::new("Door", "a"));
        assert_eq!(*snapshot.unwrap().state, json!({"open": false}));
        assert_eq!(handler.send(5, "close", json!({})).await, refused);
        assert_eq!(handler.send(6, "openDoor", json!({})).await, Ok(3));
    });
}

#[test]
fn snapshot_is_used_by_its_own_revision_alone() {
    virtually(async {
        for (revision, used) in [(Some("1"), true), (Some("2"), false), (None, false)] {
            let handler = TestHandler::new(Arc::new(Door));
            assert_eq!(handler.send(1, "openDoor", json!({})).await, Ok(1));
            let snapshot = Snapshot {
                version: 1,
                revision: revision.map(Into::into),
                // Not what its events say, so that one sees which of them is believed.
                state: Arc::new(json!({"open": false})),
            };
            let stream = StreamId::new("Door", "a");
            handler.store.save_snapshot(&stream, &snapshot).unwrap();
            let opened = handler.send(2, "openDoor", json!({})).await;
            assert_eq!(opened.is_ok(), used, "{revision:?}");
        }
    });
}

#[test]
fn aggregate_in_rust_with_a_slash_in_its_name_is_refused() {
    struct Named;

    impl Aggregate for Named {
        fn name(&self) -> &str {
            "a/b"
        }

        fn commands(&self) -> Vec<&str> {
            vec!["open"]
        }

        fn decide(&self, _: &Arc<Value>, _: &Command) -> Decision {
            Ok(Vec::new())
        }

        fn apply(&self, _: &mut Arc<Value>, _: &DomainEvent) -> Result<(), Box<Failure>> {
            Ok(())
        }
    }

    virtually(async {
        let handler = TestHandler::new(stack(None));
        let error = handler.commands.add(Arc::new(Named)).unwrap_err();
        assert_eq!(error.pointer, "/name");
    });
}

#[test]
fn command_of_another_aggregate_is_refused() {
    virtually(async {
        let handler = TestHandler::new(stack(None));
        let other = json!({"name": "Pile", "commands": {"pop": {}}, "events": {}});
        let other = DefinedAggregate::new(from_value(&other).unwrap()).unwrap();
        let error = handler.commands.add(Arc::new(other)).unwrap_err();
        assert_eq!(error.pointer, "/commands/pop");
        assert_eq!(error.message, "Stack already has a command \"pop\"");
        assert!(
            handler.commands.add(stack(Some(1))).is_ok(),
            "in its own place"
        );
    });
}

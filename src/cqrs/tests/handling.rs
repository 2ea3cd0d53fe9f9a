use std::sync::{Arc, RwLock};

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    clock::{Clock, Seed, virtually},
    cqrs::{
        Aggregate, AggregateOf, AggregateType, Command, CommandHandler, Decision, DefinedAggregate,
        DomainEvent, EventStore, EventStoreService, MemoryEventStore, StreamId, unknown_event,
    },
    domain::{Failure, from_value},
    observability::Timeline,
    services::{Client, Effects, Faults, Policies, Registry},
};

struct Scene {
    store: Arc<MemoryEventStore>,
    handler: CommandHandler,
}

impl Scene {
    fn new(aggregate: Arc<dyn AggregateType>) -> Self {
        let timeline = Timeline::new(Clock::start());
        let registry = Registry::default();
        let store = Arc::new(MemoryEventStore::default());
        let effects = Effects::new(timeline.clone());
        registry.add(EventStoreService::new(store.clone(), effects, timeline.clone()).unwrap());
        let client = Client::new(
            registry,
            Arc::new(RwLock::new(Policies::default())),
            Faults::default(),
            timeline,
            Seed(0),
        );
        let handler = CommandHandler::new(Arc::new(client), Seed(0));
        handler.add(aggregate).unwrap();
        Self { store, handler }
    }

    async fn send(&self, id: usize, kind: &str, payload: Value) -> Result<u64, String> {
        let command = Command {
            id: format!("c-{id}").into(),
            kind: kind.into(),
            aggregate_id: "a".into(),
            payload: Arc::new(payload),
            metadata: Default::default(),
        };
        let handled = self.handler.handle(&command).await;
        handled
            .map(|result| result.version)
            .map_err(|failure| failure.code.to_string())
    }
}

fn stack(snapshot_every: Option<u64>) -> Arc<dyn AggregateType> {
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
    fn snapshots_change_nothing_of_what_is_decided(
        every in 1..5_u64,
        kinds in proptest::collection::vec(0..4_usize, 1..40),
    ) {
        let outcomes = [None, Some(every)].map(|every| virtually(async {
            let scene = Scene::new(stack(every));
            let mut results = Vec::new();
            for (id, &kind) in kinds.iter().enumerate() {
                let kind = ["push", "pushTwice", "pop", "clear"][kind];
                results.push(scene.send(id, kind, json!({"item": id})).await);
            }
            let stream = StreamId::new("Stack", "a");
            let snapshot = scene.store.load_snapshot(&stream).unwrap();
            (results, scene.store.load(&stream, 0).unwrap(), snapshot)
        }));
        let [(plain, events, none), (with, same, snapshot)] = outcomes;
        prop_assert_eq!(plain, with);
        prop_assert_eq!(none, None);
        let version = events.len() as u64;
        prop_assert_eq!(events, same);
        prop_assert_eq!(snapshot.is_some(), version >= every);
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Door {
    open: bool,
}

impl Aggregate for Door {
    const NAME: &str = "Door";
    const COMMANDS: &[&str] = &["openDoor", "close"];
    const SNAPSHOT_EVERY: Option<std::num::NonZeroU64> = std::num::NonZeroU64::new(2);

    fn decide(&self, command: &Command) -> Decision {
        let opens = &*command.kind == "openDoor";
        if opens == self.open {
            return Err(Box::new(Failure::new("NO_CHANGE", "it is so already")));
        }
        let kind = if opens { "Opened" } else { "Closed" };
        Ok(vec![DomainEvent::new(kind, json!({}))])
    }

    fn apply(&mut self, event: &DomainEvent) -> Result<(), Box<Failure>> {
        self.open = match &*event.kind {
            "Opened" => true,
            "Closed" => false,
            other => return Err(unknown_event(Self::NAME, other, ["Opened", "Closed"])),
        };
        Ok(())
    }
}

#[test]
fn an_aggregate_in_rust_decides_and_is_restored_from_its_snapshot() {
    virtually(async {
        let scene = Scene::new(Arc::new(AggregateOf::<Door>::default()));
        let refused = Err("NO_CHANGE".to_owned());
        assert_eq!(scene.send(1, "close", json!({})).await, refused);
        assert_eq!(scene.send(2, "openDoor", json!({})).await, Ok(1));
        assert_eq!(scene.send(3, "openDoor", json!({})).await, refused);
        assert_eq!(scene.send(4, "close", json!({})).await, Ok(2));
        let snapshot = scene.store.load_snapshot(&StreamId::new("Door", "a"));
        assert_eq!(*snapshot.unwrap().unwrap().state, json!({"open": false}));
        assert_eq!(scene.send(5, "close", json!({})).await, refused);
        assert_eq!(scene.send(6, "openDoor", json!({})).await, Ok(3));
    });
}

#[test]
fn a_command_belongs_to_one_type_of_aggregates() {
    virtually(async {
        let scene = Scene::new(stack(None));
        let other = json!({"name": "Pile", "commands": {"pop": {}}, "events": {}});
        let other = DefinedAggregate::new(from_value(&other).unwrap()).unwrap();
        let error = scene.handler.add(Arc::new(other)).unwrap_err();
        assert_eq!(error.pointer, "/commands/pop");
        assert_eq!(error.message, "Stack has a command \"pop\" already");
        assert!(
            scene.handler.add(stack(Some(1))).is_ok(),
            "in its own place"
        );
    });
}

//! Faults, gaps, restarts and new definitions in any order: a projection loses, doubles and reorders
//! no event.

use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    clock::{Clock, Seed, virtually},
    cqrs::{
        Command, CommandHandler, DefinedAggregate, EventStore, EventStoreService, ProjectionStatus,
        Projector, StoredEvent,
    },
    domain::from_value,
    observability::Timeline,
    services::{Client, Effects, Faults, Registry, Response, WireAnswer},
};

const NAME: &str = "Lists";

#[derive(Clone, Debug)]
enum ScheduledAction {
    /// A command of a type; poison is an event that no definition but the one that lifts can apply.
    Send {
        kind: &'static str,
        poison: bool,
    },
    Answers {
        operation: &'static str,
        times: u32,
        response: Response,
    },
    /// A page without one of the events, or with one of them twice and the others backwards.
    Page {
        place: usize,
        twice: bool,
    },
    StoreGoesDown {
        seconds: u64,
    },
    Define {
        which: usize,
        beside: bool,
    },
    Rebuild,
    SetAside,
    Resume,
    Restart,
    Pass {
        millis: u64,
    },
}

fn action() -> impl Strategy<Value = ScheduledAction> {
    let operation = || prop_oneof![4 => Just("apply"), 2 => Just("replay"), 1 => Just("reset")];
    let response = prop_oneof![
        4 => Just(Response::Error("TOOL_ERROR".into())),
        2 => Just(Response::ActsThenError("TOOL_ERROR".into())),
        1 => Just(Response::Wire(WireAnswer::Lost)),
        1 => Just(Response::Twice),
        2 => (0..90u64).prop_map(|seconds| Response::Late(Duration::from_secs(seconds))),
    ];
    let kind = prop_oneof![2 => Just("sell"), 1 => Just("refund")];
    prop_oneof![
        10 => (kind, proptest::bool::weighted(0.1))
            .prop_map(|(kind, poison)| ScheduledAction::Send { kind, poison }),
        4 => (operation(), 1..13u32, response).prop_map(|(operation, times, response)| {
            ScheduledAction::Answers { operation, times, response }
        }),
        2 => (0..6usize, any::<bool>())
            .prop_map(|(place, twice)| ScheduledAction::Page { place, twice }),
        1 => (1..20u64).prop_map(|seconds| ScheduledAction::StoreGoesDown { seconds }),
        2 => (0..3usize, any::<bool>())
            .prop_map(|(which, beside)| ScheduledAction::Define { which, beside }),
        1 => Just(ScheduledAction::Rebuild),
        2 => Just(ScheduledAction::SetAside),
        1 => Just(ScheduledAction::Resume),
        2 => Just(ScheduledAction::Restart),
        6 => (0..40_000u64).prop_map(|millis| ScheduledAction::Pass { millis }),
    ]
}

/// Lists of the numbers of events: of sales alone, of all, or of all with the sales in one list.
fn definition(which: usize, beside: bool) -> Value {
    let handler = json!({
        "key": "${/event/data/key}", "changes": [{ "append": "/numbers", "item": "${/event/data/number}" }],
    });
    let mut definition = json!({ "name": NAME, "handles": { "Sold": handler } });
    if which > 0 {
        definition["handles"]["Refunded"] = handler;
    }
    if which > 1 {
        definition["upcasts"] = json!({ "Sold": { "1": [{ "set": "/key", "to": "sales" }] } });
    }
    if beside {
        definition["rebuild"] = "beside".into();
    }
    definition
}

struct Rig {
    timeline: Timeline,
    registry: Registry,
    faults: Faults,
    store: Arc<EventStore>,
    commands: CommandHandler,
    projector: Projector,
    sent: u64,
    which: usize,
}

impl Rig {
    fn new() -> Self {
        let timeline = Timeline::new(Clock::start());
        let (registry, faults) = (Registry::default(), Faults::default());
        let store = Arc::new(EventStore::default());
        let effects = Effects::new(timeline.clone());
        let service = EventStoreService::new(Arc::clone(&store), effects, timeline.clone());
        registry.add(service.clone());
        let client = Client::new(registry.clone(), faults.clone(), timeline.clone());
        let client = Arc::new(client);
        let commands = CommandHandler::new(Arc::clone(&client), Seed(0));
        let emits =
            |event: &str| json!({ "emits": [{ "event": event, "data": "${/command/payload}" }] });
        let till = json!({
            "name": "Till", "snapshotEvery": 3,
            "commands": { "sell": emits("Sold"), "refund": emits("Refunded") },
            "events": { "Sold": [], "Refunded": [] },
        });
        let till = DefinedAggregate::new(from_value(&till).unwrap()).unwrap();
        commands.add(Arc::new(till)).unwrap();
        let projector = Projector::new(client, &service);
        let mut rig = Self {
            timeline,
            registry,
            faults,
            store,
            commands,
            projector,
            sent: 0,
            which: 0,
        };
        rig.define(0, false);
        rig
    }

    fn define(&mut self, which: usize, beside: bool) {
        let definition = from_value(&definition(which, beside)).unwrap();
        self.projector.define(&definition).unwrap();
        self.which = which;
    }

    async fn send(&mut self, kind: &str, poison: bool) {
        self.sent += 1;
        let number = self.sent;
        let key = match poison {
            true => json!([]),
            false => json!(format!("k-{}", number % 2)),
        };
        let command = Command {
            id: format!("c-{number}").into(),
            kind: kind.into(),
            aggregate_id: "t-1".into(),
            payload: Arc::new(json!({ "key": key, "number": number })),
            metadata: Default::default(),
        };
        // It fails while the store is down.
        let _ = self.commands.handle(&command).await;
    }

    fn answers(&self, service: &str, operation: &str, times: u32, response: Response) {
        let fault = self.faults.declare("scripted answer", "test");
        let scripted = self.registry.script(service, |script, _| {
            script.times(operation, times, response, fault);
        });
        scripted.unwrap();
    }

    /// Answers the next reading with a page that has all events but one.
    fn answer_with_page(&self, place: usize, twice: bool) {
        let stored = self.store.read(0, usize::MAX).into_iter();
        let event =
            |StoredEvent { position, event }| json!({ "position": position, "event": event });
        let mut events: Vec<Value> = stored.map(event).collect();
        if place < events.len() {
            let one = events.remove(place);
            if twice {
                events.insert(0, one.clone());
                events.push(one);
                events.reverse();
            }
        }
        let page = Response::Reply(Arc::new(json!({ "events": events })));
        self.answers("EventStore", "read", 1, page);
    }

    async fn act(&mut self, action: &ScheduledAction) {
        match action {
            ScheduledAction::Send { kind, poison } => self.send(kind, *poison).await,
            ScheduledAction::Answers {
                operation,
                times,
                response,
            } => self.answers(NAME, operation, *times, response.clone()),
            ScheduledAction::Page { place, twice } => self.answer_with_page(*place, *twice),
            ScheduledAction::StoreGoesDown { seconds } => {
                let until = self.timeline.now() + Duration::from_secs(*seconds);
                let fault = self.faults.declare("is down", "test");
                let down = self.registry.script("EventStore", |script, _| {
                    script.take_down(Some(until), fault)
                });
                down.unwrap();
            }
            ScheduledAction::Define { which, beside } => self.define(*which, *beside),
            ScheduledAction::Rebuild => self.projector.rebuild(NAME).unwrap(),
            // They fail unless an event holds it back, or it is paused.
            ScheduledAction::SetAside => drop(self.projector.set_aside(NAME)),
            ScheduledAction::Resume => drop(self.projector.resume(NAME)),
            ScheduledAction::Restart => self.projector.restart(),
            ScheduledAction::Pass { millis } => {
                tokio::time::sleep(Duration::from_millis(*millis)).await;
            }
        }
    }

    /// Waits for the end of all faults; what is poison is set aside.
    async fn recover(&self) -> Result<(), TestCaseError> {
        for _ in 0..200 {
            let caught_up = self.projector.caught_up();
            let in_time = tokio::time::timeout(Duration::from_secs(3600), caught_up).await;
            prop_assert!(in_time.is_ok(), "it never catches up");
            let failure = self.projector.failure(NAME).unwrap();
            let is_poison =
                failure.is_some_and(|failure| failure.event["data"]["key"] == json!([]));
            if is_poison {
                self.projector.set_aside(NAME).unwrap();
            } else if self.projector.resume(NAME).is_err() {
                prop_assert_eq!(
                    self.projector.status(NAME).unwrap(),
                    ProjectionStatus::Running
                );
                return Ok(());
            }
        }
        Err(TestCaseError::fail("it is paused again and again"))
    }

    fn lists(&self) -> IndexMap<String, Vec<u64>> {
        let lists = ["k-0", "k-1", "sales"].into_iter().filter_map(|key| {
            let document = self.projector.document(NAME, key).unwrap()?;
            let numbers = document["numbers"].as_array().unwrap().iter();
            Some((key.to_owned(), numbers.filter_map(Value::as_u64).collect()))
        });
        lists.collect()
    }

    /// No list has an event twice, or before an earlier one.
    fn check_order(&self) -> Result<(), TestCaseError> {
        for (key, numbers) in self.lists() {
            prop_assert!(numbers.is_sorted_by(|a, b| a < b), "{}: {:?}", key, numbers);
        }
        Ok(())
    }

    /// The lists are those of the last definition, of all events that are not set aside.
    fn check_complete(&self) -> Result<(), TestCaseError> {
        let set_aside = self.projector.set_aside_events(NAME).unwrap();
        let mut expected: IndexMap<String, Vec<u64>> = IndexMap::new();
        let mut checkpoint = 0;
        for StoredEvent { position, event } in self.store.read(0, usize::MAX) {
            let is_sale = &*event.kind == "Sold";
            let is_handled = is_sale || self.which > 0;
            if !is_handled || set_aside.iter().any(|event| event.position == position) {
                continue;
            }
            checkpoint = position;
            let key = match is_sale && self.which > 1 {
                true => "sales",
                false => event.data["key"].as_str().unwrap(),
            };
            let number = event.data["number"].as_u64().unwrap();
            expected.entry(key.to_owned()).or_default().push(number);
        }
        prop_assert_eq!(self.lists(), expected);
        prop_assert_eq!(self.projector.checkpoint(NAME).unwrap(), checkpoint);
        Ok(())
    }
}

fn check(actions: &[ScheduledAction]) -> Result<(), TestCaseError> {
    virtually(async {
        let mut rig = Rig::new();
        for action in actions {
            rig.act(action).await;
            rig.check_order()?;
        }
        rig.recover().await?;
        rig.check_complete()?;
        // By then, late calls have come.
        tokio::time::sleep(Duration::from_secs(600)).await;
        rig.check_complete()
    })
}

fn actions() -> impl Strategy<Value = Vec<ScheduledAction>> {
    proptest::collection::vec(action(), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn projection_loses_doubles_and_reorders_no_event(actions in actions()) {
        check(&actions)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    #[ignore = "takes a minute"]
    fn projection_of_ten_thousand_schedules_loses_doubles_and_reorders_no_event(actions in actions()) {
        check(&actions)?;
    }
}

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Entities, EntityService};
use crate::{
    clock::{Clock, virtually},
    domain::{Call, CallName, Failure, Key, Violation, from_json},
    observability::Timeline,
    services::{Effects, Service as _, ServiceDefinition},
};

/// A service of notes, whose operations are named after their kinds.
struct Notes {
    service: EntityService,
    entities: Entities,
}

impl Notes {
    fn new() -> Self {
        let timeline = Timeline::new(Clock::start());
        let kinds = [
            "create", "update", "delete", "restore", "reserve", "release",
        ];
        let operations = kinds.map(|kind| (kind.to_owned(), json!({ "kind": kind })));
        let definition: Arc<ServiceDefinition> = serde_json::from_value(json!({
            "name": "Notes",
            "entity": {
                "name": "Note",
                "references": {"parent": "Notes"},
                "existing": [{"id": "a"}, {"id": "b", "parent": "a"}],
            },
            "operations": serde_json::Map::from_iter(operations),
        }))
        .unwrap();
        let entities = Entities::new(timeline.clock());
        let section = definition.entity.as_ref().unwrap();
        let effects = Effects::new(timeline);
        let service =
            EntityService::new(Arc::clone(&definition), section, entities.clone(), effects);
        Self {
            service: service.unwrap(),
            entities,
        }
    }

    async fn call(
        &self,
        operation: &str,
        input: &Value,
        key: Key,
    ) -> Result<Arc<Value>, Box<Failure>> {
        let mut call = Call::new("test", CallName::new("Notes", operation), input.clone());
        call.key = Some(key);
        self.service.call(&call).await.map(|reply| reply.value)
    }

    /// All notes in their order, with their former revisions and reservations.
    fn all(&self) -> Vec<String> {
        let store = self.entities.lock();
        let notes = store.tables().flat_map(|(_, table)| &table.entities);
        notes.map(|(id, note)| format!("{id} {note:?}")).collect()
    }
}

#[derive(Clone, Debug)]
struct DrawnCall {
    operation: &'static str,
    input: Value,
}

fn step() -> impl Strategy<Value = DrawnCall> {
    let operation = prop::sample::select(vec![
        "create", "update", "delete", "restore", "reserve", "release",
    ]);
    let id = prop::sample::select(vec!["a", "b", "c", "d"]);
    let parent = prop::option::of(prop::sample::select(vec!["a", "b", "c"]));
    (operation, id, parent, 0..9).prop_map(|(operation, id, parent, text)| DrawnCall {
        operation,
        input: match operation {
            "create" | "update" => json!({"id": id, "parent": parent, "text": text}),
            _ => json!({ "id": id }),
        },
    })
}

proptest! {
    /// For any changes, whatever operation the undo calls.
    #[test]
    fn undos_in_reverse_restore_everything(steps in prop::collection::vec(step(), 1..40)) {
        virtually(async {
            let notes = Notes::new();
            let mut done = Vec::new();
            for (number, step) in steps.iter().enumerate() {
                let key = Key::of_step("run-1", &number.to_string());
                let before = notes.all();
                match notes.call(step.operation, &step.input, key.clone()).await {
                    Ok(_) => done.push((key, before)),
                    Err(_) => prop_assert_eq!(notes.all(), before, "a failure changes nothing"),
                }
            }
            let undos = ["restore", "delete", "release"].into_iter().cycle();
            for ((key, before), undo) in done.into_iter().rev().zip(undos) {
                let undone = notes.call(undo, &json!({}), key.undo()).await;
                prop_assert!(undone.is_ok(), "{:?}", undone);
                prop_assert_eq!(notes.all(), before);
            }
            Ok(())
        })?;
    }
}

/// A change, what others did to its entity since, and the result of its undo.
#[tokio::test(start_paused = true)]
async fn undo_keeps_changes_of_others() {
    let (a, b) = (json!({"id": "a"}), json!({"id": "b"}));
    let gone = Err("CONCURRENT_MODIFICATION");
    for (change, input, since, undone) in [
        (
            "create",
            json!({"id": "c"}),
            vec![("delete", "c"), ("create", "c")],
            Ok("restored"),
        ),
        (
            "create",
            json!({"id": "c"}),
            vec![("delete", "c")],
            Ok("restored"),
        ),
        ("delete", b.clone(), vec![("create", "b")], gone),
        (
            "delete",
            b.clone(),
            vec![("create", "b"), ("delete", "b"), ("delete", "a")],
            Err("INVALID_REFERENCE"),
        ),
        ("update", b.clone(), vec![("delete", "b")], gone),
        (
            "update",
            b.clone(),
            vec![("delete", "b"), ("create", "b"), ("update", "b")],
            gone,
        ),
        (
            "reserve",
            a.clone(),
            vec![("release", "a"), ("reserve", "a")],
            Ok("restored"),
        ),
    ] {
        let notes = Notes::new();
        let key = Key::of_step("run-1", "change");
        notes.call(change, &input, key.clone()).await.unwrap();
        for (number, (operation, id)) in since.iter().enumerate() {
            let other = Key::of_step("run-2", &number.to_string());
            notes
                .call(operation, &json!({ "id": id }), other)
                .await
                .unwrap();
        }
        let before = notes.all();
        let undo = notes.call("restore", &json!({}), key.undo()).await;
        match (undo, undone) {
            (Ok(reply), Ok(word)) => assert_eq!(reply[word], false, "{change}, then {since:?}"),
            (Err(failure), Err(code)) => {
                assert_eq!(&*failure.code, code, "{change}, then {since:?}")
            }
            (undo, _) => panic!("{change}, then {since:?}: {undo:?}"),
        }
        assert_eq!(notes.all(), before, "{change}, then {since:?}");
    }

    let notes = Notes::new();
    notes
        .call("reserve", &a, Key::of_step("run-1", "reserve"))
        .await
        .unwrap();
    let key = Key::of_step("run-1", "release");
    notes.call("release", &a, key.clone()).await.unwrap();
    notes
        .call("reserve", &a, Key::of_step("run-2", "reserve"))
        .await
        .unwrap();
    let undo = notes.call("reserve", &a, key.undo()).await;
    assert_eq!(&*undo.unwrap_err().code, "NOTE_RESERVED");
}

#[tokio::test(start_paused = true)]
async fn undo_of_nothing_changes_nothing() {
    let notes = Notes::new();
    let before = notes.all();
    for (operation, reply) in [
        ("delete", json!({"deleted": false})),
        ("release", json!({"released": false})),
        ("restore", json!({"restored": false})),
    ] {
        let undo = Key::of_step("run-1", operation).undo();
        let reply_found = notes
            .call(operation, &json!({"id": "b"}), undo)
            .await
            .unwrap();
        assert_eq!(*reply_found, reply);
    }
    assert_eq!(notes.all(), before);
}

/// Reads a definition whose entity section and operations are as given.
fn refused(entity: &str, operations: &str) -> Violation {
    let text = format!(r#"{{"name": "S", "entity": {entity}, "operations": {operations}}}"#);
    let definition: ServiceDefinition = from_json(&text, "S.json", 1).unwrap();
    definition.check().unwrap_err()
}

#[test]
fn check_refuses_faulty_definitions_with_pointer_and_nearest_name() {
    let closed =
        r#"{"properties": {"id": {}, "personalityId": {}}, "additionalProperties": false}"#;
    for (entity, operations, pointer, message) in [
        (
            r#"{"name": "an agent"}"#.to_owned(),
            "{}",
            "/entity/name",
            r#""an agent" is not the name of an entity, expected one like "Agent""#,
        ),
        (
            r#"{"name": "Agent", "schema": {"properties": {"a": {"type": "strin"}}}}"#.to_owned(),
            "{}",
            "/entity/schema/properties/a/type",
            r#"the schema does not compile: there is no type "strin", did you mean "string"?"#,
        ),
        (
            r#"{"name": "Agent", "schema": {"minimum": "low"}}"#.to_owned(),
            "{}",
            "/entity/schema/minimum",
            r#"the schema does not compile: "low" is not of type "number""#,
        ),
        (
            format!(
                r#"{{"name": "Agent", "schema": {closed}, "references": {{"personalityID": "P"}}}}"#
            ),
            "{}",
            "/entity/references/personalityID",
            r#"the schema allows no field "personalityID": did you mean "personalityId"?"#,
        ),
        (
            r#"{"name": "Agent", "existing": [{"id": "a"}, {"name": "b"}]}"#.to_owned(),
            "{}",
            "/entity/existing/1/id",
            "expected a non-empty string",
        ),
        (
            r#"{"name": "Agent", "existing": [{"id": "a", "version": 0}]}"#.to_owned(),
            "{}",
            "/entity/existing/0/version",
            "expected a positive integer",
        ),
        (
            r#"{"name": "Agent", "existing": [{"id": "a"}, {"id": "b"}, {"id": "a"}]}"#.to_owned(),
            "{}",
            "/entity/existing/2/id",
            r#"the id "a" is also that of /entity/existing/0"#,
        ),
        (
            r#"{"name": "Agent", "schema": {"required": ["name"]}, "existing": [{"id": "a"}]}"#
                .to_owned(),
            "{}",
            "/entity/existing/0/name",
            "is required",
        ),
        (
            r#"{"name": "Agent"}"#.to_owned(),
            r#"{"createAgent": {}}"#,
            "/operations/createAgent",
            r#"the operation needs a kind: did you mean "create"?"#,
        ),
        (
            r#"{"name": "Agent"}"#.to_owned(),
            r#"{"a/b": {"kind": "get", "reply": [1]}}"#,
            "/operations/a~1b/reply",
            "the reply adds fields to that of the service, so it must be an object",
        ),
        (
            r#"{"name": "Agent"}"#.to_owned(),
            "null",
            "/operations",
            "a service that keeps entities or files has operations, each with a kind",
        ),
    ] {
        let error = refused(&entity, operations);
        assert_eq!(
            (error.pointer.as_str(), error.message.as_str()),
            (pointer, message)
        );
    }
}

#[test]
fn messages_hide_secrets_and_long_values() {
    let schema = r#"{"properties": {"password": {"minLength": 20}, "tags": {"maxItems": 1}}}"#;
    let message = |existing: &str| {
        let entity = format!(r#"{{"name": "User", "schema": {schema}, "existing": [{existing}]}}"#);
        refused(&entity, "{}").message
    };
    let secret = message(r#"{"id": "a", "password": "open sesame"}"#);
    assert_eq!(secret, "value is shorter than 20 characters");
    let long = message(r#"{"id": "a", "tags": ["x", "y"]}"#);
    assert_eq!(long, "value has more than 1 item");
}

#[tokio::test(start_paused = true)]
async fn recovery_uses_the_current_version_only_after_a_conflict() {
    let notes = Notes::new();
    let again = |code: &str, text: u32| {
        let input = json!({ "id": "a", "version": 7, "text": text });
        json!({ "input": input, "error": { "code": code } })
    };
    for (code, result) in [
        ("CONCURRENT_MODIFICATION", Ok(2)),
        ("TRANSIENT_ERROR", Err("CONCURRENT_MODIFICATION")),
    ] {
        let key = Key::of_step("recovery", code);
        let reply = notes.call("update", &again(code, 1), key).await;
        let version = reply.map(|reply| reply["version"].as_u64().unwrap());
        let version = version.map_err(|failure| failure.code.to_string());
        assert_eq!(version, result.map_err(str::to_owned));
    }
    let own = json!({ "id": "c", "input": 1, "error": { "code": "E" } });
    let kept = notes
        .call("create", &own, Key::of_step("recovery", "own"))
        .await;
    assert_eq!(kept.unwrap()["error"], json!({ "code": "E" }));
}

use std::fs;

use serde_json::{Value, json};

use super::*;

fn refusal(operations: &Value) -> String {
    let definition: ServiceDefinition =
        serde_json::from_value(json!({ "files": {}, "operations": operations })).unwrap();
    definition.check().unwrap_err().to_string()
}

#[test]
fn operation_without_a_valid_kind_or_reply_is_refused() {
    assert_eq!(
        refusal(&json!({ "creat": {} })),
        "at /operations/creat: the operation needs a kind: did you mean \"create\"?"
    );
    assert!(
        refusal(&json!({ "a/b": { "kind": "batchValidate" } })).starts_with(
            "at /operations/a~1b/kind: this service has no operations of this kind: there are: \"create\", "
        )
    );
    assert_eq!(
        refusal(&json!({ "get": { "kind": "get", "reply": [1] } })),
        "at /operations/get/reply: the reply adds fields to that of the service, so it must be an object"
    );
    assert!(refusal(&Value::Null).starts_with("at /operations: "));
    assert!(definition(&json!({})).check().is_ok());
}

#[test]
fn unknown_operation_is_refused_with_the_nearest_name() {
    let cabinet = Cabinet::new();
    let failure = cabinet.call("creat", json!({}), None).unwrap_err();
    assert_eq!(&*failure.code, "OPERATION_NOT_FOUND");
    assert!(failure.message.ends_with("did you mean \"create\"?"));
}

#[test]
fn own_code_classifies_a_disk_fault() {
    let mut definition = definition(&json!({}));
    let code = serde_json::from_value(json!({ "mode": "system_timeout" })).unwrap();
    definition.codes.insert("ETIMEDOUT".to_owned(), code);
    let cabinet = Cabinet::new();
    let effects = Effects::new(Timeline::new(Clock::start()));
    let policy = definition.files.clone().unwrap();
    let service = FileService::new(definition, policy, cabinet.files.clone(), effects).unwrap();
    let fault = cabinet.faults.declare("late", "here");
    let staging = "staging".parse().unwrap();
    cabinet.files.fail_at(staging, "ETIMEDOUT", None, fault);
    let input = json!({ "path": "a", "content": "" });
    let call = Call::new("test", CallName::new("Files", "create"), input);
    let failure = service.call(&call).now_or_never().unwrap().unwrap_err();
    assert!(failure.retryable, "{failure:?}");
    assert!(cabinet.faults.unused().is_empty());
}

#[test]
fn existing_file_with_an_invalid_or_conflicting_path_is_refused() {
    let refusal = |existing: Value| {
        let refused = definition(&json!({ "existing": existing })).check();
        refused.unwrap_err().to_string()
    };
    assert_eq!(
        refusal(json!({ "../a~b": {} })),
        "at /files/existing/..~1a~0b: \"../a~b\" does not lead to a file in the scenario's directory"
    );
    assert!(refusal(json!({ "a.staging": {} })).contains("are reserved for staging files"));
    for other in ["./a", "a/b"] {
        assert!(refusal(json!({ "a": {}, other: {} })).ends_with("conflicts with \"a\""));
        assert!(refusal(json!({ other: {}, "a": {} })).starts_with("at /files/existing/a: "));
    }
    let existing = json!({ "a": "", "ab": "", "b/c": 1, "b/d": null });
    assert!(definition(&json!({ "existing": existing })).check().is_ok());
}

#[test]
fn existing_files_are_created_on_first_access() {
    let existing = json!({ "a": "one\n", "b/c": { "d": 1 } });
    let directory = Directory::default();
    let cabinet = Cabinet::in_folder(&directory, &json!({ "existing": existing }));
    assert_eq!(directory.existing(), None);
    assert!(!cabinet.files.change_requested());

    assert_eq!(cabinet.files.on_disk().unwrap(), ["a", "b/c"]);
    let metadata = cabinet.files.metadata("b/c").unwrap();
    assert_eq!((metadata.version, metadata.size), (1, 13));
    let content = |path: &str| {
        let reply = cabinet.call("get", json!({ "path": path }), None).unwrap();
        reply["content"].clone()
    };
    assert_eq!(
        [content("a"), content("b/c")],
        [json!("one\n"), json!({ "d": 1 })]
    );
}

#[test]
fn existing_files_replace_no_others() {
    let directory = Directory::default();
    fs::write(directory.path().unwrap().join("b"), "not ours").unwrap();
    let cabinet = Cabinet::in_folder(
        &directory,
        &json!({ "existing": { "a": "one", "b": "two" } }),
    );
    for _ in 0..2 {
        let asked = cabinet.call("get", json!({ "path": "a" }), None);
        assert_eq!(&*asked.unwrap_err().code, "FILE_ALREADY_EXISTS");
    }
    fs::remove_file(directory.path().unwrap().join("b")).unwrap();
    let update = json!({ "path": "a", "content": "changed" });
    cabinet.call("update", update, None).unwrap();
    let again = cabinet.service_of(&json!({ "existing": { "a": "one" } }));
    assert_eq!(again.name(), "Files");
    let reply = cabinet.call("get", json!({ "path": "a" }), None).unwrap();
    assert_eq!(
        (&reply["content"], &reply["version"]),
        (&json!("changed"), &json!(2))
    );
}

use std::fs;

use serde_json::{Value, json};

use super::*;

fn refusal(operations: &Value) -> String {
    let definition: ServiceDefinition =
        serde_json::from_value(json!({ "files": {}, "operations": operations })).unwrap();
    definition.check().unwrap_err().to_string()
}

#[test]
fn an_operation_says_what_it_does_to_files() {
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
fn an_operation_that_is_none_is_not_found() {
    let cabinet = Cabinet::new();
    let failure = cabinet.call("creat", json!({}), None).unwrap_err();
    assert_eq!(&*failure.code, "OPERATION_NOT_FOUND");
    assert!(failure.message.ends_with("did you mean \"create\"?"));
}

#[test]
fn a_code_of_the_services_own_says_what_trouble_it_is() {
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
fn a_file_that_is_there_from_the_start_can_be() {
    let refusal = |existing: Value| {
        let refused = definition(&json!({ "existing": existing })).check();
        refused.unwrap_err().to_string()
    };
    assert_eq!(
        refusal(json!({ "../a~b": {} })),
        "at /files/existing/..~1a~0b: \"../a~b\" leads to no file within the scenario's directory"
    );
    assert!(refusal(json!({ "a.staging": {} })).contains("are kept for staging files"));
    for other in ["./a", "a/b"] {
        assert!(refusal(json!({ "a": {}, other: {} })).ends_with("cannot be beside \"a\""));
        assert!(refusal(json!({ other: {}, "a": {} })).starts_with("at /files/existing/a: "));
    }
    let existing = json!({ "a": "", "ab": "", "b/c": 1, "b/d": null });
    assert!(definition(&json!({ "existing": existing })).check().is_ok());
}

#[test]
fn files_that_are_there_from_the_start_are_laid_down_when_files_are_asked_for() {
    let existing = json!({ "a": "one\n", "b/c": { "d": 1 } });
    let directory = Directory::default();
    let cabinet = Cabinet::in_folder(&directory, &json!({ "existing": existing }));
    assert_eq!(directory.existing(), None);
    assert!(!cabinet.files.were_asked());

    assert_eq!(cabinet.files.on_disk().unwrap(), ["a", "b/c"]);
    let metadata = cabinet.files.metadata("b/c").unwrap();
    assert_eq!((metadata.version, metadata.size), (1, 13));
    let content = |path: &str| {
        let told = cabinet.call("get", json!({ "path": path }), None).unwrap();
        told["content"].clone()
    };
    assert_eq!(
        [content("a"), content("b/c")],
        [json!("one\n"), json!({ "d": 1 })]
    );
}

#[test]
fn files_that_are_there_from_the_start_replace_none() {
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
    let told = cabinet.call("get", json!({ "path": "a" }), None).unwrap();
    assert_eq!(
        (&told["content"], &told["version"]),
        (&json!("changed"), &json!(2))
    );
}

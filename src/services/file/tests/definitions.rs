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
        "at /operations/creat: an operation of a file service needs a kind: did you mean \"create\"?"
    );
    assert!(
        refusal(&json!({ "a/b": { "kind": "batchValidate" } })).starts_with(
            "at /operations/a~1b/kind: a file service cannot \"batchValidate\": there are: \"create\", "
        )
    );
    assert_eq!(
        refusal(&json!({ "get": { "kind": "get", "reply": [1] } })),
        "at /operations/get/reply: [1] adds no fields to what a file service replies, expected an object"
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

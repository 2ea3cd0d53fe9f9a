use super::*;

#[test]
fn invalid_definition_is_refused_with_code_pointer_and_reason() {
    let setup = virtually(async { Setup::new() });
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
            "is reserved",
        ),
        (
            json!([step("", &[])]),
            code::INVALID_WORKFLOW,
            "/steps/0/id",
            "must not be empty",
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
            json!([step("alpha", &[]), step("create", &["creaet"])]),
            code::INVALID_WORKFLOW,
            "/steps/1/dependencies/0",
            "\"alpha\"",
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
        let refused = setup.plan(json!({"id": "w", "steps": steps})).unwrap_err();
        assert_eq!(&*refused.code, code, "{steps}");
        assert_eq!(refused.field.as_deref(), Some(field), "{steps}");
        assert!(refused.message.contains(says), "{}", refused.message);
    }
    for id in ["", "a/b"] {
        let refused = setup.plan(json!({"id": id, "steps": [step("a", &[])]}));
        assert_eq!(refused.unwrap_err().field.as_deref(), Some("/id"));
    }
    let no_parallelism = json!({"id": "w", "maxParallel": 0, "steps": [step("a", &[])]});
    assert_eq!(
        setup.plan(no_parallelism).unwrap_err().field.as_deref(),
        Some("/maxParallel")
    );
}

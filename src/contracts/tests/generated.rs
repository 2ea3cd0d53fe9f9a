use proptest::{prelude::*, sample::subsequence};
use serde_json::{Map, Value, json};

use crate::{
    clock::Seed,
    contracts::generate::{GeneratedInputs, generate},
    domain::JsonSchema,
};

fn generated(schema: &Value, seed: u64, count: usize) -> GeneratedInputs {
    let compiled = JsonSchema::compile(schema).unwrap();
    generate(&compiled, Seed(seed), count).unwrap_or_else(|error| panic!("{schema}: {error}"))
}

fn broken_keywords(schema: &Value) -> Vec<String> {
    let broken = generated(schema, 1, 1).broken.into_iter();
    broken
        .map(|broken| format!("{} {}", broken.keyword, broken.pointer))
        .collect()
}

#[test]
fn keywords_are_broken_one_at_a_time() {
    for (schema, expected) in [
        (
            json!({ "type": "string", "minLength": 2, "maxLength": 4 }),
            &["type ", "minLength ", "maxLength "][..],
        ),
        (
            json!({ "type": "string", "pattern": "^[A-Z]{3}-\\d{4}$" }),
            &["type ", "pattern "],
        ),
        (
            json!({ "type": "string", "format": "uuid" }),
            &["type ", "format "],
        ),
        (
            json!({ "type": "integer", "minimum": 3, "maximum": 9 }),
            &["type ", "minimum ", "maximum "],
        ),
        (
            json!({ "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 }),
            &["type ", "exclusiveMinimum ", "exclusiveMaximum "],
        ),
        (
            json!({ "type": "integer", "multipleOf": 5 }),
            &["type ", "multipleOf "],
        ),
        (json!({ "enum": ["a", "b"] }), &["enum "]),
        (json!({ "const": 7 }), &["const "]),
        (
            json!({ "type": "array", "items": { "type": "boolean" }, "minItems": 2, "maxItems": 3 }),
            &["type ", "minItems ", "maxItems ", "type /0", "type /1"],
        ),
        (
            json!({ "type": "array", "uniqueItems": true, "items": { "type": "string" } }),
            &["type ", "uniqueItems ", "type /0"],
        ),
        (
            json!({ "required": ["a"], "properties": { "a": {}, "b": {} }, "additionalProperties": false }),
            &["required /a", "additionalProperties /undeclared"],
        ),
        // A fault inside `allOf` leaves its properties unevaluated, so the type of the name cannot be
        // broken alone.
        (
            json!({
                "allOf": [{ "$ref": "#/$defs/named" }, { "required": ["age"] }],
                "properties": { "age": { "type": "integer" } },
                "unevaluatedProperties": false,
                "$defs": { "named": { "required": ["name"], "properties": { "name": { "type": "string" } } } },
            }),
            &[
                "unevaluatedProperties /undeclared",
                "required /name",
                "required /age",
                "type /age",
            ],
        ),
    ] {
        let found = broken_keywords(&schema);
        let mut found: Vec<&str> = found.iter().map(String::as_str).collect();
        let mut expected = expected.to_vec();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{schema}");
    }
}

#[test]
fn inputs_depend_on_the_seed_alone() {
    let schema = json!({ "type": "string", "pattern": "^[a-z]{8}$" });
    assert_eq!(generated(&schema, 1, 5), generated(&schema, 1, 5));
    assert_ne!(generated(&schema, 1, 5), generated(&schema, 2, 5));
}

#[test]
fn strings_have_lengths_up_to_both_limits() {
    let schema =
        json!({ "type": "string", "pattern": "^[a-z0-9-]+$", "minLength": 3, "maxLength": 100 });
    let lengths: Vec<usize> = generated(&schema, 0, 4)
        .valid
        .iter()
        .map(|(_, value)| value.as_str().unwrap().len())
        .collect();
    assert!(
        lengths.contains(&3) && lengths.contains(&100),
        "{lengths:?}"
    );
}

#[test]
fn unsupported_schema_is_reported_with_its_pointer() {
    for (schema, expected) in [
        (
            json!({ "required": ["a"], "properties": { "a": { "pattern": "^(?!x)" } } }),
            "pattern at \"/a\": \"^(?!x)\" is not supported: give \"examples\"",
        ),
        (
            json!({ "required": ["a"], "properties": { "a": false } }),
            "falseSchema at \"/a\"",
        ),
        (
            json!({ "$ref": "#/$defs/node", "$defs": { "node": { "required": ["next"], "properties": { "next": { "$ref": "#/$defs/node" } } } } }),
            "no value was found within 32 levels: the schema seems to require itself",
        ),
        (
            json!({ "type": "string", "examples": ["b"], "pattern": "^a$" }),
            "no valid input was found",
        ),
    ] {
        let compiled = JsonSchema::compile(&schema).unwrap();
        let error = generate(&compiled, Seed(0), 1).unwrap_err().to_string();
        assert!(error.contains(expected), "{schema}: {error}");
    }
}

#[test]
fn recursive_schema_is_followed_while_it_is_optional() {
    let schema = json!({
        "$ref": "#/$defs/node",
        "$defs": { "node": {
            "type": "object",
            "required": ["id"],
            "properties": { "id": { "type": "integer" }, "next": { "$ref": "#/$defs/node" } },
        } },
    });
    let made = generated(&schema, 0, 2);
    assert!(made.valid[1].1.pointer("/next/next/id").is_some());
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-50..50_i64, 0..40_i64).prop_map(
            |(low, more)| json!({ "type": "integer", "minimum": low, "maximum": low + more })
        ),
        (-50..50_i64, 1..40_i64).prop_map(|(low, more)| {
            json!({ "type": "number", "exclusiveMinimum": low, "maximum": low + more })
        }),
        (1..9_i64).prop_map(|step| json!({ "type": "integer", "multipleOf": step })),
        (0..6_u64, 0..6_u64).prop_map(
            |(low, more)| json!({ "type": "string", "minLength": low, "maxLength": low + more })
        ),
        prop::sample::select(vec![
            "^[a-z][a-z0-9-]*$",
            "^\\d{3}-\\w+$",
            "colou?r",
            "^(red|green|blue)$",
            "^[^@]+@[a-z.]+$",
            "^v\\d+\\.\\d+$",
        ])
        .prop_map(|pattern| json!({ "type": "string", "pattern": pattern })),
        prop::sample::select(vec![
            "date-time",
            "date",
            "time",
            "duration",
            "email",
            "hostname",
            "ipv4",
            "ipv6",
            "uri",
            "uri-reference",
            "uri-template",
            "uuid",
            "json-pointer",
            "regex",
            "relative-json-pointer",
            "iri",
            "iri-reference",
        ])
        .prop_map(|format| json!({ "type": "string", "format": format })),
        Just(json!({ "enum": ["a", 1, null] })),
        Just(json!({ "const": "fixed" })),
        Just(json!({ "type": ["string", "null"] })),
        Just(json!({ "type": "boolean" })),
        Just(json!({})),
    ]
}

fn schema() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 24, 4, |inner| {
        let object = prop::collection::vec(inner.clone(), 0..4).prop_flat_map(|schemas| {
            let names: Vec<String> = (0..schemas.len()).map(|index| format!("p/{index}")).collect();
            let properties: Map<String, Value> = names.iter().cloned().zip(schemas).collect();
            (subsequence(names.clone(), 0..=names.len()), any::<bool>()).prop_map(
                move |(required, open)| {
                    json!({
                        "type": "object",
                        "required": required,
                        "properties": properties,
                        "additionalProperties": open,
                    })
                },
            )
        });
        prop_oneof![
            (inner.clone(), 0..3_u64, 0..3_u64).prop_map(|(items, low, more)| {
                json!({ "type": "array", "items": items, "minItems": low, "maxItems": low + more })
            }),
            object.clone(),
            (object.clone(), inner.clone()).prop_map(|(one, other)| {
                json!({ "allOf": [{ "properties": { "own": other } }], "anyOf": [one, { "type": "null" }] })
            }),
            inner.prop_map(|one| json!({ "oneOf": [{ "type": "object", "properties": { "kind": { "const": 1 }, "one": one }, "required": ["kind"] }, { "type": "string" }] })),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn valid_inputs_match_and_broken_ones_break_their_keyword_alone(
        schema in schema(),
        seed in any::<u64>(),
    ) {
        let compiled = JsonSchema::compile(&schema).unwrap();
        let made = generate(&compiled, Seed(seed), 6);
        // An object that its `anyOf` closes may forbid the properties beside it.
        let Ok(made) = made else {
            prop_assert!(schema.to_string().contains("anyOf"), "{schema}: {made:?}");
            return Ok(());
        };
        prop_assert!(!made.valid.is_empty());
        for (name, value) in &made.valid {
            prop_assert_eq!(compiled.faults(value), [], "{}: {} of {}", name, value, schema);
        }
        for broken in &made.broken {
            let faults = compiled.faults(&broken.input);
            prop_assert!(!faults.is_empty(), "{:?} of {}", broken, schema);
            for fault in faults {
                prop_assert_eq!(&fault.keyword, &broken.keyword, "{:?} of {}", broken, schema);
                prop_assert_eq!(&fault.pointer, &broken.pointer, "{:?} of {}", broken, schema);
            }
        }
    }
}

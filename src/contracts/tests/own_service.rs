use async_trait::async_trait;
use serde_json::{Value, json};

use crate::{
    clock::{Clock, Seed},
    contracts::{BreachKind, Contract, Verdict, Verifier},
    domain::{Call, Failure, Reply, code},
    observability::Timeline,
    services::{CallResult, Client, Faults, Registry, Service},
};

/// Doubles a number up to 100; a careless one does not check its input.
struct Doubler {
    careless: bool,
}

#[async_trait]
impl Service for Doubler {
    fn name(&self) -> &str {
        "Doubler"
    }

    async fn call(&self, call: &Call) -> CallResult {
        let number = call.input.get("number").and_then(Value::as_i64);
        let fields = call.input.as_object().map_or(0, serde_json::Map::len);
        match number {
            Some(number) if (0..=100).contains(&number) && fields == 1 => {
                Ok(Reply::new(json!({ "double": number * 2 })))
            }
            _ if self.careless => Ok(Reply::new(json!({ "double": 0 }))),
            _ => Err(Box::new(Failure::new(code::VALIDATION_FAILED, "no number"))),
        }
    }
}

async fn verified(service: Doubler, contract: Value, generated: usize) -> Verdict {
    let registry = Registry::default();
    registry.add(service);
    let timeline = Timeline::new(Clock::start());
    let client = Client::new(registry, Faults::default(), timeline);
    let contract = Contract::read(&contract.to_string(), "contract", 1).unwrap();
    let mut verifier = Verifier::default();
    verifier
        .verify(&client, &contract, Seed(3), generated)
        .await
}

fn contract(output: &Value) -> Value {
    json!({
        "service": "Doubler",
        "version": "1",
        "operations": [{
            "name": "double",
            "input": {
                "type": "object",
                "required": ["number"],
                "properties": { "number": { "type": "integer", "minimum": 0, "maximum": 100 } },
                "additionalProperties": false,
            },
            "output": output,
        }],
    })
}

fn doubled() -> Value {
    json!({ "required": ["double"], "properties": { "double": { "type": "integer", "multipleOf": 2 } } })
}

#[tokio::test(start_paused = true)]
async fn custom_service_keeps_its_contract() {
    let careful = Doubler { careless: false };
    let verdict = verified(careful, contract(&doubled()), 10).await;
    assert!(verdict.holds(), "{verdict:#?}");
    // Valid: smallest and fullest (which differ in the number), limits, random ones. Broken: the type
    // of the whole, required, additionalProperties, and the number's type, minimum, maximum.
    assert_eq!(verdict.cases, 10 + 6);
}

#[tokio::test(start_paused = true)]
async fn careless_service_is_reported_for_each_input_it_accepts() {
    let careless = Doubler { careless: true };
    let verdict = verified(careless, contract(&doubled()), 1).await;
    let reported: Vec<_> = verdict.breaches.iter().map(ToString::to_string).collect();
    assert_eq!(reported.len(), 6, "{reported:#?}");
    assert!(
        verdict
            .breaches
            .iter()
            .all(|breach| breach.breach == BreachKind::AcceptsBroken)
    );
    assert_eq!(
        reported[1],
        "double, \"generated: breaks required at \\\"/number\\\"\", \
         required at \"/number\": accepts input that breaks required at \"/number\""
    );
}

#[tokio::test(start_paused = true)]
async fn faulty_contract_is_refused_before_any_call() {
    let careful = Doubler { careless: false };
    let verdict = verified(careful, contract(&json!({ "type": "strng" })), 5).await;
    assert!(!verdict.holds());
    assert_eq!(verdict.cases, 0);
    let breach = &verdict.breaches[0];
    assert_eq!(breach.breach, BreachKind::Malformed);
    assert_eq!(breach.pointer.as_deref(), Some("/operations/0/output/type"));
}

use std::sync::Arc;

use serde_json::Value;

use super::{
    Breach, BreachKind, ConsumerContract, Contract, ProviderContract, ProviderState, StateCall,
    States, Verdict, generate,
    judge::{Expected, Judge},
};
use crate::{
    clock::Seed,
    domain::{Call, CallName, Key},
    services::{CallPolicy, CallResult, Client},
};

/// Who calls where a contract is verified.
pub(super) const CALLER: &str = "contract";

/// Calls services, through the client as everyone does, and holds them to contracts.
///
/// Cases are tried in the order of the contract, one after the other, and the service remembers what
/// one did when the next comes.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    states: States,
    calls: u64,
}

/// What a contract says of an operation that one service is asked for.
struct Asked<'a> {
    operation: &'a str,
    case: &'a str,
    input: &'a Value,
}

impl Verifier {
    /// Says what a state takes, in place of what a contract says of it.
    pub fn set_state(&mut self, name: impl Into<String>, calls: Vec<StateCall>) {
        self.states.insert(name.into(), calls);
    }

    /// Holds the service that a contract is of to it.
    ///
    /// A provider's operations are also called with at most `generated` valid inputs each that the
    /// seed draws from their schema and, unless that is 0, with one broken input for each keyword.
    pub async fn verify(
        &mut self,
        client: &Client,
        contract: &Contract,
        seed: Seed,
        generated: usize,
    ) -> Verdict {
        let mut verdict = Verdict::default();
        for fault in contract.faults() {
            let breach = Breach::new(BreachKind::Malformed, fault.message);
            verdict.breaches.push(breach.at(fault.pointer, "contract"));
        }
        if !verdict.breaches.is_empty() {
            return verdict;
        }
        if let Err(unknown) = client.registry().script(contract.service(), |_, _| ()) {
            let breach = Breach::new(BreachKind::MissingService, unknown.to_string());
            verdict.breaches.push(breach);
            return verdict;
        }
        match contract {
            Contract::Provider(contract) => {
                self.provider(client, contract, seed, generated, &mut verdict)
                    .await;
            }
            Contract::Consumer(contract) => {
                self.consumer(client, contract, &mut verdict).await;
            }
        }
        verdict
    }

    async fn provider(
        &mut self,
        client: &Client,
        contract: &ProviderContract,
        seed: Seed,
        generated: usize,
        verdict: &mut Verdict,
    ) {
        if contract.operations.is_empty() {
            let message = format!("the contract of {} promises no operation", contract.service);
            verdict
                .breaches
                .push(Breach::new(BreachKind::Empty, message));
        }
        let states = self.states_of(&contract.states);
        for operation in &contract.operations {
            let name = CallName::new(&contract.service, &operation.name);
            if let Err(unknown) = client.registry().check(&name) {
                let breach = Breach::new(BreachKind::MissingOperation, unknown.to_string());
                verdict.breaches.push(breach.of(&operation.name));
                continue;
            }
            let judge = match Judge::new(operation, contract.strictness) {
                Ok(judge) => judge,
                Err(error) => {
                    let breach = Breach::new(BreachKind::Malformed, error.to_string());
                    verdict.breaches.push(breach.of(&operation.name));
                    continue;
                }
            };
            let before = verdict.cases;
            for case in &operation.cases {
                let asked = Asked {
                    operation: &operation.name,
                    case: &case.name,
                    input: &case.input,
                };
                let from: Vec<_> = case.state().into_iter().collect();
                let expected = Expected::from(case.expect.as_ref());
                let result = self
                    .ask(client, &contract.service, &asked, &from, &states, verdict)
                    .await;
                if let Some(result) = result {
                    let breaches = judge.breaches(&expected, &result);
                    verdict.add(breaches, &operation.name, &case.name);
                }
            }
            if generated > 0 {
                self.generated(client, name.service(), &judge, seed, generated, verdict)
                    .await;
            }
            if verdict.cases == before && !verdict.speaks_of(&operation.name) {
                let message = "no case shows the operation, so nothing was verified";
                let breach = Breach::new(BreachKind::Empty, message);
                verdict.breaches.push(breach.of(&operation.name));
            }
        }
    }

    /// Calls an operation with inputs that its schema allows, and with those that it does not.
    async fn generated(
        &mut self,
        client: &Client,
        service: &str,
        judge: &Judge<'_>,
        seed: Seed,
        count: usize,
        verdict: &mut Verdict,
    ) {
        let operation = judge.operation;
        let seed = seed.part([CALLER, service, &operation.name]);
        let made = match generate(&judge.input, seed, count) {
            Ok(made) => made,
            Err(error) => {
                let breach = Breach::new(BreachKind::Generation, error.message.clone());
                let breach = breach.at(error.pointer, error.keyword);
                return verdict.breaches.push(breach.of(&operation.name));
            }
        };
        let valid = made.valid.into_iter().map(|(name, input)| {
            let case = format!("generated: {name}");
            (case, input, Expected::Declared)
        });
        let broken = made.broken.into_iter().map(|broken| {
            let case = format!(
                "generated: breaks {} at {:?}",
                broken.keyword, broken.pointer
            );
            let expected = Expected::Refusal {
                keyword: broken.keyword,
                pointer: broken.pointer,
            };
            (case, broken.input, expected)
        });
        for (case, input, expected) in valid.chain(broken) {
            let asked = Asked {
                operation: &operation.name,
                case: &case,
                input: &input,
            };
            let result = self
                .ask(client, service, &asked, &[], &States::new(), verdict)
                .await;
            if let Some(result) = result {
                verdict.add(judge.breaches(&expected, &result), &operation.name, &case);
            }
        }
    }

    async fn consumer(
        &mut self,
        client: &Client,
        contract: &ConsumerContract,
        verdict: &mut Verdict,
    ) {
        if contract.interactions.is_empty() {
            let (consumer, provider) = (&contract.consumer, &contract.provider);
            let message = format!("{consumer} recorded no interaction with {provider}");
            verdict
                .breaches
                .push(Breach::new(BreachKind::Empty, message));
        }
        let states = self.states_of(&contract.states);
        for interaction in &contract.interactions {
            let request = &interaction.request;
            let name = CallName::new(&contract.provider, &request.operation);
            if let Err(unknown) = client.registry().check(&name) {
                let breach = Breach::new(BreachKind::MissingOperation, unknown.to_string());
                let breach = breach.of(&request.operation);
                verdict.breaches.push(breach.case(&interaction.description));
                continue;
            }
            let asked = Asked {
                operation: &request.operation,
                case: &interaction.description,
                input: &request.input,
            };
            let from = &interaction.provider_states;
            let result = self
                .ask(client, &contract.provider, &asked, from, &states, verdict)
                .await;
            if let Some(result) = result {
                verdict.add(interaction.breaches(&result), asked.operation, asked.case);
            }
        }
    }

    /// Brings the provider to the states that a case starts from, and makes its call.
    async fn ask(
        &mut self,
        client: &Client,
        service: &str,
        asked: &Asked<'_>,
        from: &[ProviderState],
        states: &States,
        verdict: &mut Verdict,
    ) -> Option<CallResult> {
        verdict.cases += 1;
        for state in from {
            if let Err(message) = self.bring_to(client, state, states).await {
                let breach = Breach::new(BreachKind::State, message);
                verdict.add(vec![breach], asked.operation, asked.case);
                return None;
            }
        }
        let name = CallName::new(service, asked.operation);
        Some(self.call(client, name, asked.input).await)
    }

    async fn bring_to(
        &mut self,
        client: &Client,
        state: &ProviderState,
        states: &States,
    ) -> Result<(), String> {
        for StateCall { call, input } in state.calls(states)? {
            if let Err(failure) = self.call(client, call, &input).await {
                let name = &state.name;
                return Err(format!(
                    "provider state {name:?} was not reached: {failure}"
                ));
            }
        }
        Ok(())
    }

    async fn call(&mut self, client: &Client, name: CallName, input: &Value) -> CallResult {
        self.calls += 1;
        let mut call = Call::new(CALLER, name, Arc::new(input.clone()));
        call.key = Some(Key::Do(format!("{CALLER}/{}", self.calls).into()));
        client.call(&call, &CallPolicy::default(), None).await
    }

    /// The states of a contract, and those said beside it, which come first.
    fn states_of(&self, contract: &States) -> States {
        let mut states = contract.clone();
        states.extend(self.states.clone());
        states
    }
}

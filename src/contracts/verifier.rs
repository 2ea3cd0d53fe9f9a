use std::sync::Arc;

use serde_json::Value;

use super::{
    Breach, BreachKind, ConsumerContract, Contract, PromisedOperation, ProviderContract,
    ProviderState, ProviderStates, StateCall, Strictness, Verdict,
    compiled_operation::CompiledOperation, generate::generate,
};
use crate::{
    clock::Seed,
    domain::{Call, CallName, KeyOrigin},
    services::{CallPolicy, CallResult, Client},
};

/// The caller of all calls that verify a contract.
pub(super) const CALLER: &str = "contract";

/// Calls services through the client, and checks them against contracts.
///
/// Cases are tried sequentially, in the order of the contract, and the service keeps its state from
/// one to the next.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    states: ProviderStates,
    calls: u64,
}

/// The verification of one contract.
struct Verification<'a> {
    client: &'a Client,
    service: &'a str,
    states: ProviderStates,
    /// Numbers the calls of the verifier.
    calls: &'a mut u64,
    seed: Seed,
    /// Generated valid inputs of each operation.
    generated: usize,
    verdict: Verdict,
}

impl Verifier {
    /// Sets the calls that lead to a state, overriding those of contracts.
    pub fn set_state(&mut self, name: impl Into<String>, calls: Vec<StateCall>) {
        self.states.insert(name.into(), calls);
    }

    /// Checks the service of a contract against it.
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
        let mut states = match contract {
            Contract::Provider(contract) => contract.states.clone(),
            Contract::Consumer(contract) => contract.states.clone(),
        };
        states.extend(self.states.clone());
        let mut verification = Verification {
            client,
            service: contract.service(),
            states,
            calls: &mut self.calls,
            seed,
            generated,
            verdict: Verdict::default(),
        };
        verification.contract(contract).await;
        verification.verdict
    }
}

impl Verification<'_> {
    async fn contract(&mut self, contract: &Contract) {
        for fault in contract.faults() {
            let breach = Breach::new(BreachKind::Malformed, fault.message);
            self.report(breach.at(fault.pointer, "contract"));
        }
        if !self.verdict.breaches.is_empty() {
            return;
        }
        if let Err(unknown) = self.client.registry().check_service(self.service) {
            return self.report(Breach::new(BreachKind::MissingService, unknown.to_string()));
        }
        match contract {
            Contract::Provider(contract) => self.provider(contract).await,
            Contract::Consumer(contract) => self.consumer(contract).await,
        }
    }

    async fn provider(&mut self, contract: &ProviderContract) {
        if contract.operations.is_empty() {
            let message = format!("the contract of {} promises no operation", contract.service);
            self.report(Breach::new(BreachKind::Empty, message));
        }
        for operation in &contract.operations {
            let before = (self.verdict.cases, self.verdict.breaches.len());
            self.operation(operation, contract.strictness).await;
            if before == (self.verdict.cases, self.verdict.breaches.len()) {
                let message = "the operation has no case, so nothing was verified";
                self.report(Breach::new(BreachKind::Empty, message).of(&operation.name));
            }
        }
    }

    async fn operation(&mut self, operation: &PromisedOperation, strictness: Strictness) {
        let name = &operation.name;
        if let Err(unknown) = (self.client.registry()).check(&CallName::new(self.service, name)) {
            let breach = Breach::new(BreachKind::MissingOperation, unknown.to_string());
            return self.report(breach.of(name));
        }
        let compiled = match CompiledOperation::new(operation, strictness) {
            Ok(compiled) => compiled,
            Err(violation) => {
                let breach = Breach::new(BreachKind::Malformed, violation.to_string());
                return self.report(breach.of(name));
            }
        };
        for case in &operation.cases {
            let state = case.provider_state.clone().map(ProviderState::named);
            self.case(name, &case.name, state.as_slice(), &case.input, |result| {
                compiled.breaches(case.expect.as_ref(), result)
            })
            .await;
        }
        if self.generated > 0 {
            self.generated_cases(&compiled).await;
        }
    }

    /// Calls an operation with inputs that its schema allows, and with inputs that break it.
    async fn generated_cases(&mut self, compiled: &CompiledOperation<'_>) {
        let name = &compiled.operation.name;
        let seed = self.seed.part([CALLER, self.service, name]);
        let made = match generate(&compiled.input, seed, self.generated) {
            Ok(made) => made,
            Err(error) => {
                let breach = Breach::new(BreachKind::Generation, error.message);
                return self.report(breach.at(error.pointer, error.keyword).of(name));
            }
        };
        for (case, input) in &made.valid {
            let case = format!("generated: {case}");
            self.case(name, &case, &[], input, |result| {
                compiled.breaches(None, result)
            })
            .await;
        }
        for broken in &made.broken {
            let case = format!(
                "generated: breaks {} at {:?}",
                broken.keyword, broken.pointer
            );
            self.case(name, &case, &[], &broken.input, |result| {
                compiled.refusal_breaches(broken, result)
            })
            .await;
        }
    }

    async fn consumer(&mut self, contract: &ConsumerContract) {
        if contract.interactions.is_empty() {
            let (consumer, provider) = (&contract.consumer, &contract.provider);
            let message = format!("{consumer} recorded no interaction with {provider}");
            self.report(Breach::new(BreachKind::Empty, message));
        }
        for interaction in &contract.interactions {
            let (case, request) = (&interaction.description, &interaction.request);
            let name = CallName::new(self.service, &request.operation);
            if let Err(unknown) = self.client.registry().check(&name) {
                let breach = Breach::new(BreachKind::MissingOperation, unknown.to_string());
                self.report(breach.of(&request.operation).case(case));
                continue;
            }
            let states = &interaction.provider_states;
            self.case(&request.operation, case, states, &request.input, |result| {
                interaction.breaches(result)
            })
            .await;
        }
    }

    /// Brings the provider to the states that a case starts from, makes its call, and reports the
    /// breaches of its result.
    async fn case(
        &mut self,
        operation: &str,
        case: &str,
        from: &[ProviderState],
        input: &Value,
        breaches: impl FnOnce(&CallResult) -> Vec<Breach>,
    ) {
        self.verdict.cases += 1;
        let breaches = match self.reach(from).await {
            Ok(()) => {
                let name = CallName::new(self.service, operation);
                breaches(&self.call(name, input).await)
            }
            Err(message) => vec![Breach::new(BreachKind::State, message)],
        };
        for breach in breaches {
            self.report(breach.of(operation).case(case));
        }
    }

    async fn reach(&mut self, states: &[ProviderState]) -> Result<(), String> {
        for state in states {
            for StateCall { call, input } in state.calls(&self.states)? {
                if let Err(failure) = self.call(call, &input).await {
                    let name = &state.name;
                    return Err(format!(
                        "provider state {name:?} was not reached: {failure}"
                    ));
                }
            }
        }
        Ok(())
    }

    async fn call(&mut self, name: CallName, input: &Value) -> CallResult {
        *self.calls += 1;
        let mut call = Call::new(CALLER, name, Arc::new(input.clone()));
        call.key = Some(KeyOrigin::Contract.key(format!("{CALLER}/{}", self.calls)));
        self.client.call(&call, &CallPolicy::default(), None).await
    }

    fn report(&mut self, breach: Breach) {
        self.verdict.breaches.push(breach);
    }
}

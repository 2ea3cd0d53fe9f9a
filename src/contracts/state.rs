use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::{CallName, Violation, did_you_mean, pointer_token};

/// How provider states are reached: by name, the calls that lead there.
pub type ProviderStates = IndexMap<String, Vec<StateCall>>;

/// A state that a provider is brought to before a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderState {
    /// Its name.
    pub name: String,
    /// Values of the fields with these names in the inputs of its calls.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
}

/// A call that leads to a state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StateCall {
    /// The operation, of any service of the cast.
    pub call: CallName,
    /// The input sent; `{}` by default.
    #[serde(default = "no_input")]
    pub input: Value,
}

impl ProviderState {
    /// A state without parameters.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            params: Map::new(),
        }
    }

    /// The calls that lead there, with the parameters filled in.
    ///
    /// # Errors
    ///
    /// If the state does not exist, or no input has a field with a parameter's name.
    pub(super) fn calls(&self, states: &ProviderStates) -> Result<Vec<StateCall>, String> {
        let name = &self.name;
        let Some(calls) = states.get(name) else {
            let hint = did_you_mean(name, states.keys().map(String::as_str));
            return Err(format!("provider state {name:?} does not exist: {hint}"));
        };
        let mut calls = calls.clone();
        for (param, value) in &self.params {
            let mut fields = calls
                .iter_mut()
                .filter_map(|call| call.input.get_mut(param))
                .peekable();
            if fields.peek().is_none() {
                let hint = did_you_mean(param, fields_of(&states[name]));
                return Err(format!(
                    "provider state {name:?} has no parameter {param:?}: {hint}"
                ));
            }
            fields.for_each(|field| field.clone_from(value));
        }
        Ok(calls)
    }
}

fn fields_of(calls: &[StateCall]) -> impl Iterator<Item = &str> {
    let inputs = calls.iter().filter_map(|call| call.input.as_object());
    inputs.flat_map(Map::keys).map(String::as_str)
}

/// Finds states without calls, which would not be reached.
pub(super) fn check(states: &ProviderStates, faults: &mut Vec<Violation>) {
    for (name, _) in states.iter().filter(|(_, calls)| calls.is_empty()) {
        let pointer = format!("/states/{}", pointer_token(name));
        faults.push(Violation::new(pointer, "a state needs at least one call"));
    }
}

fn no_input() -> Value {
    Value::Object(Map::new())
}

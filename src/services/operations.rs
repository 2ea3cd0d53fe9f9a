//! What is known of operations before they are called.

use std::time::Duration;

use super::{Registry, UnknownName};
use crate::{domain::CallName, resilience::Usage};

impl Registry {
    /// How long an execution of an operation takes without faults, by its script or else its service.
    ///
    /// # Errors
    ///
    /// If the service or the operation does not exist.
    pub fn usual_latency(&self, call: &CallName) -> Result<Duration, UnknownName> {
        let role = self.role(call.service())?;
        role.check(call)?;
        let own = role.service.latency(call.operation());
        Ok(role.script.usual_latency(call.operation(), own))
    }

    /// What a call of an operation probably uses, by the definition of its service.
    ///
    /// # Errors
    ///
    /// If the service or the operation does not exist.
    pub fn estimate(&self, call: &CallName) -> Result<Usage, UnknownName> {
        let role = self.role(call.service())?;
        role.check(call)?;
        Ok(role.estimate(call.operation()))
    }

    /// The operations of a service that lists them, each with what it is for, as far as that is known.
    #[cfg(feature = "control")]
    pub(crate) fn described(&self, service: &str) -> Vec<(String, String)> {
        let Ok(role) = self.role(service) else {
            return Vec::new();
        };
        let definition = role.service.definition();
        let described = |operation: &str| {
            let operation = definition.and_then(|definition| definition.operation(operation));
            operation.and_then(|operation| operation.description.clone())
        };
        let operations = role.service.operations().unwrap_or_default();
        operations
            .into_iter()
            .map(|operation| {
                (
                    operation.to_owned(),
                    described(operation).unwrap_or_default(),
                )
            })
            .collect()
    }
}

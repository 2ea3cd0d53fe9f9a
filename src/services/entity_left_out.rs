use std::{convert::Infallible, sync::Arc};

use async_trait::async_trait;
use serde::Deserialize;

use super::{CallResult, Effects, Service, ServiceDefinition};
use crate::{
    clock::Clock,
    domain::{Call, Violation},
};

/// The entities that a service keeps, as data. It is refused: the Cargo feature `json-schema` is off.
#[derive(Clone, Debug, Deserialize)]
pub struct EntityDefinition {}

/// The entities of a scenario. There are none: the Cargo feature `json-schema` is off.
#[derive(Clone, Debug)]
pub struct Entities(());

/// A service that keeps entities. There is none: the Cargo feature `json-schema` is off.
#[derive(Debug)]
pub struct EntityService(Infallible);

impl Entities {
    /// No entities.
    pub fn new(_: Clock) -> Self {
        Self(())
    }
}

impl EntityService {
    /// No service.
    ///
    /// # Errors
    ///
    /// Always: it names the Cargo feature that is off.
    pub fn new(
        _: Arc<ServiceDefinition>,
        _: &EntityDefinition,
        _: Entities,
        _: Effects,
    ) -> Result<Self, Violation> {
        Err(left_out())
    }
}

#[async_trait]
impl Service for EntityService {
    fn name(&self) -> &str {
        match self.0 {}
    }

    async fn call(&self, _: &Call) -> CallResult {
        match self.0 {}
    }
}

pub(super) fn check(_: &EntityDefinition, _: &ServiceDefinition) -> Result<(), Violation> {
    Err(left_out())
}

fn left_out() -> Violation {
    let message =
        "keeping entities needs the Cargo feature `json-schema` of rehearsal, which is off";
    Violation::new("/entity", message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn check_names_the_feature_that_is_off() {
        let definition = json!({ "name": "Notes", "entity": { "name": "Note", "schema": {} } });
        let definition: ServiceDefinition = serde_json::from_value(definition).unwrap();
        let refused = definition.check().unwrap_err();
        assert_eq!(refused.pointer, "/entity");
        assert!(refused.message.contains("`json-schema`"), "{refused}");
    }
}

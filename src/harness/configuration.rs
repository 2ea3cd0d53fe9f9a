use std::sync::Arc;

use serde_json::{Map, Value};

use super::World;
use crate::{
    configuration::{ConfigurationService, Configurations, ConfigurationsDefinition},
    domain::Violation,
};

/// The configurations of a scenario, which their service uses as long as they are here.
struct Kept(Arc<Configurations>);

impl World {
    /// Has a played service keep configurations, in place of its replies.
    ///
    /// # Errors
    ///
    /// As for [`Configurations::new`]; if the service does not exist, or another one keeps configurations.
    pub(crate) fn keep_configurations(
        &mut self,
        service: &str,
        definition: &ConfigurationsDefinition,
    ) -> Result<(), Violation> {
        if let Some(kept) = self.parts.take::<Kept>() {
            let other = self.parts.put(kept).0.service().to_owned();
            if other != service {
                let message = format!("{other:?} keeps configurations already, and only one can");
                return Err(Violation::new("", message));
            }
        }
        let fault = |why: String| Violation::new("", why);
        let registry = self.cast().registry();
        registry.check_replaceable(service)?;
        let played = registry.script(service, |_, service| service.definition().cloned());
        let played = played.map_err(|unknown| fault(unknown.to_string()))?;
        let played = played.ok_or_else(|| fault(format!("{service:?} has no definition")))?;
        let (client, effects) = (self.cast().client(), self.cast().effects().clone());
        let engine = self.runs().engine();
        let cqrs = self.cqrs();
        let (commands, projector) = (Arc::clone(cqrs.commands()), Arc::clone(cqrs.projector()));
        let configurations = Configurations::new(
            played.into(),
            definition,
            client,
            commands,
            projector,
            engine,
        )?;
        let configurations = Arc::new(configurations);
        let service = ConfigurationService::new(&configurations, effects);
        self.cast().registry().add(service);
        if let Some(former) = self.parts.take::<Kept>() {
            configurations.continue_after(&former.0);
        }
        self.parts.put(Box::new(Kept(configurations)));
        Ok(())
    }

    /// The configurations.
    ///
    /// # Errors
    ///
    /// If no service keeps any.
    pub(crate) fn configurations(&mut self) -> Result<Arc<Configurations>, String> {
        let kept = self.parts.take::<Kept>().ok_or_else(|| {
            "no service keeps configurations: begin with `Given {string} keeps configurations`"
                .to_owned()
        })?;
        Ok(Arc::clone(&self.parts.put(kept).0))
    }

    /// A configuration as its last event has it; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// If no service keeps any.
    pub(crate) fn configuration(&mut self, id: &str) -> Result<Option<Map<String, Value>>, String> {
        self.configurations()?;
        let events = self.cqrs().store().load(&Configurations::stream(id), 0);
        let last = events
            .last()
            .and_then(|event| event.data.get("configuration"));
        Ok(last.and_then(Value::as_object).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::from_value;

    #[tokio::test(start_paused = true)]
    async fn configurations_are_kept_by_one_played_service() {
        let mut world = World::default();
        for name in ["Settings", "Profiles"] {
            let definition = serde_json::json!({
                "name": name, "operations": { "create": { "kind": "create" } }
            });
            let definition: crate::services::ServiceDefinition = from_value(&definition).unwrap();
            world.cast().add_defined(definition).unwrap();
        }
        world.cast().add_bare("Bare").unwrap();
        let definition = from_value(&Value::Object(Map::new())).unwrap();
        let mut keep = |service: &str| {
            let kept = world.keep_configurations(service, &definition);
            kept.err().map(|fault| fault.message)
        };
        let refused = keep("Setings").unwrap();
        assert!(refused.contains("did you mean \"Settings\"?"), "{refused}");
        assert!(keep("Bare").unwrap().contains("each with a kind"));
        assert_eq!(keep("Settings"), None);
        assert_eq!(keep("Settings"), None);
        let refused = keep("Profiles").unwrap();
        assert!(
            refused.contains("\"Settings\" keeps configurations already"),
            "{refused}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn configurations_need_a_service_that_keeps_them() {
        let refused = World::default().configuration("ada").unwrap_err();
        assert!(refused.contains("keeps configurations"), "{refused}");
    }
}

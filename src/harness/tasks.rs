use std::sync::Arc;

use super::World;
use crate::{
    clock::Seed,
    domain::{Violation, did_you_mean},
    observability::EventKind,
    tasks::{Server, TaskService, TaskStore, TasksDefinition, Tools},
};

/// The servers of tasks of a scenario, by the names of their services.
#[derive(Default)]
struct Servers(Vec<KeptTasks>);

struct KeptTasks {
    service: String,
    definition: TasksDefinition,
    server: Arc<Server>,
}

impl World {
    /// Has a service keep tasks, in place of a played one of its name.
    ///
    /// # Errors
    ///
    /// If the name is not valid, or that of a service which cannot be replaced.
    pub(crate) fn keep_tasks(
        &mut self,
        service: &str,
        definition: &TasksDefinition,
    ) -> Result<(), Violation> {
        let registry = self.cast().registry();
        registry.check_replaceable(service)?;
        let directory = self.cast().directory().clone();
        let store = match definition.file {
            true => TaskStore::in_file(directory.clone()),
            false => TaskStore::in_memory(),
        };
        let timeline = self.timeline().clone();
        let (clock, seed) = (self.clock(), self.scenario().seed);
        let observe = Arc::new(move |event| {
            timeline.record(EventKind::Tasks(Box::new(event)));
        });
        let server = Arc::new(Server::new(store, directory, clock, seed, observe));
        let tools = Tools::new(Arc::clone(&server));
        let effects = self.cast().effects().clone();
        let own = TaskService::new(service, tools, effects);
        self.cast().registry().add(own);
        let Servers(servers) = self.parts.get();
        servers.retain(|kept| kept.service != service);
        servers.push(KeptTasks {
            service: service.to_owned(),
            definition: definition.clone(),
            server,
        });
        Ok(())
    }

    /// Loses the server of a service's tasks, and begins with another one on the same file.
    ///
    /// # Errors
    ///
    /// If the service keeps no tasks, or keeps them in memory.
    pub(crate) fn reopen_tasks(&mut self, service: &str) -> Result<(), String> {
        let Servers(servers) = self.parts.get();
        let Some(kept) = servers.iter().find(|kept| kept.service == service) else {
            let names = servers.iter().map(|kept| kept.service.as_str());
            let hint = did_you_mean(service, names);
            return Err(format!("no service {service:?} keeps tasks: {hint}"));
        };
        if !kept.definition.file {
            return Err(format!(
                "{service:?} keeps its tasks in memory: say {{ \"file\": true }} where it keeps tasks"
            ));
        }
        let definition = kept.definition.clone();
        let reopened = self.keep_tasks(service, &definition);
        reopened.map_err(|violation| violation.to_string())
    }

    /// Draws the ids of tasks from a seed from now on.
    pub(super) fn set_seed_of_tasks(&mut self, seed: Seed) {
        let Servers(servers) = self.parts.get();
        servers.iter().for_each(|kept| kept.server.set_seed(seed));
    }
}

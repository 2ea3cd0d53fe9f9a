use std::sync::Arc;

use futures::FutureExt as _;
use serde_json::json;

use super::World;
use crate::{
    clock::Seed,
    domain::{Call, CallName, Violation, did_you_mean},
    observability::EventKind,
    services::{CallPolicy, Client},
    tasks::{Callback, Crew, Server, TaskService, TaskStore, TasksDefinition, Tools},
};

/// The servers of tasks of a scenario, by the names of their services.
#[derive(Default)]
struct Servers(Vec<KeptTasks>);

struct KeptTasks {
    service: String,
    definition: TasksDefinition,
    server: Arc<Server>,
    tools: TaskService,
    /// Held while another process uses its file.
    taken_away: Option<rusqlite::Connection>,
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
        let client = self.cast().client();
        let callbacks = definition.callbacks.iter();
        let callbacks = callbacks.map(|call| callback(&client, service, call));
        let callbacks = callbacks.collect();
        let server = Server::new(store, directory, clock, seed, observe, callbacks);
        let server = Arc::new(server);
        let tools = Tools::new(Arc::clone(&server));
        let effects = self.cast().effects().clone();
        let crew = match &definition.workers {
            Some(workers) => Some(Crew::new(workers, client, Arc::clone(&server))?),
            None => None,
        };
        let own = TaskService::new(service, tools, crew, effects);
        self.cast().registry().add(own.clone());
        let Servers(servers) = self.parts.get();
        if let Some(place) = servers.iter().position(|kept| kept.service == service) {
            servers.remove(place).server.lose();
        }
        servers.push(KeptTasks {
            service: service.to_owned(),
            definition: definition.clone(),
            server,
            tools: own,
            taken_away: None,
        });
        Ok(())
    }

    /// Loses the server of a service's tasks, and begins with another one on the same file.
    ///
    /// # Errors
    ///
    /// If the service keeps no tasks, or keeps them in memory.
    pub(crate) fn reopen_tasks(&mut self, service: &str) -> Result<(), String> {
        let definition = self.tasks_in_file(service)?.definition.clone();
        let reopened = self.keep_tasks(service, &definition);
        reopened.map_err(|violation| violation.to_string())
    }

    /// Has another process use the file of a service's tasks, or lets go of it.
    ///
    /// # Errors
    ///
    /// If the service keeps no tasks, keeps them in memory, or its file is used or not used already.
    pub(crate) fn take_tasks_away(&mut self, service: &str, is_away: bool) -> Result<(), String> {
        let kept = self.tasks_in_file(service)?;
        match (is_away, kept.taken_away.is_some()) {
            (true, false) => {
                let held = kept.server.take_database_away();
                kept.taken_away = Some(held.map_err(|failure| failure.to_string())?);
            }
            (false, true) => kept.taken_away = None,
            (true, true) => return Err(format!("the database of {service:?} is lost already")),
            (false, false) => return Err(format!("the database of {service:?} is not lost")),
        }
        Ok(())
    }

    /// Loses a client's connection to a server of tasks, or lets the client be reached again.
    ///
    /// # Errors
    ///
    /// If the service keeps no tasks, or the connection is lost or not lost already.
    pub(crate) fn connect_to_tasks(
        &mut self,
        client: &str,
        service: &str,
        is_lost: bool,
    ) -> Result<(), String> {
        let tools = &self.kept_tasks(service)?.tools;
        let (done, state) = match is_lost {
            true => (tools.lose_connection(client), "is lost already"),
            false => (tools.reach_client(client), "is not lost"),
        };
        match done {
            true => Ok(()),
            false => Err(format!(
                "the connection of {client:?} to {service:?} {state}"
            )),
        }
    }

    /// Changes the newest snapshots of a server of tasks behind its back.
    ///
    /// # Errors
    ///
    /// If there are not so many.
    pub(crate) fn alter_snapshots(&mut self, service: &str, count: usize) -> Result<(), String> {
        self.tasks_in_file(service)?.server.alter_snapshots(count)
    }

    fn kept_tasks(&mut self, service: &str) -> Result<&mut KeptTasks, String> {
        let Servers(servers) = self.parts.get();
        let Some(place) = servers.iter().position(|kept| kept.service == service) else {
            let names = servers.iter().map(|kept| kept.service.as_str());
            let hint = did_you_mean(service, names);
            return Err(format!("no service {service:?} keeps tasks: {hint}"));
        };
        Ok(&mut servers[place])
    }

    fn tasks_in_file(&mut self, service: &str) -> Result<&mut KeptTasks, String> {
        let kept = self.kept_tasks(service)?;
        if !kept.definition.file {
            return Err(format!(
                "{service:?} keeps its tasks in memory: say {{ \"file\": true }} where it keeps tasks"
            ));
        }
        Ok(kept)
    }

    /// Draws the ids of tasks from a seed from now on.
    pub(super) fn set_seed_of_tasks(&mut self, seed: Seed) {
        let Servers(servers) = self.parts.get();
        servers.iter().for_each(|kept| kept.server.set_seed(seed));
    }
}

/// A call that a server of tasks makes before it shuts down.
fn callback(client: &Arc<Client>, service: &str, call: &CallName) -> Callback {
    let client = Arc::clone(client);
    let call = Call::new(service, call.clone(), json!({}));
    let name = call.name().as_str().into();
    let run = move || {
        let (client, call) = (Arc::clone(&client), call.clone());
        let called = async move {
            let called = client.call(&call, &CallPolicy::default(), None).await;
            called.map(drop).map_err(|failure| failure.to_string())
        };
        called.boxed()
    };
    Callback {
        name,
        run: Arc::new(run),
    }
}

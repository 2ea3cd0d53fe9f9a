use std::{io, sync::Arc, time::Duration};

use indexmap::IndexMap;

use super::{World, logs};
use crate::{
    domain::{Call, CallName, Locked, did_you_mean},
    http::{HttpService, MemoryStream, ServeError, Server},
    services::{FaultId, Moment, ServiceDefinition, UnknownName, check_service_name},
    systems::{Addresses, Ports, System, SystemDefinition},
};

/// The services of a scenario over HTTP, and the user's own programs that call them.
pub struct Systems {
    server: Arc<Server>,
    is_served: bool,
    systems: Arc<Locked<IndexMap<Arc<str>, System>>>,
    kills: Arc<Locked<Vec<KillPoint>>>,
}

/// Where a system is to be killed.
pub struct KillPoint {
    /// The system.
    pub system: Arc<str>,
    /// The call that it makes.
    pub call: CallName,
    /// Before the service acts, or after that.
    pub moment: Moment,
    /// Only at this execution of the operation.
    pub execution: Option<u32>,
    /// What must be hit.
    pub fault: FaultId,
}

/// How often the systems are looked at.
const POLL: Duration = Duration::from_millis(20);

/// Connects clients that can be given a stream, such as hyper's, to a played service in memory.
#[derive(Clone, Debug)]
pub struct Connector {
    server: Arc<Server>,
    caller: Arc<str>,
    service: Arc<str>,
}

impl Connector {
    /// A new connection.
    ///
    /// Time passes on it as the scenario's does: virtually, unless the scenario is tagged
    /// `@wall-clock`.
    ///
    /// # Errors
    ///
    /// If the service is no longer in the cast.
    pub async fn connect(&self) -> io::Result<MemoryStream> {
        let connected = self.server.connect(&self.caller, &self.service);
        connected.map_err(io::Error::other)
    }
}

impl Systems {
    fn new(world: &mut World) -> Self {
        let client = world.cast().client_without_policies();
        let faults = world.cast().faults().clone();
        let systems: Arc<Locked<IndexMap<Arc<str>, System>>> = Arc::default();
        let kills: Arc<Locked<Vec<KillPoint>>> = Arc::default();
        let (all, points) = (Arc::clone(&systems), Arc::clone(&kills));
        let kill = move |call: &Call, moment: Moment, execution: u32| {
            let mut points = points.lock();
            let is_here = |point: &KillPoint| {
                *point.system == **call.caller()
                    && point.call == *call.name()
                    && point.moment == moment
                    && point.execution.is_none_or(|own| own == execution)
            };
            let Some(index) = points.iter().position(is_here) else {
                return false;
            };
            let point = points.remove(index);
            drop(points);
            faults.hit(point.fault);
            let system = all.lock().get(&point.system).cloned();
            system.is_some_and(|system| system.kill_now())
        };
        Self {
            server: Arc::new(Server::new(client, Arc::new(kill))),
            is_served: false,
            systems,
            kills,
        }
    }

    /// A system by name.
    ///
    /// # Errors
    ///
    /// If it is unknown.
    pub fn get(&self, name: &str) -> Result<System, String> {
        let systems = self.systems.lock();
        systems.get(name).cloned().ok_or_else(|| {
            let known = systems.keys().map(|name| &**name);
            format!(
                "system {name:?} does not exist: {}",
                did_you_mean(name, known)
            )
        })
    }

    /// The ports of each system.
    fn ports(&self) -> Vec<(Arc<str>, Arc<Ports>)> {
        let systems = self.systems.lock();
        let ports =
            |(name, system): (&Arc<str>, &System)| (Arc::clone(name), Arc::clone(system.ports()));
        systems.iter().map(ports).collect()
    }

    /// Lets the systems reach the services.
    pub fn serve(&mut self) {
        self.is_served = true;
    }

    /// Whether the systems can reach the services.
    pub fn is_served(&self) -> bool {
        self.is_served
    }

    fn url(&self, caller: &str, service: &str) -> Result<String, ServeError> {
        self.server.url(caller, service)
    }

    /// Kills a system at a point.
    pub fn kill_at(&self, point: KillPoint) {
        self.kills.lock().push(point);
    }
}

/// Waits until a system has ended although nothing asked for that, and tells how.
async fn unexpected_end(all: Arc<Locked<IndexMap<Arc<str>, System>>>) -> String {
    loop {
        let systems: Vec<System> = all.lock().values().cloned().collect();
        if let Some(end) = systems.iter().find_map(System::unexpected_end) {
            return end.to_string();
        }
        tokio::time::sleep(POLL).await;
    }
}

impl World {
    /// Connects clients of your own code to a played service, in memory, as `caller`: requests are answered
    /// and recorded as those over HTTP are, and time stays virtual.
    ///
    /// # Errors
    ///
    /// If the service is unknown.
    pub fn connector(&mut self, caller: &str, service: &str) -> Result<Connector, UnknownName> {
        self.registry().check_service(service)?;
        Ok(Connector {
            server: Arc::clone(&self.systems().server),
            caller: caller.into(),
            service: service.into(),
        })
    }

    /// Where a played service listens for a caller: `http://127.0.0.1:PORT`, for clients of your own steps.
    ///
    /// # Errors
    ///
    /// If the scenario does not run in real time, the service is unknown, or no port is free.
    pub fn url(&mut self, caller: &str, service: &str) -> Result<String, String> {
        if !self.scenario().wall_clock {
            return Err("HTTP needs real time: tag the scenario @wall-clock".to_owned());
        }
        let url = self.systems().url(caller, service);
        url.map_err(|error| error.to_string())
    }

    /// The systems of the scenario, and its services over HTTP.
    pub(crate) fn systems(&mut self) -> &mut Systems {
        let systems = match self.parts.take() {
            Some(systems) => systems,
            None => Box::new(Systems::new(self)),
        };
        self.parts.put(systems)
    }

    /// Tells of systems that end although nothing asked for that, if there may be any.
    pub(crate) fn alarm(&mut self) -> Option<impl Future<Output = String> + use<>> {
        let systems: Box<Systems> = self.parts.take()?;
        let all = Arc::clone(&systems.systems);
        self.parts.put(systems);
        Some(unexpected_end(all))
    }

    /// Adds the last lines that the systems have written to the scenario's log.
    pub(crate) fn log_systems(&mut self) {
        let Some(systems) = self.parts.take::<Systems>() else {
            return;
        };
        for (name, system) in systems.systems.lock().iter() {
            for line in system.last_lines() {
                logs::note(&format!("{name}: {line}"));
            }
        }
        self.parts.put(systems);
    }

    /// Adds a system, which the scenario can call if it is a service of its own.
    ///
    /// # Errors
    ///
    /// If its definition is faulty, its name is taken, or no port is free.
    pub(crate) fn add_system(
        &mut self,
        name: &str,
        definition: SystemDefinition,
    ) -> Result<(), String> {
        let served = match self.systems().is_served() {
            true => self.registry().names(),
            false => Vec::new(),
        };
        if self.systems().get(name).is_ok() {
            return Err(format!("there is a system {name:?} already"));
        }
        let root = super::package_root();
        let system = System::new(name, definition, root, self.timeline().clone());
        let system = system.map_err(|error| error.to_string())?;
        let others = self.systems().ports();
        let checked = system.definition().check(&served, system.ports(), &others);
        checked.map_err(|error| format!("the system {name:?}: {error}"))?;
        if let Some((service, own)) = system.definition().own_service() {
            let url = format!("http://127.0.0.1:{}", system.ports().first());
            self.add_remote(service, &url, own)?;
        }
        self.systems().systems.lock().insert(name.into(), system);
        Ok(())
    }

    /// Puts a real service into the cast.
    ///
    /// # Errors
    ///
    /// If its address or its definition is not valid.
    pub(crate) fn add_remote(
        &mut self,
        name: &str,
        url: &str,
        definition: Option<Arc<ServiceDefinition>>,
    ) -> Result<(), String> {
        check_service_name(name)?;
        if let Some(definition) = &definition {
            definition
                .check_names()
                .map_err(|error| error.to_string())?;
        }
        let service = HttpService::new(name, url, definition);
        self.registry()
            .add(service.map_err(|error| error.to_string())?);
        Ok(())
    }

    /// Starts a system.
    ///
    /// # Errors
    ///
    /// If it is unknown, cannot be started, or is not ready in time.
    pub(crate) async fn start_system(&mut self, name: &str) -> Result<(), String> {
        let system = self.systems().get(name)?;
        let directory = self.directory().map_err(|error| error.to_string())?;
        let directory = directory.display().to_string();
        let services = self.registry().names();
        let server = Arc::clone(&self.systems().server);
        let others = self.systems().ports();
        let started = {
            let url = |service: &str| {
                let url = server.url(name, service);
                url.map_err(|error| error.to_string())
            };
            let addresses = Addresses {
                ports: system.ports(),
                systems: &others,
                directory: &directory,
                services: &services,
                url: &url,
            };
            system.start(&addresses).await
        };
        started.map_err(|error| error.to_string())
    }
}

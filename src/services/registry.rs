use std::{fmt, sync::Arc, time::Duration};

use super::{Script, Service};
use crate::domain::{CallName, Failure, IndexMap, Locked, Violation, code, did_you_mean, nearest};

/// The services that take part, each with its script.
///
/// A handle: clones share the services.
#[derive(Clone, Default)]
pub struct Registry {
    roles: Arc<Locked<Roles>>,
}

#[derive(Default)]
struct Roles {
    cast: IndexMap<Arc<str>, Arc<Role>>,
    /// Only found by name, in no list.
    on_call: Vec<Arc<Role>>,
}

/// A service and its script.
pub(super) struct Role {
    pub name: Arc<str>,
    pub service: Arc<dyn Service>,
    pub script: Arc<Script>,
    /// Whether it is written in Rust by the user.
    own: bool,
}

/// An unknown name, with the nearest known one.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{what} {name:?} does not exist: {hint}")]
pub struct UnknownName {
    /// What was looked for: `service`, `operation`, ….
    pub what: &'static str,
    /// The name.
    pub name: String,
    /// The nearest name, or all of them.
    pub hint: String,
}

impl Registry {
    /// Adds a service, in place of one of the same name and its script.
    pub fn add(&self, service: impl Service + 'static) {
        let role = Arc::new(Role::new(service));
        let mut roles = self.roles.lock();
        roles.cast.insert(Arc::clone(&role.name), role);
    }

    /// Adds a service; in place of one of the same name it keeps that one's script. A call that is late
    /// still reaches the other one.
    #[cfg(feature = "cqrs")]
    pub(crate) fn replace(&self, service: impl Service + 'static) {
        let mut role = Role::new(service);
        let mut roles = self.roles.lock();
        if let Some(other) = roles.cast.get(&role.name) {
            role.script = Arc::clone(&other.script);
        }
        roles.cast.insert(Arc::clone(&role.name), Arc::new(role));
    }

    /// Adds a service of the user's own, in place of one of the same name and its script.
    pub(crate) fn add_own(&self, service: impl Service + 'static) {
        let mut role = Role::new(service);
        role.own = true;
        let role = Arc::new(role);
        let mut roles = self.roles.lock();
        roles.cast.insert(Arc::clone(&role.name), role);
    }

    /// Checks that a service to be played is not one of the user's own.
    ///
    /// # Errors
    ///
    /// If it is.
    pub(crate) fn check_not_own(&self, name: &str) -> Result<(), Violation> {
        let roles = self.roles.lock();
        if !roles.cast.get(name).is_some_and(|role| role.own) {
            return Ok(());
        }
        Err(Violation {
            pointer: String::new(),
            message: format!(
                "{name:?} is registered as a service of your own, written in Rust, which a played one \
                 would replace: leave this out, or give one of them another name"
            ),
        })
    }

    /// Adds a service that is only found by name, and only if no other has that name.
    ///
    /// It is in no list of the services.
    pub fn add_on_call(&self, service: impl Service + 'static) {
        let role = Arc::new(Role::new(service));
        let mut roles = self.roles.lock();
        roles.on_call.retain(|other| other.name != role.name);
        roles.on_call.push(role);
    }

    /// Removes a service; later calls to it fail with `SERVICE_NOT_FOUND`.
    ///
    /// # Errors
    ///
    /// If there is no such service.
    pub fn remove(&self, name: &str) -> Result<(), UnknownName> {
        self.role(name)?;
        let mut roles = self.roles.lock();
        roles.cast.shift_remove(name);
        roles.on_call.retain(|role| *role.name != *name);
        Ok(())
    }

    /// Calls `change` with a service's script and the service.
    ///
    /// # Errors
    ///
    /// If there is no such service.
    pub fn script<T>(
        &self,
        service: &str,
        change: impl FnOnce(&Script, &dyn Service) -> T,
    ) -> Result<T, UnknownName> {
        let role = self.role(service)?;
        Ok(change(&role.script, &*role.service))
    }

    /// Checks that a service exists.
    ///
    /// # Errors
    ///
    /// If it does not.
    pub fn check_service(&self, name: &str) -> Result<(), UnknownName> {
        self.role(name).map(drop)
    }

    /// Checks that a service, or one operation of a service, exists.
    ///
    /// # Errors
    ///
    /// If it does not.
    pub(crate) fn check_guarded(&self, name: &str) -> Result<(), UnknownName> {
        match name.parse::<CallName>() {
            Ok(call) => self.check(&call),
            Err(_) => self.check_service(name),
        }
    }

    /// Checks that an operation exists.
    ///
    /// # Errors
    ///
    /// If the service or the operation does not.
    pub fn check(&self, call: &CallName) -> Result<(), UnknownName> {
        self.role(call.service())?.check(call)
    }

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

    /// The names of all services, in the order they were added.
    pub fn names(&self) -> Vec<Arc<str>> {
        let roles = self.roles.lock();
        roles.cast.keys().cloned().collect()
    }

    /// Whether any service is of a class.
    pub fn has_class(&self, class: &str) -> bool {
        let roles = self.roles.lock();
        roles
            .cast
            .values()
            .any(|role| role.service.class() == Some(class))
    }

    /// The names of all services of a class.
    pub fn of_class(&self, class: &str) -> Vec<Arc<str>> {
        let roles = self.roles.lock();
        let of_class = |role: &&Arc<Role>| role.service.class() == Some(class);
        let roles = roles.cast.values().filter(of_class);
        roles.map(|role| Arc::clone(&role.name)).collect()
    }

    pub(super) fn role(&self, name: &str) -> Result<Arc<Role>, UnknownName> {
        let roles = self.roles.lock();
        let on_call = || roles.on_call.iter().find(|role| *role.name == *name);
        roles
            .cast
            .get(name)
            .or_else(on_call)
            .map(Arc::clone)
            .ok_or_else(|| roles.unknown(name))
    }
}

impl Roles {
    fn unknown(&self, name: &str) -> UnknownName {
        let cast = || self.cast.keys().map(|name| &**name);
        let on_call = self.on_call.iter().map(|role| &*role.name);
        // Services on call are suggested for a similar name, but not listed.
        let hint = match nearest(name, cast().chain(on_call)) {
            Some(nearest) => did_you_mean(name, [nearest]),
            None => did_you_mean(name, cast()),
        };
        UnknownName {
            what: "service",
            name: name.to_owned(),
            hint,
        }
    }
}

impl Role {
    fn new(service: impl Service + 'static) -> Self {
        Self {
            name: service.name().into(),
            service: Arc::new(service),
            script: Arc::default(),
            own: false,
        }
    }

    pub(super) fn check(&self, call: &CallName) -> Result<(), UnknownName> {
        if self.service.has_operation(call.operation()) {
            return Ok(());
        }
        let operations = self.service.operations().unwrap_or_default();
        Err(UnknownName {
            what: "operation",
            name: call.to_string(),
            hint: did_you_mean(call.operation(), operations),
        })
    }
}

impl UnknownName {
    /// The failure of a call to it.
    pub fn failure(&self, call: &CallName) -> Failure {
        let code = match self.what {
            "operation" => code::OPERATION_NOT_FOUND,
            _ => code::SERVICE_NOT_FOUND,
        };
        Failure::new(code, self.to_string()).at(call)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

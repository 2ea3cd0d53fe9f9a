use std::{fmt, sync::Arc};

use super::{Script, Service, ServiceDefinition, check_service_name};
use crate::{
    domain::{
        CallName, Failure, IndexMap, Locked, Violation, code, did_you_mean, nearest, typo_of,
    },
    resilience::Usage,
};

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
    origin: Origin,
    /// Whether its definition says who may call it.
    is_protected: bool,
}

/// Where a service comes from, which says whether another may take its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Played,
    /// Written in Rust by the user.
    Own,
    /// Of a projection.
    #[cfg(feature = "cqrs")]
    ReadModel,
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
    ///
    /// Services of your own are added by `Cast::add`, which replaces none.
    #[doc(hidden)]
    pub fn add(&self, service: impl Service + 'static) {
        self.insert(Role::new(service, Origin::Played));
    }

    /// Adds a service of the user's own.
    ///
    /// # Errors
    ///
    /// If its name is not valid or taken, or if it has no such operation as its probe.
    pub(crate) fn add_own(&self, service: impl Service + 'static) -> Result<(), Violation> {
        let role = Role::new(service, Origin::Own);
        check_service_name(&role.name).map_err(|why| Violation::new("", why))?;
        if let Some(probe) = role.service.probe() {
            let known = role.check(&CallName::new(&role.name, probe));
            known.map_err(|unknown| {
                Violation::new("", format!("the probe of its health: {unknown}"))
            })?;
        }
        if let Some(former) = self.roles.lock().cast.get(&role.name) {
            let by = match former.origin {
                Origin::Played => "is played already",
                Origin::Own => "is registered already as a service of your own",
                #[cfg(feature = "cqrs")]
                Origin::ReadModel => "is the read model of a projection",
            };
            let name = &role.name;
            let message = format!(
                "{name:?} {by}, which this one would replace: leave one of them out, give it another \
                 name, or remove the former before with `registry().remove({name:?})`"
            );
            return Err(Violation::new("", message));
        }
        self.insert(role);
        Ok(())
    }

    /// Adds the read model of a projection; in place of another of the same name it keeps that one's script. A
    /// call that is late still reaches the other one.
    #[cfg(feature = "cqrs")]
    pub(crate) fn add_read_model(&self, service: impl Service + 'static) {
        let mut role = Role::new(service, Origin::ReadModel);
        if let Some(other) = self.roles.lock().cast.get(&role.name) {
            role.script = Arc::clone(&other.script);
        }
        self.insert(role);
    }

    fn insert(&self, role: Role) {
        let mut roles = self.roles.lock();
        roles.cast.insert(Arc::clone(&role.name), Arc::new(role));
    }

    /// Checks that a service to be played takes nothing away.
    ///
    /// # Errors
    ///
    /// If one of the user's own or a read model has the name, or one whose scripted answers were not
    /// used yet.
    pub(crate) fn check_replaceable(&self, name: &str) -> Result<(), Violation> {
        let roles = self.roles.lock();
        let Some(role) = roles.cast.get(name) else {
            return Ok(());
        };
        let what = match role.origin {
            Origin::Played => None,
            Origin::Own => Some("registered as a service of your own, written in Rust"),
            #[cfg(feature = "cqrs")]
            Origin::ReadModel => Some("the read model of a projection"),
        };
        let message = if let Some(what) = what {
            format!(
                "{name:?} is {what}, which a played one would replace: leave this out, or give one of \
                 them another name"
            )
        } else if let Some(operation) = role.script.unused() {
            format!(
                "{name:?} is played already, and what was declared of \"{name}.{operation}\" would be lost: \
                 declare the service before its answers"
            )
        } else {
            return Ok(());
        };
        Err(Violation::new("", message))
    }

    /// Adds a service that is only found by name, and only if no other has that name.
    ///
    /// It is in no list of the services.
    #[doc(hidden)]
    pub fn add_on_call(&self, service: impl Service + 'static) {
        let role = Arc::new(Role::new(service, Origin::Played));
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
        let role = self.role(call.service())?;
        role.check(call)?;
        role.script.name(call.operation());
        Ok(())
    }

    /// Checks that a call that is not expected is not a typo: of a service that has any operation, one
    /// that nothing has named is refused if it is similar to one that was.
    ///
    /// # Errors
    ///
    /// If the service or the operation does not exist, or if it is probably a typo.
    pub(crate) fn check_named(&self, call: &CallName) -> Result<(), UnknownName> {
        let role = self.role(call.service())?;
        role.check(call)?;
        let named = role.script.named();
        let is_named = named
            .iter()
            .any(|operation| **operation == *call.operation());
        if is_named || role.service.operations().is_some() {
            return Ok(());
        }
        match typo_of(call.operation(), named.iter().map(|operation| &**operation)) {
            None => Ok(()),
            Some(meant) => Err(UnknownName {
                what: "operation",
                name: call.to_string(),
                hint: format!("nothing else in the scenario names it, did you mean \"{meant}\"?"),
            }),
        }
    }

    /// Whether a service is part of the framework, or has the place of one that is: outbox, bus, event
    /// store, a read model and the like.
    pub(super) fn is_own_machinery(&self, role: &Role) -> bool {
        #[cfg(feature = "cqrs")]
        if role.origin == Origin::ReadModel {
            return true;
        }
        let on_call = &self.roles.lock().on_call;
        on_call.iter().any(|own| own.name == role.name)
    }

    /// The names of all services, in the order they were added.
    pub fn names(&self) -> Vec<Arc<str>> {
        let roles = self.roles.lock();
        roles.cast.keys().cloned().collect()
    }

    /// Whether any service is the user's own.
    pub(crate) fn has_own(&self) -> bool {
        self.roles.lock().cast.values().any(|role| role.is_own())
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
    fn new(service: impl Service + 'static, origin: Origin) -> Self {
        let definition = service.definition();
        Self {
            is_protected: definition.is_some_and(ServiceDefinition::is_protected),
            name: service.name().into(),
            service: Arc::new(service),
            script: Arc::default(),
            origin,
        }
    }

    /// Whether it is written in Rust by the user.
    pub(super) fn is_own(&self) -> bool {
        self.origin == Origin::Own
    }

    /// Whether not everyone may call it.
    pub(super) fn is_protected(&self) -> bool {
        self.is_protected
    }

    /// What a call of an operation probably uses.
    pub(super) fn estimate(&self, operation: &str) -> Usage {
        self.service
            .definition()
            .map_or_else(Usage::default, |definition| definition.estimate(operation))
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

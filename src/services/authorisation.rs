//! Which calls may reach their services.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::registry::Role;
use crate::domain::{
    Call, Credential, Failure, IndexMap, Locked, SecurityContext, Violation, check_role, code,
    did_you_mean, typo_of,
};

/// What the roles of users grant, and the context of calls that have none of their own.
///
/// A handle: clones share both.
#[derive(Clone, Debug)]
pub(crate) struct Authorisation {
    shared: Arc<Shared>,
    /// Whether it gives calls a context.
    gives: bool,
}

#[derive(Debug, Default)]
struct Shared {
    /// Read first, so that calls cost no lock before there is a context.
    has_context: AtomicBool,
    state: Locked<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The permissions that roles grant.
    roles: IndexMap<Arc<str>, Vec<Arc<str>>>,
    /// The contexts that were set, the current one last.
    contexts: Vec<Arc<SecurityContext>>,
}

/// Why a call must not reach its service.
pub(super) struct Refusal {
    pub failure: Failure,
    /// The permission that is missing.
    pub permission: Option<Arc<str>>,
}

impl Default for Authorisation {
    fn default() -> Self {
        Self {
            shared: Arc::default(),
            gives: true,
        }
    }
}

impl Authorisation {
    /// The same roles, for calls that have a context of their own or none.
    #[must_use]
    pub fn giving_none(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            gives: false,
        }
    }

    /// Lets a role grant permissions from now on, in place of those it granted before.
    ///
    /// # Errors
    ///
    /// If one of them has no valid name.
    pub fn grant(&self, role: &str, permissions: Vec<Arc<str>>) -> Result<(), Violation> {
        check_role(role, &permissions)?;
        let mut state = self.shared.state.lock();
        state.roles.insert(role.into(), permissions);
        Ok(())
    }

    /// Gives a context to all calls from now on that have none of their own.
    ///
    /// # Errors
    ///
    /// As for [`check`](Self::check).
    pub fn set_context(&self, context: SecurityContext) -> Result<(), Violation> {
        self.check(&context)?;
        let mut state = self.shared.state.lock();
        state.contexts.push(Arc::new(context));
        self.shared.has_context.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Checks a context.
    ///
    /// # Errors
    ///
    /// As for [`SecurityContext::check`], and if one of its roles does not exist.
    pub fn check(&self, context: &SecurityContext) -> Result<(), Violation> {
        context.check()?;
        let state = self.shared.state.lock();
        for (index, role) in context.roles.iter().enumerate() {
            if !state.roles.contains_key(role) {
                let hint = did_you_mean(role, state.roles.keys().map(|role| &**role));
                let message = format!("the role {role:?} does not exist: {hint}");
                return Err(Violation::new(format!("/roles/{index}"), message));
            }
        }
        Ok(())
    }

    /// The context of calls that have none of their own.
    pub fn context(&self) -> Option<Arc<SecurityContext>> {
        if !self.gives || !self.shared.has_context.load(Ordering::Relaxed) {
            return None;
        }
        self.shared.state.lock().contexts.last().cloned()
    }

    /// The context that was set last with a credential.
    #[cfg(feature = "http")]
    pub fn context_of(&self, credential: &Credential) -> Option<Arc<SecurityContext>> {
        let state = self.shared.state.lock();
        let mut latest = state.contexts.iter().rev();
        latest
            .find(|context| context.credential.as_ref() == Some(credential))
            .cloned()
    }

    /// The call with the context that it gets, if it gets one. A run has its own, or none, from its start on.
    pub fn given(&self, call: &Call) -> Option<Box<Call>> {
        let own = call.context();
        if own.security.is_some() || own.run.is_some() {
            return None;
        }
        let context = self.context()?;
        // Boxed, since few calls in flight have one.
        Some(Box::new(call.clone().on_behalf_of(Some(context))))
    }

    /// Why a call must not reach its service, if it must not: the service does not know the caller, or the
    /// user lacks the permission. What was done can be undone without a permission.
    pub(super) fn refusal(&self, role: &Role, call: &Call) -> Option<Refusal> {
        if !role.is_protected() {
            return None;
        }
        let definition = role.service.definition()?;
        let context = call.context().security.as_deref();
        let credential = context.and_then(|context| context.credential.as_ref());
        let is_known = |own: &Credential| definition.callers.values().any(|known| known == own);
        if !definition.callers.is_empty() && !credential.is_some_and(is_known) {
            let callers = definition.callers.keys();
            let callers: Vec<_> = callers.map(|name| format!("{name:?}")).collect();
            let message = format!(
                "{} does not know the caller: {} of {}",
                role.name,
                match credential {
                    None => "it has no credential, such as that",
                    Some(_) => "its credential is not that",
                },
                callers.join(" or "),
            );
            return Some(Refusal {
                failure: Failure::new(code::UNAUTHENTICATED, message),
                permission: None,
            });
        }
        let operation = definition.operation(call.name().operation())?;
        let permission = operation.permission.as_ref()?;
        if call.is_undo() {
            return None;
        }
        let granted = context.map_or_else(Vec::new, |context| self.granted(context));
        if granted.contains(permission) {
            return None;
        }
        let message = match context {
            None => format!("the permission {permission:?} is needed, and the call is for no user"),
            Some(context) => {
                let similar = typo_of(permission, granted.iter().map(|name| &**name));
                let similar = similar.map(|name| format!(", only the similar {name:?}"));
                let similar = similar.unwrap_or_default();
                let user = &context.user;
                format!("{user} does not have the permission {permission:?}{similar}")
            }
        };
        Some(Refusal {
            failure: Failure::new(code::PERMISSION_DENIED, message),
            permission: Some(Arc::clone(permission)),
        })
    }

    /// The permissions of a user, those that the roles grant now included.
    fn granted(&self, context: &SecurityContext) -> Vec<Arc<str>> {
        let state = self.shared.state.lock();
        let roles = context.roles.iter();
        let of_roles = roles.filter_map(|role| state.roles.get(role)).flatten();
        context
            .permissions
            .iter()
            .chain(of_roles)
            .cloned()
            .collect()
    }
}

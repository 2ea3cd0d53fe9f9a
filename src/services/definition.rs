use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    EntityDefinition, FilesDefinition, HttpRoute, KeyRules, entity, file,
    input_answer::InputAnswer, operation_kind::OperationKind, service::PROBE,
};
use crate::{
    domain::{
        Cost, Credential, FailureMode, Violation, check_name, check_role, did_you_mean,
        duration_text, opt_duration_text, pointer_token,
    },
    resilience::Usage,
};

/// A file of service definitions, as in `fixtures/services/`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CastFile {
    /// The JSON Schema of such files, for editors.
    #[serde(default, rename = "$schema")]
    pub schema: Option<String>,
    /// What the services are for.
    #[serde(default)]
    pub description: Option<String>,
    /// The services.
    pub services: Vec<Arc<ServiceDefinition>>,
    /// The permissions that roles grant.
    #[serde(default)]
    pub roles: IndexMap<String, Vec<Arc<str>>>,
}

/// A played service, as data.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServiceDefinition {
    /// Its name; a definition in a step has the name in the step.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The class whose bulkhead its calls share.
    pub class: Option<String>,
    /// The operation that checks its health; by default `health`, if it has one.
    pub probe: Option<String>,
    /// Whether a repetition of a key has no effect of its own; true unless given.
    pub idempotent: Option<bool>,
    /// How long it remembers a key; for ever unless given.
    #[serde(with = "opt_duration_text")]
    pub keys: Option<Duration>,
    /// Whether what arrives after its undo has no effect; true unless given.
    pub bars_late_effects: Option<bool>,
    /// The header that holds a call's key over HTTP; `Idempotency-Key` unless given.
    pub key_header: Option<String>,
    /// The callers that it knows, each by its credential; anyone may call it unless given.
    pub callers: IndexMap<String, Credential>,
    /// Codes of its own.
    pub codes: IndexMap<String, CodeDefinition>,
    /// Its operations; by default any name is one.
    pub operations: Option<IndexMap<String, OperationDefinition>>,
    /// The entities that it keeps, if any.
    pub entity: Option<EntityDefinition>,
    /// How it keeps files, if any.
    pub files: Option<FilesDefinition>,
}

/// Checks the name of a service, which is the first part of the names of its calls.
///
/// # Errors
///
/// If it is empty or contains a dot, with a message that says so.
pub fn check_service_name(name: &str) -> Result<(), String> {
    match name.is_empty() || name.contains('.') {
        true => Err(format!(
            "{name:?} is not a valid service name: it must not be empty or contain a dot"
        )),
        false => Ok(()),
    }
}

impl CastFile {
    /// Checks what the types do not.
    ///
    /// # Errors
    ///
    /// As for [`ServiceDefinition::check`].
    pub fn check(&self) -> Result<(), Violation> {
        for (index, service) in self.services.iter().enumerate() {
            let within = |error: Violation| error.within(&format!("/services/{index}"));
            service.check().map_err(within)?;
        }
        self.faulty_roles().next().map_or(Ok(()), Err)
    }

    /// What is wrong with the roles, one fault of each.
    pub(crate) fn faulty_roles(&self) -> impl Iterator<Item = Violation> {
        self.roles.iter().filter_map(|(role, permissions)| {
            let at = format!("/roles/{}", pointer_token(role));
            let checked = check_role(role, permissions);
            checked.err().map(|error| error.within(&at))
        })
    }
}

impl ServiceDefinition {
    /// Checks what the types do not.
    ///
    /// # Errors
    ///
    /// If its entities or files or an operation on them are not valid; if it keeps both; if its probe
    /// is not an operation.
    pub fn check(&self) -> Result<(), Violation> {
        self.check_names()?;
        match (&self.entity, &self.files) {
            (Some(_), Some(_)) => {
                let message = "a service keeps entities or files, not both";
                Err(Violation::new("/files", message))
            }
            (Some(entity), None) => entity::check(entity, self),
            (None, Some(files)) => file::check(files, self),
            (None, None) => Ok(()),
        }
    }

    /// Checks the operations of a service that keeps entities or files: each needs a kind that
    /// `is_known` accepts; `names` are those of all such kinds.
    pub(super) fn check_operations(
        &self,
        names: &[&str],
        is_known: impl Fn(OperationKind) -> bool,
    ) -> Result<(), Violation> {
        let Some(operations) = &self.operations else {
            let message = "a service that keeps entities or files has operations, each with a kind";
            return Err(Violation::new("/operations", message));
        };
        for (name, operation) in operations {
            let at = format!("/operations/{}", pointer_token(name));
            if !operation.kind.is_some_and(&is_known) {
                // The kind that the operation's name begins with, else the nearest, else all.
                let begins = names.iter().find(|kind| name.starts_with(**kind));
                let hint = did_you_mean(begins.unwrap_or(&name.as_str()), names.iter().copied());
                let (at, message) = match operation.kind {
                    None => (at, "the operation needs a kind"),
                    Some(_) => (
                        format!("{at}/kind"),
                        "this service has no operations of this kind",
                    ),
                };
                return Err(Violation::new(at, format!("{message}: {hint}")));
            }
            let reply = operation.reply.as_ref();
            if reply.is_some_and(|reply| !reply.is_object()) {
                let message =
                    "the reply adds fields to that of the service, so it must be an object";
                return Err(Violation::new(format!("{at}/reply"), message));
            }
        }
        Ok(())
    }

    /// How it treats the keys of its calls.
    pub(crate) fn key_rules(&self) -> KeyRules {
        let operations = self.operations.iter().flatten();
        let own = |(name, operation): (&String, &OperationDefinition)| {
            Some((name.as_str().into(), operation.idempotent?))
        };
        KeyRules {
            idempotent: self.idempotent.unwrap_or(true),
            operations: operations.filter_map(own).collect(),
            keys: self.keys,
            bars_late_effects: self.bars_late_effects.unwrap_or(true),
        }
    }

    /// Checks what needs no knowledge of what it keeps: its probe, and what is said of HTTP.
    pub(crate) fn check_names(&self) -> Result<(), Violation> {
        self.check_probe()?;
        self.check_answers()?;
        self.check_security()?;
        self.check_http()
    }

    fn check_probe(&self) -> Result<(), Violation> {
        let (Some(probe), Some(operations)) = (&self.probe, &self.operations) else {
            return Ok(());
        };
        if operations.contains_key(probe) {
            return Ok(());
        }
        let hint = did_you_mean(probe, operations.keys().map(String::as_str));
        let message = format!("it has no operation {probe:?}, {hint}");
        Err(Violation::new("/probe", message))
    }

    /// Checks who may call it.
    fn check_security(&self) -> Result<(), Violation> {
        for (index, (caller, credential)) in self.callers.iter().enumerate() {
            let at = format!("/callers/{}", pointer_token(caller));
            if caller.trim().is_empty() || credential.is_blank() {
                return Err(Violation::new(at, "a caller needs a name and a credential"));
            }
            let mut others = self.callers.iter().take(index);
            if let Some((other, _)) = others.find(|(_, other)| *other == credential) {
                let message = format!("it has the credential of {other:?}");
                return Err(Violation::new(at, message));
            }
        }
        for (name, operation) in self.operations.iter().flatten() {
            let checked = operation.permission.as_deref().map_or(Ok(()), check_name);
            let at = || format!("/operations/{}/permission", pointer_token(name));
            checked.map_err(|why| Violation::new(at(), why))?;
        }
        Ok(())
    }

    /// Whether it says who may call it.
    pub(crate) fn is_protected(&self) -> bool {
        let mut operations = self.operations.iter().flatten();
        let needs_permission = operations.any(|(_, operation)| operation.permission.is_some());
        needs_permission || !self.callers.is_empty()
    }

    /// Checks what is said of HTTP.
    fn check_http(&self) -> Result<(), Violation> {
        let operations = || self.operations.iter().flatten();
        let route = |(name, operation): (&String, &OperationDefinition)| {
            let default = || HttpRoute::default_of(name);
            (name.clone(), operation.http.clone().unwrap_or_else(default))
        };
        let routes: Vec<_> = operations().map(route).collect();
        for (index, (name, route)) in routes.iter().enumerate() {
            let same = |(_, other): &&(String, HttpRoute)| {
                route.overlaps(other) && route.literals() == other.literals()
            };
            if let Some((other, _)) = routes[..index].iter().find(same) {
                let at = format!("/operations/{}/http", pointer_token(name));
                let message = format!("{route} would be a route to {other:?} as well");
                return Err(Violation::new(at, message));
            }
        }
        for (name, operation) in operations() {
            let Some(undone) = &operation.undoes else {
                continue;
            };
            if undone == name || !self.has_operation(undone) {
                let others = operations().map(|(name, _)| name.as_str());
                let hint = did_you_mean(undone, others.filter(|other| other != name));
                let at = format!("/operations/{}/undoes", pointer_token(name));
                let message = format!("it has no other operation {undone:?}, {hint}");
                return Err(Violation::new(at, message));
            }
        }
        for (code, definition) in &self.codes {
            if definition
                .status
                .is_some_and(|status| !(400..600).contains(&status))
            {
                let at = format!("/codes/{}/status", pointer_token(code));
                return Err(Violation::new(at, "a failure's status is 400 to 599"));
            }
        }
        Ok(())
    }

    /// The operation that checks its health, if any.
    pub fn probe(&self) -> Option<&str> {
        let operations = self.operations.as_ref();
        let has = |name: &str| operations.is_none_or(|known| known.contains_key(name));
        self.probe
            .as_deref()
            .or_else(|| has(PROBE).then_some(PROBE))
    }

    /// Whether it has an operation.
    pub fn has_operation(&self, name: &str) -> bool {
        self.operations
            .as_ref()
            .is_none_or(|operations| operations.contains_key(name))
    }

    /// An operation by name.
    pub fn operation(&self, name: &str) -> Option<&OperationDefinition> {
        self.operations.as_ref()?.get(name)
    }

    /// What a call of an operation probably uses.
    pub fn estimate(&self, operation: &str) -> Usage {
        self.operation(operation)
            .map_or_else(Usage::default, OperationDefinition::estimate)
    }

    /// How long an operation takes.
    pub fn latency(&self, operation: &str) -> Duration {
        self.operation(operation)
            .map_or(Duration::ZERO, |operation| operation.latency)
    }
}

/// An operation of a played service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OperationDefinition {
    /// What it is for.
    pub description: Option<String>,
    /// What it does to the service's state.
    pub kind: Option<OperationKind>,
    /// Whether a repetition of a key has no effect of its own; as the service unless given.
    pub idempotent: Option<bool>,
    /// Fields that an `update` of an entity sets by itself.
    pub sets: Map<String, Value>,
    /// What a caller's user must be permitted; anyone may call it unless given.
    pub permission: Option<Arc<str>>,
    /// Where it is found over HTTP; `POST /<operation>` unless given.
    pub http: Option<HttpRoute>,
    /// The operation that it undoes, of calls with the same key.
    pub undoes: Option<String>,
    /// What a call probably costs; 0.1 unless given.
    pub cost: Option<Cost>,
    /// How many tokens a call probably uses; 10 unless given.
    pub tokens: Option<u64>,
    /// How long it takes.
    #[serde(with = "duration_text")]
    pub latency: Duration,
    /// The reply, `{}` by default; fields added to the reply of a service that keeps something.
    pub reply: Option<Arc<Value>>,
    /// What it answers to some inputs, the first that fits; the reply above to all others.
    pub answers: Vec<InputAnswer>,
}

impl OperationDefinition {
    /// What a call of it probably uses.
    fn estimate(&self) -> Usage {
        let default = Usage::default();
        Usage {
            cost: self.cost.unwrap_or(default.cost),
            tokens: self.tokens.unwrap_or(default.tokens),
        }
    }
}

/// A failure code that a service defines.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CodeDefinition {
    /// What it means.
    pub description: Option<String>,
    /// What kind of failure it is; by default [`FailureMode::AgentLogic`].
    pub mode: Option<FailureMode>,
    /// Whether it is worth a retry; by default, its mode decides.
    pub retryable: Option<bool>,
    /// Its status over HTTP, 400 to 599; by default, its mode decides.
    pub status: Option<u16>,
}

impl CodeDefinition {
    /// Mode and retryability.
    pub fn classify(&self) -> (FailureMode, bool) {
        let mode = self.mode.unwrap_or(FailureMode::AgentLogic);
        (mode, self.retryable.unwrap_or_else(|| mode.retryable()))
    }
}

use std::{path::PathBuf, sync::Arc, time::Duration};

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use super::{ports::Ports, ready::Ready};
use crate::{
    domain::{Violation, did_you_mean, duration_text, from_json, pointer_token},
    services::ServiceDefinition,
};

/// A program under test, as data.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SystemDefinition {
    /// The JSON Schema of such files, for editors.
    #[serde(default, rename = "$schema")]
    #[expect(dead_code, reason = "named in files, and checked there")]
    pub schema: Option<String>,
    /// What it is.
    #[serde(default)]
    #[expect(dead_code, reason = "for its readers")]
    pub description: Option<String>,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Variables of its environment, besides those of the tests.
    #[serde(default)]
    pub env: IndexMap<String, String>,
    /// The folder that it runs in, relative to the package; the package unless given.
    #[serde(default)]
    pub cwd: Option<PathBuf>,
    /// The names of the ports that it has besides its first.
    #[serde(default)]
    pub ports: Vec<String>,
    /// How to tell that it is ready; as soon as it runs unless given.
    #[serde(default)]
    pub ready: Option<Ready>,
    /// How long it may take until it is ready, or, if it runs `once`, until it ends.
    #[serde(default = "ten_seconds", with = "duration_text")]
    pub within: Duration,
    /// How the scenario calls it: as the service of this name, or as a service defined here, at its first
    /// port.
    #[serde(default)]
    pub service: Option<OwnService>,
    /// Whether it ends by itself when its work is done.
    #[serde(default)]
    pub once: bool,
}

/// How the scenario calls a system.
#[derive(Clone, Debug)]
pub enum OwnService {
    /// `POST /<operation>` for any operation.
    Named(String),
    /// With operations and routes.
    Defined(Arc<ServiceDefinition>),
}

impl<'de> Deserialize<'de> for OwnService {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(name) => Ok(Self::Named(name)),
            // From text, as definitions are read elsewhere: from a value, all of that would be compiled again.
            Value::Object(own) => from_json(&Value::Object(own).to_string(), "", 1)
                .map(Self::Defined)
                .map_err(|error| match &*error.pointer {
                    "" => D::Error::custom(error.message),
                    pointer => D::Error::custom(format!("{pointer}: {}", error.message)),
                }),
            other => Err(D::Error::custom(format!(
                "{other} is neither the name of a service nor the definition of one"
            ))),
        }
    }
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

/// What `${/…}` stands for in a definition.
pub struct Addresses<'a> {
    /// The ports that are the system's own.
    pub ports: &'a Ports,
    /// The other systems' ports.
    pub systems: &'a [(Arc<str>, Arc<Ports>)],
    /// The scenario's directory.
    pub directory: &'a str,
    /// The names of the services that are served.
    pub services: &'a [Arc<str>],
    /// The URL of a service for this system.
    pub url: &'a dyn Fn(&str) -> Result<String, String>,
}

/// A command, and variables of its environment.
pub type Resolved = (Vec<String>, Vec<(String, String)>);

impl SystemDefinition {
    /// Checks what the types do not, for a system with these ports.
    ///
    /// # Errors
    ///
    /// If there is no command, or something in `${/…}` is unknown.
    pub fn check(
        &self,
        services: &[Arc<str>],
        ports: &Ports,
        systems: &[(Arc<str>, Arc<Ports>)],
    ) -> Result<(), Violation> {
        if self.command.first().is_none_or(String::is_empty) {
            return Err(Violation::new("/command", "it needs a program to run"));
        }
        for (index, name) in self.ports.iter().enumerate() {
            let at = |message: String| Violation::new(format!("/ports/{index}"), message);
            if name.is_empty() || name.contains('}') {
                return Err(at(format!("{name:?} cannot be the name of a port")));
            }
            if self.ports[..index].contains(name) {
                return Err(at(format!("there is a port {name:?} already")));
            }
        }
        if let Some(name) = self.ready.as_ref().and_then(Ready::port)
            && ports.named(name).is_none()
        {
            let known = self.ports.iter().map(String::as_str);
            let message = format!("there is no port {name:?}: {}", did_you_mean(name, known));
            return Err(Violation::new("/ready", message));
        }
        if self.once && self.ready.is_some() {
            let message =
                "a system that runs once is not waited for until it is ready, but until it ends";
            return Err(Violation::new("/ready", message));
        }
        let addresses = Addresses {
            ports,
            systems,
            directory: "",
            services,
            url: &|_| Ok(String::new()),
        };
        self.resolved(&addresses).map(|_| ())
    }

    /// The command and the variables of the environment, with all `${/…}` replaced.
    ///
    /// # Errors
    ///
    /// If one of them is unknown.
    pub fn resolved(&self, addresses: &Addresses<'_>) -> Result<Resolved, Violation> {
        let command = self.command.iter().enumerate().map(|(index, text)| {
            let at = |message| Violation::new(format!("/command/{index}"), message);
            addresses.replace(text).map_err(at)
        });
        let env = self.env.iter().map(|(name, text)| {
            let at = |message| Violation::new(format!("/env/{}", pointer_token(name)), message);
            Ok((name.clone(), addresses.replace(text).map_err(at)?))
        });
        Ok((
            command.collect::<Result<_, _>>()?,
            env.collect::<Result<_, Violation>>()?,
        ))
    }

    /// The name under which the scenario calls it, and its definition.
    pub fn own_service(&self) -> Option<(&str, Option<Arc<ServiceDefinition>>)> {
        Some(match self.service.as_ref()? {
            OwnService::Named(name) => (name, None),
            OwnService::Defined(service) => (&service.name, Some(Arc::clone(service))),
        })
    }
}

impl Addresses<'_> {
    fn replace(&self, text: &str) -> Result<String, String> {
        let mut replaced = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${/") {
            let end = rest[start..]
                .find('}')
                .ok_or_else(|| format!("{text:?} has \"${{/\" without \"}}\""))?;
            replaced.push_str(&rest[..start]);
            replaced.push_str(&self.value(&rest[start + 3..start + end])?);
            rest = &rest[start + end + 1..];
        }
        replaced.push_str(rest);
        Ok(replaced)
    }

    fn value(&self, name: &str) -> Result<String, String> {
        if let Some(port) = self.ports.find(name) {
            return Ok(port.to_string());
        }
        match name.split_once('/') {
            None if name == "directory" => return Ok(self.directory.to_owned()),
            Some(("services", service)) => {
                let known = || self.services.iter().map(|name| &**name);
                return match known().any(|known| known == service) {
                    true => (self.url)(service),
                    false => Err(format!(
                        "no service {service:?} is served: {}",
                        did_you_mean(service, known())
                    )),
                };
            }
            Some(("systems", rest)) => return self.port_of_other(name, rest),
            _ => {}
        }
        let others = ["directory", "services/<name>", "systems/<name>/port"];
        let known = self.ports.references().chain(others.map(str::to_owned));
        Err(stands_for_nothing(name, known))
    }

    /// The port of a system that `<name>/<reference>` stands for.
    fn port_of_other(&self, name: &str, rest: &str) -> Result<String, String> {
        let (system, reference) = rest.split_once('/').unwrap_or((rest, ""));
        let found = self.systems.iter().find(|(name, _)| **name == *system);
        let Some((_, ports)) = found else {
            let known = self.systems.iter().map(|(name, _)| &**name);
            let hint = did_you_mean(system, known);
            return Err(format!("no system {system:?} is there yet: {hint}"));
        };
        let Some(port) = ports.find(reference) else {
            let own = |port| format!("systems/{system}/{port}");
            return Err(stands_for_nothing(name, ports.references().map(own)));
        };
        Ok(port.to_string())
    }
}

fn stands_for_nothing(name: &str, known: impl Iterator<Item = String>) -> String {
    let known: Vec<String> = known.collect();
    let hint = did_you_mean(name, known.iter().map(String::as_str));
    format!("${{/{name}}} stands for nothing: {hint}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(definition: Value) -> String {
        let definition: SystemDefinition = match serde_json::from_value(definition) {
            Ok(definition) => definition,
            Err(error) => return error.to_string(),
        };
        let services = ["Payments".into(), "Stock".into()];
        let ports = Ports::free(&definition.ports).unwrap();
        let server = Ports::free(&["admin".to_owned()]).unwrap();
        let systems = [("server".into(), Arc::new(server))];
        match definition.check(&services, &ports, &systems) {
            Ok(()) => "ok".to_owned(),
            Err(violation) => violation.to_string(),
        }
    }

    #[test]
    fn faulty_definition_is_refused_with_the_nearest_name() {
        for (definition, expected) in [
            (
                json!({"command": ["a", "${/port}", "x${/services/Stock}/y"]}),
                "ok",
            ),
            (
                json!({
                    "command": ["a", "${/ports/admin}", "${/systems/server/port}"], "ports": ["admin"],
                    "env": {"B": "http://127.0.0.1:${/systems/server/ports/admin}/"}
                }),
                "ok",
            ),
            (json!({"command": []}), "/command"),
            (
                json!({"command": ["a", "${/ports/amdin}"], "ports": ["admin"]}),
                "did you mean \"ports/admin\"?",
            ),
            (
                json!({"command": ["a", "${/ports/admin}"]}),
                "/command/1: ${/ports/admin} stands for nothing",
            ),
            (
                json!({"command": ["a"], "ports": ["admin", "admin"]}),
                "/ports/1: there is a port \"admin\" already",
            ),
            (json!({"command": ["a"], "ports": [""]}), "/ports/0"),
            (
                json!({"command": ["a"], "env": {"B": "${/systems/sever/port}"}}),
                "/env/B: no system \"sever\" is there yet: did you mean \"server\"?",
            ),
            (
                json!({"command": ["a", "${/systems/server}"]}),
                "did you mean \"systems/server/port\"?",
            ),
            (
                json!({"command": ["a", "${/systems/server/ports/amdin}"]}),
                "did you mean \"systems/server/ports/admin\"?",
            ),
            (
                json!({"command": ["a"], "env": {"B": "${/services/Paymnets}"}}),
                "did you mean \"Payments\"?",
            ),
            (
                json!({"command": ["a", "${/prot}"]}),
                "did you mean \"port\"?",
            ),
            (json!({"command": ["a", "${/port"]}), "/command/1"),
            (
                json!({"command": ["a"], "ready": "GET health"}),
                "expected `GET /path`",
            ),
            (
                json!({"command": ["a"], "ready": "GET /health admin"}),
                "expected `GET /path`, `GET /path at PORT`",
            ),
            (
                json!({"command": ["a"], "ports": ["admin"], "ready": "GET /health at admin"}),
                "ok",
            ),
            (
                json!({"command": ["a"], "ports": ["admin"], "ready": "GET /health at amdin"}),
                "/ready: there is no port \"amdin\": did you mean \"admin\"?",
            ),
            (
                json!({"command": ["a"], "ready": "port admin"}),
                "/ready: there is no port \"admin\"",
            ),
            (
                json!({"command": ["a"], "ready": "line ("}),
                "not a valid regular expression",
            ),
            (
                json!({"command": ["a"], "ready": "prot"}),
                "did you mean \"port\"?",
            ),
            (
                json!({"command": ["a"], "service": {"name": "S", "operations": {"x": {"latncy": "1ms"}}}}),
                "/operations/x/latncy: unknown field `latncy`",
            ),
            (
                json!({"command": ["a"], "service": 1}),
                "1 is neither the name of a service nor the definition of one",
            ),
            (
                json!({"command": ["a"], "redy": "port"}),
                "unknown field `redy`",
            ),
            (
                json!({"command": ["a"], "ready": "port", "once": true}),
                "/ready",
            ),
        ] {
            let found = check(definition.clone());
            assert!(found.contains(expected), "{definition}: {found}");
        }
    }

    #[test]
    fn references_are_replaced_within_text() {
        let ports = Ports::free(&[]).unwrap();
        let addresses = Addresses {
            ports: &ports,
            systems: &[],
            directory: "/d",
            services: &["S".into()],
            url: &|name| Ok(format!("http://{name}")),
        };
        let replaced = addresses
            .replace("a${/services/S}b${/port}${/directory}$c")
            .unwrap();
        assert_eq!(replaced, format!("ahttp://Sb{}/d$c", ports.first()));
    }
}

use std::{collections::BTreeSet, sync::Arc};

use futures::future::join_all;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    reconciliation::ReconciliationDefinition,
    rule::{ConsistencyRule, RuleKind},
};
use crate::{
    domain::{
        Call, CallName, Violation, code, did_you_mean, pointer_token, reference_faults, refers,
        resolve,
    },
    observability::{ConsistencyEvent, EventKind, Finding, FindingKind},
    services::{CallPolicy, CallResult, Client},
};

/// What services must agree on, as data.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsistencyDefinition {
    /// What it is known by, in a fixture.
    #[serde(default)]
    pub id: Option<Arc<str>>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Who reads what is compared; the scenario by default.
    #[serde(default)]
    pub caller: Option<Arc<str>>,
    /// What is read to be compared, by name.
    pub subjects: IndexMap<String, Subject>,
    /// What must hold.
    pub rules: Vec<ConsistencyRule>,
    /// How they come to agree again.
    #[serde(default)]
    pub reconciliation: Option<ReconciliationDefinition>,
}

/// Something that a service keeps.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subject {
    /// The operation that reads it.
    pub call: CallName,
    /// Its input, which may refer to subjects before it; `{}` by default.
    #[serde(default)]
    pub input: Option<Arc<Value>>,
}

impl ConsistencyDefinition {
    /// What is wrong with it, besides its form. Services that do not exist are findings of a check.
    pub fn faults(&self) -> Vec<Violation> {
        let mut faults = Vec::new();
        if self.rules.is_empty() {
            faults.push(Violation::new("/rules", "expected at least one rule"));
        }
        for (index, (name, subject)) in self.subjects.iter().enumerate() {
            let Some(input) = &subject.input else {
                continue;
            };
            let before = || self.subjects.keys().take(index).map(String::as_str);
            let mut known = |name: &str| match before().any(|before| before == name) {
                true => Ok(()),
                false => {
                    let hint = did_you_mean(name, before());
                    Err(format!("there is no subject {name:?} before it: {hint}"))
                }
            };
            let within = format!("/subjects/{}/input", pointer_token(name));
            let found = reference_faults(input, &mut known).into_iter();
            faults.extend(found.map(|fault| fault.within(&within)));
        }
        let mut ids = BTreeSet::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let at = format!("/rules/{index}");
            if !ids.insert(&rule.id) {
                let message = format!("another rule has the id {:?}", rule.id);
                faults.push(Violation::new(format!("{at}/id"), message));
            }
            for (field, value) in rule.kind.values() {
                let mut known = |name: &str| self.known(name);
                let within = format!("{at}/{field}");
                let found = reference_faults(value, &mut known).into_iter();
                faults.extend(found.map(|fault| fault.within(&within)));
            }
        }
        if let Some(reconciliation) = &self.reconciliation {
            let subjects: Vec<&str> = self.subjects.keys().map(String::as_str).collect();
            faults.extend(reconciliation.faults(&subjects));
        }
        faults
    }

    /// Checks that there is a subject of a name.
    pub(super) fn known(&self, name: &str) -> Result<(), String> {
        match self.subjects.contains_key(name) {
            true => Ok(()),
            false => {
                let names = self.subjects.keys().map(String::as_str);
                Err(format!(
                    "there is no subject {name:?}: {}",
                    did_you_mean(name, names)
                ))
            }
        }
    }
}

/// What the services have at one time.
#[derive(Debug, Default)]
pub(super) struct Survey {
    read: IndexMap<String, Result<Arc<Value>, NotRead>>,
}

/// Why a subject was not read.
#[derive(Clone, Debug)]
struct NotRead {
    kind: FindingKind,
    message: String,
    /// Whether the service or its operation does not exist.
    is_unknown: bool,
}

impl NotRead {
    /// Why a call gave nothing, if it did not.
    fn of(name: &CallName, result: CallResult) -> Result<Arc<Value>, Self> {
        let failure = match result {
            Ok(reply) if reply.value.is_null() => {
                return Err(Self {
                    kind: FindingKind::NotFound,
                    message: format!("{name} has found nothing"),
                    is_unknown: false,
                });
            }
            Ok(reply) => return Ok(reply.value),
            Err(failure) => failure,
        };
        let kind = match failure.code.ends_with("_NOT_FOUND") {
            true => FindingKind::NotFound,
            false => FindingKind::Unreadable,
        };
        Err(Self {
            kind,
            message: format!("{}: {}", failure.code, failure.message),
            is_unknown: [code::SERVICE_NOT_FOUND, code::OPERATION_NOT_FOUND]
                .contains(&&*failure.code),
        })
    }
}

impl Survey {
    /// The data of a subject that was read.
    pub fn data(&self, name: &str) -> Option<&Arc<Value>> {
        self.read.get(name)?.as_ref().ok()
    }

    /// Adds the reply of a call.
    pub fn add(&mut self, name: &str, reply: Arc<Value>) {
        self.read.insert(name.to_owned(), Ok(reply));
    }
}

/// What services must agree on, and who asks them.
#[derive(Clone, Debug)]
pub struct Consistency {
    pub(super) definition: Arc<ConsistencyDefinition>,
    pub(super) client: Arc<Client>,
}

impl Consistency {
    /// Rules that are checked through a client.
    ///
    /// # Errors
    ///
    /// The first of the definition's faults.
    pub fn new(
        definition: Arc<ConsistencyDefinition>,
        client: Arc<Client>,
    ) -> Result<Self, Violation> {
        match definition.faults().into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok(Self { definition, client }),
        }
    }

    /// Reads what the services have, and returns what is wrong with it; each finding is recorded.
    pub async fn check(&self) -> Vec<Finding> {
        let (findings, _) = self.findings().await;
        for finding in &findings {
            self.record(ConsistencyEvent::InconsistencyFound(finding.clone()));
        }
        findings
    }

    /// The same without recording the findings, with what was read.
    pub(super) async fn findings(&self) -> (Vec<Finding>, Survey) {
        let survey = self.survey().await;
        let mut findings = Vec::new();
        for rule in &self.definition.rules {
            findings.extend(self.judge(rule, &survey).await);
        }
        (findings, survey)
    }

    pub(super) fn record(&self, event: ConsistencyEvent) {
        let event = EventKind::Consistency(Box::new(event));
        self.client.timeline().record(event);
    }

    /// Reads the subjects: those that depend on none at once, then the others in order.
    async fn survey(&self) -> Survey {
        let subjects = self.definition.subjects.iter();
        let (later, now): (Vec<_>, Vec<_>) = subjects.partition(|(_, subject)| {
            let input = subject.input.as_deref();
            input.is_some_and(refers)
        });
        let read = now.into_iter().map(async |(name, subject)| {
            let input = subject.input.clone().unwrap_or_else(|| Arc::new(json!({})));
            let read = self.read(&subject.call, input).await;
            (name.clone(), read)
        });
        let mut survey = Survey {
            read: join_all(read).await.into_iter().collect(),
        };
        for (name, subject) in later {
            let input = subject.input.as_deref().unwrap_or(&Value::Null);
            let read = match resolved(input, &survey) {
                Ok(input) => self.read(&subject.call, Arc::new(input)).await,
                Err(why) => Err(why),
            };
            survey.read.insert(name.clone(), read);
        }
        survey
    }

    async fn read(&self, name: &CallName, input: Arc<Value>) -> Result<Arc<Value>, NotRead> {
        let caller = self.definition.caller.as_deref();
        let call = Call::new(caller.unwrap_or(Call::SCENARIO), name.clone(), input);
        let result = self.client.call(&call, &CallPolicy::default(), None).await;
        NotRead::of(name, result)
    }

    async fn judge(&self, rule: &ConsistencyRule, survey: &Survey) -> Option<Finding> {
        let mut values = Vec::new();
        for (_, value) in rule.kind.values() {
            match resolved(value, survey) {
                Ok(value) => values.push(value),
                Err(not_read) => return Some(rule.finding(not_read.kind, not_read.message)),
            }
        }
        let (RuleKind::ReferenceExists { read_by, .. }, [id]) = (&rule.kind, values.as_slice())
        else {
            return rule.judge(&values);
        };
        let read = self.read(read_by, Arc::new(json!({ "id": id }))).await;
        match read {
            Ok(_) => None,
            Err(why) if why.kind == FindingKind::NotFound && !why.is_unknown => {
                let service = read_by.service();
                Some(rule.broken(format!("{service} has no {id}")))
            }
            Err(why) => Some(rule.finding(why.kind, why.message)),
        }
    }
}

/// A value with its references replaced by what was read.
fn resolved(value: &Value, survey: &Survey) -> Result<Value, NotRead> {
    let mut not_read = None;
    let mut known = |name: &str| match survey.read.get(name) {
        Some(Err(why)) => {
            not_read = Some(why.clone());
            Err(String::new())
        }
        _ => Ok(()),
    };
    let _ = reference_faults(value, &mut known);
    if let Some(why) = not_read {
        return Err(why);
    }
    resolve(value, &|name| survey.data(name)).map_err(|failure| NotRead {
        kind: FindingKind::NotFound,
        message: failure.message,
        is_unknown: false,
    })
}

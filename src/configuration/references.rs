//! What configurations refer to, and what refers to them.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::{Map, Value, json};

use super::{aggregate::NOT_FOUND, configurations::Configurations};
use crate::{
    domain::{Call, CallName, Failure, code, did_you_mean},
    services::CallPolicy,
};

impl Configurations {
    /// What is wrong with a configuration: first what the schema finds, then its references.
    pub(super) async fn faults(
        &self,
        id: &str,
        draft: &Map<String, Value>,
    ) -> Result<Vec<Failure>, Box<Failure>> {
        let mut faults = self.rules.faults(draft);
        faults.extend(self.dangling(id, draft).await?);
        Ok(faults)
    }

    /// The references among some fields of a configuration that lead to nothing, or back to it.
    ///
    /// # Errors
    ///
    /// If it cannot be known, because a service failed.
    pub(super) async fn dangling(
        &self,
        id: &str,
        fields: &Map<String, Value>,
    ) -> Result<Vec<Failure>, Box<Failure>> {
        let mut faults = Vec::new();
        let mut looked_up = Vec::new();
        for (reference, call) in &self.rules.references {
            let field = &reference.field;
            match reference.ids(fields) {
                Ok(ids) => looked_up.extend(ids.into_iter().map(|target| (field, call, target))),
                Err(other) => {
                    let message = format!("expected an id, found {other}");
                    faults.push(Failure::new(code::INVALID_REFERENCE, message).field(field));
                }
            }
        }
        let checks = looked_up.into_iter().map(async |(field, call, target)| {
            let fault = if call.service() == self.service() {
                self.fault_of_own(id, target).await?
            } else {
                self.fault_of_other(call, target).await?
            };
            let failure = |message| Failure::new(code::INVALID_REFERENCE, message).field(field);
            Ok::<_, Box<Failure>>(fault.map(failure))
        });
        for fault in join_all(checks).await {
            faults.extend(fault?);
        }
        Ok(faults)
    }

    /// What is wrong with a reference to something that another service keeps.
    async fn fault_of_other(
        &self,
        read: &CallName,
        target: &str,
    ) -> Result<Option<String>, Box<Failure>> {
        let call = Call::new(self.service(), read.clone(), json!({ "id": target }));
        let read = self.client.call(&call, &CallPolicy::default(), None).await;
        match read {
            Ok(reply) if reply.value.is_null() => {
                let service = call.name().service();
                Ok(Some(format!("{service} has no {target:?}")))
            }
            Ok(_) => Ok(None),
            Err(failure) if failure.code.ends_with("_NOT_FOUND") => Ok(Some(failure.message)),
            Err(failure) => Err(failure),
        }
    }

    /// What is wrong with a reference to another configuration.
    async fn fault_of_own(&self, id: &str, target: &str) -> Result<Option<String>, Box<Failure>> {
        if target != id && self.history(target).await?.current().is_none() {
            let known = self.read_all().await?;
            let hint = did_you_mean(target, known.keys().map(String::as_str));
            return Ok(Some(format!(
                "configuration {target:?} does not exist: {hint}"
            )));
        }
        let circle = self.path(target, id).await?;
        Ok(circle.map(|path| {
            let path: Vec<&str> = std::iter::once(id)
                .chain(path.iter().map(String::as_str))
                .collect();
            format!("the reference is circular: {}", path.join(" → "))
        }))
    }

    /// The shortest way by references from one configuration to another, both ends included.
    async fn path(&self, from: &str, to: &str) -> Result<Option<Vec<String>>, Box<Failure>> {
        let mut seen = BTreeSet::from([from.to_owned()]);
        let mut paths = vec![vec![from.to_owned()]];
        while !paths.is_empty() {
            let mut longer = Vec::new();
            for path in paths {
                let last = path.last().map_or("", String::as_str);
                if last == to {
                    return Ok(Some(path));
                }
                let history = self.history(last).await?;
                for next in history
                    .current()
                    .map_or_else(Vec::new, |it| self.own_references(it))
                {
                    if seen.insert(next.clone()) {
                        longer.push(path.iter().cloned().chain([next]).collect());
                    }
                }
            }
            paths = longer;
        }
        Ok(None)
    }

    /// The other configurations that one refers to.
    pub(super) fn own_references(&self, configuration: &Map<String, Value>) -> Vec<String> {
        let own = self.rules.references.iter();
        own.filter(|(_, call)| call.service() == self.service())
            .filter_map(|(reference, _)| reference.ids(configuration).ok())
            .flatten()
            .map(str::to_owned)
            .collect()
    }

    /// Refuses to delete a configuration that others refer to.
    pub(super) async fn refuse_dependents(&self, id: &str) -> Result<(), Box<Failure>> {
        let all = self.read_all().await?;
        let refers = |(other, configuration): (&String, &Value)| {
            let refers = configuration
                .as_object()
                .is_some_and(|fields| self.own_references(fields).iter().any(|own| own == id));
            (refers && other != id).then(|| format!("{other:?}"))
        };
        let dependents: Vec<String> = all.iter().filter_map(refers).collect();
        let count = match dependents.len() {
            0 => return Ok(()),
            1 => "1 dependent".to_owned(),
            count => format!("{count} dependents"),
        };
        let message = format!(
            "configuration {id:?} has {count}: {}",
            dependents.join(", ")
        );
        let failure = Failure::new(code::REFERENTIAL_INTEGRITY_VIOLATION, message);
        Err(Box::new(failure.field("id")))
    }

    /// A failure, with the nearest id where a configuration does not exist.
    pub(super) async fn with_hint(&self, mut failure: Box<Failure>, id: &str) -> Box<Failure> {
        if *failure.code == *NOT_FOUND
            && let Ok(known) = self.read_all().await
        {
            let hint = did_you_mean(id, known.keys().map(String::as_str));
            failure.message = format!("{}: {hint}", failure.message);
        }
        failure
    }
}

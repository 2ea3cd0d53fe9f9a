use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{
    Files, FilesDefinition,
    definition::{FileOperation, operations},
    failures::FileResult,
    request::{self, Request},
};
use crate::{
    domain::{Call, Failure, Key, Reply, did_you_mean},
    services::{
        CallResult, CodeDefinition, DefinitionError, Due, Effects, OperationDefinition, Service,
        ServiceDefinition, UnknownName,
    },
};

/// A service that keeps files in the scenario's folder, by its definition's `files`.
#[derive(Debug)]
pub struct FileService {
    definition: ServiceDefinition,
    policy: FilesDefinition,
    operations: IndexMap<String, FileOperation>,
    files: Files,
    effects: Effects,
}

impl FileService {
    /// A service by its definition, which keeps its files among `files`.
    ///
    /// # Errors
    ///
    /// If an operation is none that a file service can do.
    pub fn new(
        definition: ServiceDefinition,
        files: Files,
        effects: Effects,
    ) -> Result<Self, DefinitionError> {
        Ok(Self {
            operations: operations(&definition)?,
            policy: definition.files.unwrap_or_default(),
            definition,
            files,
            effects,
        })
    }

    fn operation(&self, name: &str) -> Option<&OperationDefinition> {
        self.definition.operations.as_ref()?.get(name)
    }

    fn perform(&self, call: &Call, operation: FileOperation) -> FileResult<Arc<Value>> {
        let undoes = matches!(call.key, Some(Key::Undo(_)));
        // An undo of a deed of our own needs no input; what others did is undone by the path.
        let read = || match undoes {
            true => Request::read(operation, &request::of_compensation(operation, &call.input)),
            false => Request::read(operation, &call.input),
        };
        let mut command = None;
        if !undoes || operation.may_query() {
            match read()? {
                Request::Query(query) => return Ok(self.with_own_fields(call, self.files.ask(&query)?)),
                Request::Command(asked) => command = Some(asked),
            }
        }
        self.effects.once(call, |due| {
            let subject = call.key.as_ref().map(Key::subject);
            let by = operation.as_str();
            let done = match due {
                Due::Nothing => Ok(self.files.nothing_done(request::path_in(&call.input), by)),
                Due::Undo => subject.and_then(|subject| self.files.take_back(subject, by)).unwrap_or_else(|| self.act(call, read()?, None)),
                Due::Act => self.act(call, command, subject),
            }?;
            Ok(self.with_own_fields(call, done))
        })
    }

    /// What is computed, and the fields that the definition's reply has beside.
    fn with_own_fields(&self, call: &Call, mut reply: Map<String, Value>) -> Arc<Value> {
        let operation = self.operation(call.name.operation());
        let own = operation.and_then(|operation| operation.reply.as_deref());
        for (name, value) in own.and_then(Value::as_object).into_iter().flatten() {
            reply.entry(name.as_str()).or_insert_with(|| value.clone());
        }
        Arc::new(Value::Object(reply))
    }
}

#[async_trait]
impl Service for FileService {
    fn name(&self) -> &str {
        &self.definition.name
    }

    fn operations(&self) -> Option<Vec<&str>> {
        Some(self.operations.keys().map(String::as_str).collect())
    }

    fn has_operation(&self, operation: &str) -> bool {
        self.operations.contains_key(operation)
    }

    fn latency(&self, operation: &str) -> Duration {
        self.operation(operation)
            .map_or(Duration::ZERO, |operation| operation.latency)
    }

    fn class(&self) -> Option<&str> {
        self.definition.class.as_deref()
    }

    fn codes(&self) -> Option<Vec<(&str, &CodeDefinition)>> {
        let codes = self.definition.codes.iter();
        Some(codes.map(|(code, own)| (code.as_str(), own)).collect())
    }

    async fn call(&self, call: &Call) -> CallResult {
        let name = call.name.operation();
        let Some(operation) = self.operations.get(name) else {
            let names = self.operations.keys().map(String::as_str);
            let unknown = UnknownName {
                what: "operation",
                name: call.name.to_string(),
                hint: did_you_mean(name, names),
            };
            return Err(Box::new(unknown.failure(&call.name)));
        };
        match self.perform(call, *operation) {
            Ok(reply) => Ok(Reply::new(reply)),
            Err(failure) => {
                let (mode, retryable) = self.classify(&failure.code);
                Err(Box::new(Failure {
                    mode,
                    retryable,
                    ..failure.at(&call.name)
                }))
            }
        }
    }
}

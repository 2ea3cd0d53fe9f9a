use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{
    Files, FilesDefinition,
    definition::{FileOperation, check, existing},
    failures::FileResult,
    request::{self, FileCommand, FileRequest},
};
use crate::{
    domain::{Call, Failure, Key, KeySubject, Reply, Violation, did_you_mean},
    services::{CallResult, EffectDecision, Effects, Service, ServiceDefinition, UnknownName},
};

/// A service that keeps files in the scenario's folder, as its definition's `files` says.
#[derive(Debug)]
pub struct FileService {
    definition: Arc<ServiceDefinition>,
    policy: FilesDefinition,
    files: Files,
    effects: Effects,
}

impl FileService {
    /// A service with a definition, which keeps its files in `files` according to `policy`.
    ///
    /// # Errors
    ///
    /// As for [`ServiceDefinition::check`].
    pub fn new(
        definition: impl Into<Arc<ServiceDefinition>>,
        policy: FilesDefinition,
        files: Files,
        effects: Effects,
    ) -> Result<Self, Violation> {
        let definition = definition.into();
        check(&policy, &definition)?;
        files.add_existing(existing(&policy)?);
        Ok(Self {
            policy,
            definition,
            files,
            effects,
        })
    }

    fn perform(&self, call: &Call, operation: FileOperation) -> FileResult<Arc<Value>> {
        if let Some(Key::Undo(subject)) = &call.key {
            return self.undo(call, subject, operation);
        }
        match FileRequest::read(operation, &call.input)? {
            FileRequest::Query(query) => Ok(self.with_own_fields(call, self.files.query(&query)?)),
            FileRequest::Command(command) => self.effects.once(call, |_| {
                let subject = call.key.as_ref().map(Key::subject);
                let done = self.act(call, &command, subject)?;
                Ok(self.with_own_fields(call, done))
            }),
        }
    }

    /// Undoes what a file service did under a key. To compensate another service's call, the operation
    /// acts on the path.
    fn undo(
        &self,
        call: &Call,
        subject: &KeySubject,
        operation: FileOperation,
    ) -> FileResult<Arc<Value>> {
        let read =
            || FileRequest::read(operation, &request::of_compensation(operation, &call.input));
        if operation.reads_only()
            && let FileRequest::Query(query) = read()?
        {
            return Ok(self.with_own_fields(call, self.files.query(&query)?));
        }
        let by = operation.as_str();
        self.effects.once(call, |decision| {
            let done = match decision {
                EffectDecision::Nothing => {
                    self.files.nothing_undone(request::path_in(&call.input), by)
                }
                EffectDecision::Act | EffectDecision::Undo => match self.files.undo(subject, by) {
                    Some(undone) => undone?,
                    None => match read()? {
                        FileRequest::Query(query) => self.files.query(&query)?,
                        FileRequest::Command(command) => self.act(call, &command, None)?,
                    },
                },
            };
            Ok(self.with_own_fields(call, done))
        })
    }

    fn act(
        &self,
        call: &Call,
        command: &FileCommand,
        subject: Option<&KeySubject>,
    ) -> FileResult<Map<String, Value>> {
        self.files
            .change(command, call.name(), &self.policy, subject)
    }

    /// A reply with the fields that the operation's definition adds; it replaces none.
    fn with_own_fields(&self, call: &Call, mut reply: Map<String, Value>) -> Arc<Value> {
        let operation = self.definition.operation(call.name().operation());
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

    fn definition(&self) -> Option<&ServiceDefinition> {
        Some(&self.definition)
    }

    async fn call(&self, call: &Call) -> CallResult {
        let name = call.name().operation();
        let operation = self.definition.operation(name);
        let Some(operation) = operation.and_then(|known| known.kind?.file) else {
            let names = self.operations().unwrap_or_default();
            let unknown = UnknownName {
                what: "operation",
                name: call.name().to_string(),
                hint: did_you_mean(name, names),
            };
            return Err(Box::new(unknown.failure(call.name())));
        };
        match self.perform(call, operation) {
            Ok(reply) => Ok(Reply::new(reply)),
            Err(failure) => {
                let (mode, retryable) = self.classify(&failure.code);
                Err(Box::new(Failure {
                    mode,
                    retryable,
                    ..failure.at(call.name())
                }))
            }
        }
    }
}

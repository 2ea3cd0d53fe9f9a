//! Tests of the file service, beyond what the features show.

mod definitions;
mod drawn;
mod links;
mod threads;
mod undo;

use std::{path::PathBuf, sync::Arc};

use futures::FutureExt as _;
use serde_json::{Value, json};

use super::{FileService, Files};
use crate::{
    clock::Clock,
    domain::{Call, CallName, Failure, Key},
    observability::Timeline,
    services::{Directory, Effects, Faults, Service as _, ServiceDefinition},
};

/// A file service in a folder of its own, with an operation of every kind, named for it.
struct Cabinet {
    directory: Directory,
    files: Files,
    faults: Faults,
    service: FileService,
}

impl Cabinet {
    fn new() -> Self {
        Self::in_folder(&Directory::default(), &json!({ "versions": true }))
    }

    /// With a definition of its `files`.
    fn in_folder(directory: &Directory, section: &Value) -> Self {
        let faults = Faults::default();
        let timeline = Timeline::new(Clock::start());
        let files = Files::new(directory.clone(), faults.clone(), timeline);
        Self {
            service: service(section, &files),
            directory: directory.clone(),
            files,
            faults,
        }
    }

    /// One more service that keeps files here.
    fn service_of(&self, section: &Value) -> FileService {
        service(section, &self.files)
    }

    fn root(&self) -> PathBuf {
        self.directory.path().unwrap()
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    fn call(
        &self,
        operation: &str,
        input: Value,
        key: Option<Key>,
    ) -> Result<Arc<Value>, Box<Failure>> {
        let mut call = Call::new("test", CallName::new("Files", operation), input);
        call.key = key;
        let called = self.service.call(&call).now_or_never();
        called.unwrap().map(|reply| reply.value)
    }
}

fn service(section: &Value, files: &Files) -> FileService {
    let definition = definition(section);
    let policy = definition.files.clone().unwrap();
    let effects = Effects::new(Timeline::new(Clock::start()));
    FileService::new(definition, policy, files.clone(), effects).unwrap()
}

fn definition(files: &Value) -> ServiceDefinition {
    let kinds = [
        "create", "update", "delete", "get", "list", "restore", "validate", "exists", "describe",
        "checksum", "permit",
    ];
    let operations = kinds.map(|kind| (kind.to_owned(), json!({ "kind": kind })));
    let operations = Value::Object(operations.into_iter().collect());
    serde_json::from_value(json!({ "name": "Files", "files": files, "operations": operations }))
        .unwrap()
}

//! What a file service promises, beyond what the features say.

mod definitions;
mod drawn;
mod links;
mod threads;
mod undo;

use std::{path::PathBuf, sync::Arc};

use futures::FutureExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{FileService, Files};
use crate::{
    clock::Clock,
    domain::{Call, CallName, Failure, Key},
    observability::Timeline,
    services::{Directory, Effects, Faults, Service as _, ServiceDefinition},
};

/// A file service in a folder of its own, with an operation of every kind, named for it.
struct Cabinet {
    folder: TempDir,
    files: Files,
    faults: Faults,
    service: FileService,
}

impl Cabinet {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let faults = Faults::default();
        let timeline = Timeline::new(Clock::start());
        let directory = Directory::at(folder.path());
        let files = Files::new(directory, faults.clone(), timeline.clone());
        let definition = definition(&json!({ "versions": true }));
        let policy = definition.files.clone().unwrap();
        let effects = Effects::new(timeline);
        Self {
            service: FileService::new(definition, policy, files.clone(), effects).unwrap(),
            folder,
            files,
            faults,
        }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
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

fn definition(files: &Value) -> ServiceDefinition {
    let kinds = [
        "create", "update", "delete", "get", "list", "restore", "validate", "exists", "describe",
        "permit",
    ];
    let operations = kinds.map(|kind| (kind.to_owned(), json!({ "kind": kind })));
    let operations = Value::Object(operations.into_iter().collect());
    serde_json::from_value(json!({ "name": "Files", "files": files, "operations": operations }))
        .unwrap()
}

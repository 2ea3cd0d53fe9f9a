use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use serde_json::Value;

use super::package::package_root;
use crate::{
    domain::{JsonError, did_you_mean, from_json},
    orchestration::{Workflow, WorkflowFile},
    services::{CastFile, DefinitionError},
};

/// The folder of services and workflows as JSON. Each file is read once per process.
#[derive(Clone, Debug)]
pub struct Fixtures {
    directory: Arc<Path>,
}

/// Why a fixture could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// A file or folder could not be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// Relative to the package.
        path: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error(transparent)]
    Malformed(#[from] JsonError),
    /// A file holds a service that cannot be played.
    #[error("{path}: {source}")]
    Definition {
        /// Relative to the package.
        path: String,
        /// What is wrong with it.
        #[source]
        source: DefinitionError,
    },
    /// No file holds what was asked for.
    #[error("{what} {name:?} does not exist in {directory}: {hint}")]
    Unknown {
        /// `services` or `workflow`.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// Where it was looked for, relative to the package.
        directory: String,
        /// The nearest name, or all there are.
        hint: String,
    },
    /// Two files hold a workflow of the same id.
    #[error("the workflow {id:?} stands in {first} and in {second}")]
    Ambiguous {
        /// The workflow's id.
        id: String,
        /// One file.
        first: String,
        /// Another file.
        second: String,
    },
}

/// A workflow and the file it stands in.
type Held = (Arc<Workflow>, String);

#[derive(Default)]
struct Loaded {
    services: HashMap<PathBuf, Arc<CastFile>>,
    workflows: HashMap<PathBuf, Arc<Vec<Held>>>,
}

static LOADED: OnceLock<Mutex<Loaded>> = OnceLock::new();

impl Default for Fixtures {
    /// The folder `fixtures` of the package under test.
    fn default() -> Self {
        Self::new(package_root().join("fixtures"))
    }
}

impl Fixtures {
    /// The fixtures below a folder.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into().into(),
        }
    }

    /// The services in `services/<name>.json`.
    ///
    /// # Errors
    ///
    /// If there is no such file, or it is malformed.
    pub fn services(&self, name: &str) -> Result<Arc<CastFile>, FixtureError> {
        let folder = self.directory.join("services");
        let files = json_files(&folder)?;
        let path = files
            .iter()
            .find(|path| stem(path) == name)
            .ok_or_else(|| FixtureError::Unknown {
                what: "services",
                name: name.to_owned(),
                directory: shown(&folder),
                hint: did_you_mean(name, files.iter().map(|path| stem(path))),
            })?;
        let mut loaded = loaded();
        if let Some(cast) = loaded.services.get(path) {
            return Ok(Arc::clone(cast));
        }
        let cast: Arc<CastFile> = Arc::new(from_json(&read(path)?, &shown(path), 1)?);
        cast.check().map_err(|source| FixtureError::Definition {
            path: shown(path),
            source,
        })?;
        loaded.services.insert(path.clone(), Arc::clone(&cast));
        Ok(cast)
    }

    /// A workflow by id, from any fixture that holds workflows.
    ///
    /// # Errors
    ///
    /// If no fixture holds it, if two do, or if a fixture that holds workflows is malformed.
    pub fn workflow(&self, id: &str) -> Result<Arc<Workflow>, FixtureError> {
        let all = self.workflows()?;
        let mut named = all.iter().filter(|(workflow, _)| workflow.id == id);
        let (workflow, first) = named.next().ok_or_else(|| FixtureError::Unknown {
            what: "workflow",
            name: id.to_owned(),
            directory: shown(&self.directory),
            hint: did_you_mean(id, all.iter().map(|(workflow, _)| workflow.id.as_str())),
        })?;
        if let Some((_, second)) = named.next() {
            return Err(FixtureError::Ambiguous {
                id: id.to_owned(),
                first: first.clone(),
                second: second.clone(),
            });
        }
        Ok(Arc::clone(workflow))
    }

    fn workflows(&self) -> Result<Arc<Vec<Held>>, FixtureError> {
        let mut loaded = loaded();
        if let Some(workflows) = loaded.workflows.get(&*self.directory) {
            return Ok(Arc::clone(workflows));
        }
        let mut all = Vec::new();
        for path in files_below(&self.directory)? {
            let text = read(&path)?;
            let name = shown(&path);
            let value: Value = from_json(&text, &name, 1)?;
            if value.get("workflows").is_some() {
                let file: WorkflowFile = from_json(&text, &name, 1)?;
                let workflows = file.workflows.into_iter();
                all.extend(workflows.map(|workflow| (Arc::new(workflow), name.clone())));
            }
        }
        let all = Arc::new(all);
        loaded
            .workflows
            .insert(self.directory.to_path_buf(), Arc::clone(&all));
        Ok(all)
    }
}

fn loaded() -> std::sync::MutexGuard<'static, Loaded> {
    LOADED
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// A path as messages show it: relative to the package.
fn shown(path: &Path) -> String {
    let relative = path.strip_prefix(package_root()).unwrap_or(path);
    relative.to_string_lossy().replace('\\', "/")
}

fn stem(path: &Path) -> &str {
    path.file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or("")
}

fn unreadable(path: &Path, source: io::Error) -> FixtureError {
    FixtureError::Unreadable {
        path: shown(path),
        source,
    }
}

fn read(path: &Path) -> Result<String, FixtureError> {
    fs::read_to_string(path).map_err(|error| unreadable(path, error))
}

/// The JSON files of a folder, in order of their names.
fn json_files(folder: &Path) -> Result<Vec<PathBuf>, FixtureError> {
    Ok(entries(folder)?
        .into_iter()
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect())
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>, FixtureError> {
    let mut files = json_files(folder)?;
    for path in entries(folder)? {
        if path.is_dir() {
            files.extend(files_below(&path)?);
        }
    }
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, FixtureError> {
    let mut paths = fs::read_dir(folder)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.path()))
                .collect::<io::Result<Vec<_>>>()
        })
        .map_err(|error| unreadable(folder, error))?;
    paths.sort();
    Ok(paths)
}

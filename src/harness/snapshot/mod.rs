//! Snapshots of what scenarios did, in the files and by the rules of [insta](https://insta.rs).

mod file;
mod name;
mod orphans;
mod policy;

use std::{
    collections::HashMap,
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

pub use self::name::{SnapshotName, SnapshotPart};
use self::{
    file::{CheckSource, normalized},
    policy::{Destination, SnapshotPolicy, UpdateMode},
};
use super::{difference::compare_lines, features::package_root, pickle::Pickle};

/// Maximum number of lines of a new snapshot that a message shows.
const NEW_SHOWN: usize = 20;

/// The folder of snapshots, and how the environment asks for them to be treated.
///
/// insta's own assertion prints the difference to the standard output, and finds the folder by paths
/// of compile time, which are ours and not those of a crate that uses us. So only its files and its
/// rules are used, which `cargo insta` needs; insta itself would cost every user's build 1.9 s.
#[derive(Debug)]
pub struct Snapshots {
    directory: PathBuf,
    shown: PathBuf,
    policy: SnapshotPolicy,
    suite: Vec<Arc<Pickle>>,
    /// The scenarios of each snapshot name that several share. Built by the first check: most runs of
    /// one scenario have none.
    shared: OnceLock<HashMap<String, Vec<String>>>,
}

/// Why a snapshot check did not pass.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The text is not that of the snapshot.
    #[error("snapshot (-) and scenario (+) differ:\n{difference}\n{hint}")]
    Differs {
        /// Line by line.
        difference: String,
        /// How to accept it.
        hint: String,
    },
    /// There is no snapshot yet.
    #[error("there is no snapshot {path} yet, and this would be in it:\n{text}\n{hint}")]
    Missing {
        /// Where it should be.
        path: String,
        /// What would be in it.
        text: String,
        /// How to accept it.
        hint: String,
    },
    /// Several scenarios have the same snapshot.
    #[error("the snapshot {name} belongs to {count} scenarios, which need distinct names: {list}",
        count = .scenarios.len(), list = .scenarios.join(", "))]
    Shared {
        /// The snapshot.
        name: SnapshotName,
        /// `file:line` of each.
        scenarios: Vec<String>,
    },
    /// The file is not a snapshot.
    #[error("the snapshot {path} cannot be read: {reason}")]
    Malformed {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("the snapshot {path} cannot be written")]
    Io {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An environment variable has a value unknown to insta.
    #[error("{variable} is {value:?}, which insta does not know")]
    Environment {
        /// Its name.
        variable: &'static str,
        /// Its value.
        value: String,
    },
}

impl Snapshots {
    /// Snapshots in a folder, for a suite of scenarios.
    ///
    /// # Errors
    ///
    /// If `INSTA_UPDATE` or `INSTA_FORCE_PASS` has a value unknown to insta.
    pub fn new(
        directory: impl Into<PathBuf>,
        suite: Vec<Arc<Pickle>>,
    ) -> Result<Self, SnapshotError> {
        let policy = SnapshotPolicy::read(|name| env::var(name).ok())
            .map_err(|(variable, value)| SnapshotError::Environment { variable, value })?;
        Ok(Self::with_policy(directory.into(), suite, policy))
    }

    /// `tests/snapshots` of the package under test, which is not this one where another uses it.
    pub fn default_directory() -> PathBuf {
        package_root().join("tests").join("snapshots")
    }

    fn with_policy(directory: PathBuf, suite: Vec<Arc<Pickle>>, policy: SnapshotPolicy) -> Self {
        let shown = directory
            .strip_prefix(package_root())
            .unwrap_or(&directory)
            .to_owned();
        Self {
            directory,
            shown,
            policy,
            suite,
            shared: OnceLock::new(),
        }
    }

    fn sharing(&self, name: &SnapshotName) -> Option<&Vec<String>> {
        let shared = self.shared.get_or_init(|| {
            let mut shared: HashMap<String, Vec<String>> = HashMap::new();
            for pickle in &self.suite {
                for part in [SnapshotPart::Outcome, SnapshotPart::Timeline] {
                    let name = SnapshotName::new(&pickle.uri, &pickle.name, pickle.row, part);
                    let (scenarios, location) =
                        (shared.entry(name.folded()).or_default(), pickle.location());
                    if !scenarios.contains(&location) {
                        scenarios.push(location);
                    }
                }
            }
            shared.retain(|_, scenarios| scenarios.len() > 1);
            shared
        });
        shared.get(&name.folded())
    }

    /// Checks a text against its snapshot.
    ///
    /// `source`, `line` and `expression` are the file, line and text of the check, for the snapshot's
    /// reviewers. A text that does not match is written where `INSTA_UPDATE` says: by default beside
    /// the snapshot as `.snap.new`, in CI nowhere. A text that matches removes what an earlier run
    /// left for review.
    ///
    /// # Errors
    ///
    /// If the text is not the snapshot's (but for `INSTA_FORCE_PASS=1`, or when the snapshot was
    /// replaced), if it has none yet, if another scenario has the same snapshot, or if a file cannot
    /// be read or written.
    pub fn check(
        &self,
        name: &SnapshotName,
        text: &str,
        source: &str,
        line: usize,
        expression: &str,
    ) -> Result<(), SnapshotError> {
        self.check_distinct(name)?;
        let path = self.directory.join(name.file_name());
        let pending = self.directory.join(format!("{}.new", name.file_name()));
        self.list_as_used(&path)?;

        let found = normalized(text);
        let accepted = self.accepted(&path)?;
        let source = CheckSource {
            file: source,
            line,
            expression,
        };
        if accepted.as_ref() == Some(&found) {
            if self.policy.update == UpdateMode::Force {
                self.write(&path, &source.accepted(&found))?;
            }
            return self.remove(&pending);
        }

        let destination = self.policy.destination(accepted.is_some());
        match destination {
            Destination::Accepted => {
                self.write(&path, &source.accepted(&found))?;
                return self.remove(&pending);
            }
            Destination::Pending => self.write(&pending, &source.pending(&found))?,
            Destination::Nowhere => {}
        }
        if self.policy.force_pass {
            return Ok(());
        }
        Err(self.failure(&path, accepted.as_deref(), &found, destination))
    }

    /// The path of a snapshot, and whether it is there.
    ///
    /// # Errors
    ///
    /// If several scenarios have it, or its file cannot be read.
    pub fn find(&self, name: &SnapshotName) -> Result<(String, bool), SnapshotError> {
        self.check_distinct(name)?;
        let path = self.directory.join(name.file_name());
        let is_there = self.accepted(&path)?.is_some();
        Ok((self.shown(&path), is_there))
    }

    fn check_distinct(&self, name: &SnapshotName) -> Result<(), SnapshotError> {
        match self.sharing(name) {
            None => Ok(()),
            Some(scenarios) => Err(SnapshotError::Shared {
                name: name.clone(),
                scenarios: scenarios.clone(),
            }),
        }
    }

    fn failure(
        &self,
        path: &Path,
        accepted: Option<&str>,
        found: &str,
        destination: Destination,
    ) -> SnapshotError {
        let path = self.shown(path);
        let hint = match destination {
            Destination::Pending => format!(
                "read {path}.new, then accept it by `cargo insta review`, or run again with INSTA_UPDATE=always"
            ),
            _ if self.policy.ci => {
                "nothing is written in CI: run the scenario elsewhere, then accept it by `cargo insta review`"
                    .to_owned()
            }
            _ => "nothing is written with INSTA_UPDATE=no: run again without it".to_owned(),
        };
        match accepted {
            Some(accepted) => SnapshotError::Differs {
                difference: compare_lines(accepted, found).err().unwrap_or_default(),
                hint,
            },
            None => SnapshotError::Missing {
                path,
                text: beginning(found),
                hint,
            },
        }
    }

    /// The text of a snapshot, unless there is none yet.
    fn accepted(&self, path: &Path) -> Result<Option<String>, SnapshotError> {
        let malformed = |reason: String| SnapshotError::Malformed {
            path: self.shown(path),
            reason,
        };
        match fs::read_to_string(path) {
            Ok(file) => file::text(&file).map(Some).map_err(malformed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(malformed(error.to_string())),
        }
    }

    fn write(&self, path: &Path, content: &str) -> Result<(), SnapshotError> {
        fs::create_dir_all(&self.directory)
            .and_then(|()| fs::write(path, content))
            .map_err(|source| self.io(path, source))
    }

    fn remove(&self, pending: &Path) -> Result<(), SnapshotError> {
        match fs::remove_file(pending) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(self.io(pending, source))
            }
            _ => Ok(()),
        }
    }

    fn list_as_used(&self, path: &Path) -> Result<(), SnapshotError> {
        let Some(references) = &self.policy.references else {
            return Ok(());
        };
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(references)
            // One write, so that concurrent scenarios do not mix their lines.
            .and_then(|mut file| file.write_all(format!("{}\n", path.display()).as_bytes()))
            .map_err(|source| self.io(references, source))
    }

    fn io(&self, path: &Path, source: io::Error) -> SnapshotError {
        SnapshotError::Io {
            path: self.shown(path),
            source,
        }
    }

    fn shown(&self, path: &Path) -> String {
        let relative = path
            .strip_prefix(&self.directory)
            .map(|file| self.shown.join(file));
        relative.as_deref().unwrap_or(path).display().to_string()
    }
}

fn beginning(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().take(NEW_SHOWN).collect();
    if text.lines().nth(NEW_SHOWN).is_some() {
        lines.push("…");
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests;

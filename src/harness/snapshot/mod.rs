//! Snapshots of what scenarios did, in the files and by the rules of [insta](https://insta.rs).

mod name;
mod update;

use std::{
    collections::HashMap,
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use insta::{
    Snapshot, TextSnapshotKind,
    internals::{SnapshotContents, TextSnapshotContents},
};

pub use self::name::{SnapshotName, SnapshotPart};
use self::update::{Place, Policy, Update};
use super::{difference::lines_difference, package::package_root, pickle::Pickle};

/// Most lines of a new snapshot that a message shows.
const NEW_SHOWN: usize = 20;

/// The folder of snapshots, and how the environment wants them to be treated.
///
/// insta's own assertion prints the difference to the standard output, and finds the folder through
/// paths of compile time, which are ours and not those of a crate that uses us. So the comparison and
/// the files are insta's, the rest is done here, by its rules.
#[derive(Debug)]
pub struct Snapshots {
    directory: PathBuf,
    shown: PathBuf,
    policy: Policy,
    suite: Vec<Arc<Pickle>>,
    /// The scenarios of each name that is not one scenario's alone. Made for the first check: most
    /// runs of one scenario never ask.
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
    #[error("the snapshot {name} belongs to {count} scenarios, which need names of their own: {list}",
        count = .scenarios.len(), list = .scenarios.join(", "))]
    Shared {
        /// The snapshot.
        name: SnapshotName,
        /// `file:line` of each.
        scenarios: Vec<String>,
    },
    /// The snapshot's file is none.
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
    /// A variable of the environment has a value that insta does not know.
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
    /// If `INSTA_UPDATE` or `INSTA_FORCE_PASS` has a value that insta does not know.
    pub fn new(
        directory: impl Into<PathBuf>,
        suite: Vec<Arc<Pickle>>,
    ) -> Result<Self, SnapshotError> {
        let policy = Policy::read(|name| env::var(name).ok())
            .map_err(|(variable, value)| SnapshotError::Environment { variable, value })?;
        Ok(Self::with_policy(directory.into(), suite, policy))
    }

    /// `tests/snapshots` of the package that runs: not of this one, where another uses it.
    pub fn default_directory() -> PathBuf {
        package_root().join("tests").join("snapshots")
    }

    fn with_policy(directory: PathBuf, suite: Vec<Arc<Pickle>>, policy: Policy) -> Self {
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
    /// `source`, `line` and `expression` say where the check stands and what it says, for whoever
    /// reviews the snapshot. A text that does not match is written where `INSTA_UPDATE` says: by
    /// default beside the snapshot as `.snap.new`, in CI nowhere. One that matches removes what an
    /// earlier run left for review.
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
        if let Some(scenarios) = self.sharing(name) {
            return Err(SnapshotError::Shared {
                name: name.clone(),
                scenarios: scenarios.clone(),
            });
        }
        let path = self.directory.join(name.file_name());
        let pending = self.directory.join(format!("{}.new", name.file_name()));
        self.list_as_used(&path)?;

        let found = TextSnapshotContents::new(text.to_owned(), TextSnapshotKind::File);
        let accepted = self.accepted(&path)?;
        let header = || header(source, line, expression);
        if let Some(accepted) = &accepted
            && accepted.matches_latest(&found)
        {
            if self.policy.update == Update::Force {
                self.write(&pending, &header(), &found)?;
                return self.accept(&pending, &path);
            }
            return self.remove(&pending);
        }

        let place = self.policy.place(accepted.is_some());
        if place != Place::Nowhere {
            self.write(&pending, &header(), &found)?;
        }
        if place == Place::Accepted {
            return self.accept(&pending, &path);
        }
        if self.policy.force_pass {
            return Ok(());
        }
        Err(self.failure(&path, accepted.as_ref(), &found, place))
    }

    fn failure(
        &self,
        path: &Path,
        accepted: Option<&TextSnapshotContents>,
        found: &TextSnapshotContents,
        place: Place,
    ) -> SnapshotError {
        let path = self.shown(path);
        let found = found.to_string();
        let hint = match place {
            Place::Pending => format!(
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
                difference: lines_difference(&accepted.to_string(), &found).unwrap_or_default(),
                hint,
            },
            None => SnapshotError::Missing {
                path,
                text: beginning(&found),
                hint,
            },
        }
    }

    fn accepted(&self, path: &Path) -> Result<Option<TextSnapshotContents>, SnapshotError> {
        let malformed = |reason: String| SnapshotError::Malformed {
            path: self.shown(path),
            reason,
        };
        match path.try_exists() {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(error) => return Err(malformed(error.to_string())),
        }
        let snapshot = Snapshot::from_file(path).map_err(|error| malformed(error.to_string()))?;
        match snapshot.contents() {
            SnapshotContents::Text(text) => Ok(Some(text.clone())),
            SnapshotContents::Binary(_) => Err(malformed("it holds no text".to_owned())),
        }
    }

    /// Moves a pending snapshot into place as `cargo insta accept` does, to the byte.
    fn accept(&self, pending: &Path, path: &Path) -> Result<(), SnapshotError> {
        Snapshot::from_file(pending)
            .and_then(|snapshot| snapshot.save(path))
            .map_err(|error| self.io(path, io::Error::other(error.to_string())))?;
        self.remove(pending)
    }

    fn write(
        &self,
        pending: &Path,
        header: &str,
        text: &TextSnapshotContents,
    ) -> Result<(), SnapshotError> {
        fs::create_dir_all(&self.directory)
            .and_then(|()| fs::write(pending, format!("{header}{text}\n")))
            .map_err(|source| self.io(pending, source))
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
            // One write, so that scenarios side by side do not mix their lines.
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

/// What insta writes above a pending snapshot. A JSON string is a YAML one.
fn header(source: &str, line: usize, expression: &str) -> String {
    format!(
        "---\nsource: {}\nassertion_line: {line}\nexpression: {}\n---\n",
        serde_json::Value::from(source),
        serde_json::Value::from(expression),
    )
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

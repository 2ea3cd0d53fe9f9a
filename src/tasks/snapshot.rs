use std::{fs, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    artifacts::not_of_the_input,
    failures::ToolResult,
    lifecycle::RejectedSnapshot,
    server::Server,
    session::Session,
    status::TaskStatus,
    task::{Task, Timestamp},
    vocabulary::RestartReason,
};
use crate::{
    domain::{Failure, code, json_digest},
    observability::TaskEvent,
    services::{FilePath, read_file, remove_file, write_file},
};

const FOLDER: &str = ".rehearsal/state";
const SNAPSHOT: &str = ".rehearsal/state/snapshot.json";
const BACKUP: &str = "backup_state_";
/// How many backups are kept.
const KEPT: usize = 5;
const VERSION: &str = "1.0";
const HASH: &str = "integrity_hash";

/// What a server knows beside its store, and what its store was like, when it shut down.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    pub version: String,
    pub timestamp: Timestamp,
    pub server_version: String,
    pub restart_reason: RestartReason,
    /// The tasks that nobody has begun.
    pub active_tasks: Vec<Task>,
    /// The tasks that somebody was working on or that were blocked.
    pub suspended_tasks: Vec<Task>,
    pub client_sessions: Vec<ClientSession>,
    pub database_state: DatabaseState,
    /// The SHA-256 of all of the above.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub integrity_hash: String,
}

/// The session that a client worked in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSession {
    pub client: Arc<str>,
    pub session: Session,
}

/// What a store was like.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseState {
    pub db_path: String,
    /// The SHA-256 of all tasks.
    pub integrity_checksum: String,
}

/// A snapshot that is what was written, and those that were not.
pub struct FoundSnapshot {
    pub snapshot: Option<(String, Snapshot)>,
    pub rejected: Vec<RejectedSnapshot>,
}

impl Server {
    /// What the server knows now.
    pub(super) fn take_snapshot(&self, reason: RestartReason) -> ToolResult<Snapshot> {
        let (all, now) = self.transact(|work| Ok((work.tables.all()?, work.now)))?;
        let integrity_checksum = checksum(&all)?;
        let open = all.into_iter().filter(|task| !task.status.is_end());
        let (active, suspended) = open.partition(|task| task.status == TaskStatus::Pending);
        let mut sessions: Vec<_> = self.current.lock().clone().into_iter().collect();
        sessions.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(Snapshot {
            version: VERSION.to_owned(),
            timestamp: now,
            server_version: env!("CARGO_PKG_VERSION").to_owned(),
            restart_reason: reason,
            active_tasks: active,
            suspended_tasks: suspended,
            client_sessions: sessions
                .into_iter()
                .map(|(client, session)| ClientSession { client, session })
                .collect(),
            database_state: DatabaseState {
                db_path: self.store.file_name().unwrap_or(":memory:").to_owned(),
                integrity_checksum,
            },
            integrity_hash: String::new(),
        })
    }

    /// Whether the tasks are those that a snapshot was taken of.
    pub(super) fn is_unchanged_since(&self, snapshot: &Snapshot) -> ToolResult<bool> {
        let all = self.transact(|work| work.tables.all())?;
        Ok(checksum(&all)? == snapshot.database_state.integrity_checksum)
    }

    /// Writes a snapshot; the one before becomes the newest backup.
    ///
    /// # Errors
    ///
    /// What the disk fails with.
    pub(super) fn save_snapshot(&self, snapshot: &Snapshot) -> ToolResult<String> {
        let root = self.root()?;
        let path = FilePath::parse(SNAPSHOT)?;
        let mut value = to_value(snapshot)?;
        let hash = hash_of(&value);
        value[HASH] = hash.as_str().into();
        let text = serde_json::to_vec_pretty(&value).map_err(unwritable)?;
        if let Some(former) = read_file(&root, &path).map_err(not_of_the_input)? {
            let backups = self.backups()?;
            let second = snapshot.timestamp.0.timestamp();
            let again = backups.iter().filter(|backup| backup.0 == second).count();
            let name = match again {
                0 => format!("{BACKUP}{second}"),
                again => format!("{BACKUP}{second}_{again}"),
            };
            let backup = FilePath::parse(&format!("{FOLDER}/{name}.json"))?;
            write_file(&root, &backup, &former).map_err(not_of_the_input)?;
            for (_, _, old) in self.backups()?.into_iter().skip(KEPT) {
                remove_file(&root, &FilePath::parse(&old)?).map_err(not_of_the_input)?;
            }
        }
        write_file(&root, &path, &text).map_err(not_of_the_input)?;
        Ok(hash)
    }

    /// The newest snapshot that is what was written.
    ///
    /// # Errors
    ///
    /// What the disk fails with.
    pub(super) fn find_snapshot(&self) -> ToolResult<FoundSnapshot> {
        let root = self.root()?;
        let backups = self.backups()?.into_iter().map(|(_, _, path)| path);
        let mut rejected = Vec::new();
        for file in [SNAPSHOT.to_owned()].into_iter().chain(backups) {
            let Some(text) =
                read_file(&root, &FilePath::parse(&file)?).map_err(not_of_the_input)?
            else {
                continue;
            };
            match read(&text) {
                Ok(snapshot) => {
                    return Ok(FoundSnapshot {
                        snapshot: Some((file, snapshot)),
                        rejected,
                    });
                }
                Err(reason) => {
                    self.observe(TaskEvent::SnapshotRejected {
                        file: file.as_str().into(),
                        message: reason.clone(),
                    });
                    rejected.push(RejectedSnapshot { file, reason });
                }
            }
        }
        Ok(FoundSnapshot {
            snapshot: None,
            rejected,
        })
    }

    /// Changes the title of a task in the newest snapshots, as somebody would who edits the files.
    ///
    /// # Errors
    ///
    /// If there are not so many, one has no task, or the disk fails.
    pub fn alter_snapshots(&self, count: usize) -> Result<(), String> {
        let root = self.root().map_err(|failure| failure.message)?;
        let backups = self.backups().map_err(|failure| failure.message)?;
        let backups = backups.into_iter().map(|(_, _, path)| path);
        let files: Vec<_> = [SNAPSHOT.to_owned()]
            .into_iter()
            .chain(backups)
            .take(count)
            .collect();
        if files.len() < count {
            return Err(format!("there are {} snapshots, not {count}", files.len()));
        }
        for file in files {
            let path = root.join(&file);
            let text = fs::read_to_string(&path).map_err(|error| format!("{file}: {error}"))?;
            let altered = text.replacen("\"title\": \"", "\"title\": \"Altered: ", 1);
            if altered == text {
                return Err(format!("{file} has no task to alter"));
            }
            fs::write(&path, altered).map_err(|error| format!("{file}: {error}"))?;
        }
        Ok(())
    }

    /// The backups, the newest first: the second, the number within that second, and the path.
    fn backups(&self) -> ToolResult<Vec<(i64, u32, String)>> {
        let folder = fs::read_dir(self.root()?.join(FOLDER));
        let names = folder.into_iter().flatten().flatten();
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        let mut backups: Vec<_> = names
            .filter_map(|name| {
                let number = name.strip_prefix(BACKUP)?.strip_suffix(".json")?;
                let (second, again) = number.split_once('_').unwrap_or((number, "0"));
                let path = format!("{FOLDER}/{name}");
                Some((second.parse().ok()?, again.parse().ok()?, path))
            })
            .collect();
        backups.sort();
        backups.reverse();
        Ok(backups)
    }
}

fn read(text: &[u8]) -> Result<Snapshot, String> {
    let value: Value =
        serde_json::from_slice(text).map_err(|error| format!("it is not JSON: {error}"))?;
    let snapshot: Snapshot = serde_json::from_value(value.clone())
        .map_err(|error| format!("it is not a snapshot: {error}"))?;
    if snapshot.integrity_hash != hash_of(&value) {
        return Err("its hash is not that of its content".to_owned());
    }
    if snapshot.version != VERSION {
        return Err(format!(
            "it is of version {}, expected {VERSION}",
            snapshot.version
        ));
    }
    Ok(snapshot)
}

/// The hash of a snapshot's whole content, but for itself.
fn hash_of(snapshot: &Value) -> String {
    let mut content = snapshot.clone();
    if let Some(fields) = content.as_object_mut() {
        fields.shift_remove(HASH);
    }
    json_digest(&content).to_string()
}

fn checksum(tasks: &[Task]) -> ToolResult<String> {
    Ok(json_digest(&to_value(tasks)?).to_string())
}

fn to_value(value: &(impl Serialize + ?Sized)) -> ToolResult<Value> {
    serde_json::to_value(value).map_err(unwritable)
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn unwritable(error: serde_json::Error) -> Box<Failure> {
    let message = format!("the snapshot cannot be written: {error}");
    Box::new(Failure::new(code::IO_ERROR, message))
}

//! A journal in a SQLite file.

mod definitions;
mod tables;

use std::{
    collections::{HashMap, hash_map},
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::definitions::Definitions;
use super::{Entry, Journal, JournalError, journal::is_inner};
use crate::{database::within_transaction, domain::offset_text};

/// A journal in a SQLite file: it outlives the process.
///
/// The file is in WAL mode with `synchronous=NORMAL`: entries survive the death of the process;
/// the last few may be lost with the machine's power, never torn. One process uses it at a time.
pub struct SqliteJournal {
    path: PathBuf,
    database: Mutex<Database>,
}

struct Database {
    connection: Connection,
    /// The number of the run that begins next.
    next_run: i64,
    /// The keys of the next entries of runs that this process has begun or gone on with, and that
    /// have not ended.
    next: HashMap<Arc<str>, EntryKey>,
    definitions: Definitions,
}

/// Where an entry lies: the number of its run and, in the lower half, its own.
#[derive(Clone, Copy)]
struct EntryKey(i64);

impl EntryKey {
    fn first_of(run: i64) -> Self {
        Self(run << 32)
    }

    fn last_of(run: i64) -> Self {
        Self(run << 32 | i64::from(u32::MAX))
    }

    fn run(self) -> i64 {
        self.0 >> 32
    }

    fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl SqliteJournal {
    /// Opens a journal, or makes one where there is no file.
    ///
    /// # Errors
    ///
    /// [`JournalError::Unusable`] if the file is no journal, is from a newer version, is used by
    /// another process, or cannot be opened; it is left as it is.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        let path = path.as_ref();
        let unusable = |why| JournalError::Unusable {
            path: path.display().to_string(),
            why,
        };
        let connection = tables::JOURNAL.open(path).map_err(unusable)?;
        let last: Option<i64> =
            connection.query_row("SELECT max(id) FROM entries", [], |row| row.get(0))?;
        Ok(Self {
            path: path.to_owned(),
            database: Mutex::new(Database {
                connection,
                next_run: last.map_or(1, |last| EntryKey(last).run() + 1),
                next: HashMap::new(),
                definitions: Definitions::default(),
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Database> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first entry of a run, with its workflow's row in place of the workflow.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Started {
    workflow: i64,
    input: Arc<Value>,
    #[serde(with = "offset_text")]
    at: Duration,
}

impl Database {
    /// Writes a run's first entry.
    fn begin(&mut self, run: &Arc<str>, started: Entry) -> Result<(), JournalError> {
        let Entry::Started {
            workflow,
            input,
            at,
        } = started
        else {
            return Err(does_not_start(run));
        };
        let connection = &self.connection;
        let number = self.next_run;
        let key = EntryKey::first_of(number);
        let row = within_transaction(connection, || {
            // The id of a run that exists already violates the primary key.
            connection
                .prepare_cached("INSERT INTO runs (run, number) VALUES (?, ?)")?
                .execute(params![run, number])
                .map_err(|error| match error.sqlite_error_code() {
                    Some(ErrorCode::ConstraintViolation) => {
                        JournalError::AlreadyExists(run.to_string())
                    }
                    _ => error.into(),
                })?;
            let row = self.definitions.row_of(connection, run, &workflow)?;
            let started = Started {
                workflow: row,
                input,
                at,
            };
            insert(connection, key, &written(run, &started)?)?;
            if !is_inner(run) {
                insert_unfinished(connection, number, run)?;
            }
            Ok::<_, JournalError>(row)
        })?;
        self.definitions.remember(&workflow, row);
        self.next_run += 1;
        self.next.insert(Arc::clone(run), key.next());
        Ok(())
    }

    /// Writes a run's next entry, and what else comes with it.
    fn append(&mut self, run: &Arc<str>, entry: &Entry) -> Result<(), JournalError> {
        let text = written(run, entry)?;
        let connection = &self.connection;
        let mut next = match self.next.entry(Arc::clone(run)) {
            hash_map::Entry::Occupied(next) => next,
            hash_map::Entry::Vacant(place) => place.insert_entry(next_key(connection, run)?),
        };
        let key = *next.get();
        match entry {
            Entry::Ended { .. } => {
                within_transaction(connection, || {
                    insert(connection, key, &text)?;
                    connection
                        .prepare_cached("DELETE FROM unfinished WHERE number = ?")?
                        .execute([key.run()])
                })?;
                next.remove();
                return Ok(());
            }
            Entry::Resumed { .. } if !is_inner(run) => within_transaction(connection, || {
                insert(connection, key, &text)?;
                insert_unfinished(connection, key.run(), run)
            })?,
            // One statement is a transaction of its own.
            _ => insert(connection, key, &text)?,
        }
        *next.get_mut() = key.next();
        Ok(())
    }

    fn read(&mut self, run: &str) -> Result<Option<Vec<Entry>>, JournalError> {
        let Some(number) = number_of(&self.connection, run)? else {
            return Ok(None);
        };
        let (first, last) = (EntryKey::first_of(number), EntryKey::last_of(number));
        let mut statement = self
            .connection
            .prepare_cached("SELECT entry FROM entries WHERE id BETWEEN ? AND ? ORDER BY id")?;
        let mut rows = statement.query([first.0, last.0])?;
        let first = rows.next()?.ok_or_else(|| does_not_start(run))?;
        let started: Started = read_from(run, text_of(first)?)?;
        let definitions = &mut self.definitions;
        let mut entries = vec![Entry::Started {
            workflow: definitions.read(&self.connection, run, started.workflow)?,
            input: started.input,
            at: started.at,
        }];
        while let Some(row) = rows.next()? {
            entries.push(read_from(run, text_of(row)?)?);
        }
        Ok(Some(entries))
    }
}

fn number_of(connection: &Connection, run: &str) -> Result<Option<i64>, rusqlite::Error> {
    connection
        .prepare_cached("SELECT number FROM runs WHERE run = ?")?
        .query_row([run], |row| row.get(0))
        .optional()
}

/// The key of the next entry of a run that another process, or this one, has begun.
fn next_key(connection: &Connection, run: &str) -> Result<EntryKey, JournalError> {
    let number =
        number_of(connection, run)?.ok_or_else(|| JournalError::Unknown(run.to_owned()))?;
    let (first, last) = (EntryKey::first_of(number), EntryKey::last_of(number));
    let last: Option<i64> = connection
        .prepare_cached("SELECT max(id) FROM entries WHERE id BETWEEN ? AND ?")?
        .query_row([first.0, last.0], |row| row.get(0))?;
    Ok(EntryKey(last.ok_or_else(|| does_not_start(run))?).next())
}

fn insert(connection: &Connection, key: EntryKey, text: &str) -> Result<(), rusqlite::Error> {
    connection
        .prepare_cached("INSERT INTO entries (id, entry) VALUES (?, ?)")?
        .execute(params![key.0, text])?;
    Ok(())
}

fn insert_unfinished(
    connection: &Connection,
    number: i64,
    run: &str,
) -> Result<(), rusqlite::Error> {
    connection
        .prepare_cached("INSERT INTO unfinished (number, run) VALUES (?, ?)")?
        .execute(params![number, run])?;
    Ok(())
}

impl Journal for SqliteJournal {
    fn begin(&self, run: &Arc<str>, started: Entry) -> Result<(), JournalError> {
        self.lock().begin(run, started)
    }

    fn append(&self, run: &Arc<str>, entry: &Entry) -> Result<(), JournalError> {
        self.lock().append(run, entry)
    }

    fn read(&self, run: &str) -> Result<Option<Vec<Entry>>, JournalError> {
        self.lock().read(run)
    }

    fn unfinished(&self) -> Result<Vec<Arc<str>>, JournalError> {
        let database = self.lock();
        let mut statement = database
            .connection
            .prepare_cached("SELECT run FROM unfinished ORDER BY number")?;
        let runs = statement.query_map([], |row| row.get::<_, Arc<str>>(0))?;
        Ok(runs.collect::<Result<_, _>>()?)
    }
}

fn written(run: &str, entry: &impl Serialize) -> Result<String, JournalError> {
    serde_json::to_string(entry).map_err(|error| corrupt(run, &error))
}

fn read_from<'de, T: Deserialize<'de>>(run: &str, text: &'de str) -> Result<T, JournalError> {
    serde_json::from_str(text).map_err(|error| corrupt(run, &error))
}

fn text_of<'a>(row: &'a rusqlite::Row<'_>) -> Result<&'a str, rusqlite::Error> {
    Ok(row.get_ref(0)?.as_str()?)
}

fn does_not_start(run: &str) -> JournalError {
    JournalError::Corrupt {
        run: run.to_owned(),
        why: "it does not start".to_owned(),
    }
}

fn corrupt(run: &str, error: &serde_json::Error) -> JournalError {
    JournalError::Corrupt {
        run: run.to_owned(),
        why: error.to_string(),
    }
}

impl fmt::Debug for SqliteJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteJournal").field(&self.path).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{domain::WorkflowStatus, orchestration::Workflow};

    #[test]
    fn runs_that_have_ended_are_not_kept_in_mind() {
        let folder = tempfile::tempdir().unwrap();
        let journal = SqliteJournal::open(folder.path().join("journal.db")).unwrap();
        let workflow: Workflow = serde_json::from_value(json!({"id": "w", "steps": []})).unwrap();
        let at = Duration::ZERO;
        let started = Entry::Started {
            workflow: Arc::new(workflow),
            input: Arc::new(json!({})),
            at,
        };
        let status = WorkflowStatus::Completed;
        let run = "w-1".into();
        journal.begin(&run, started).unwrap();
        journal.append(&run, &Entry::Ended { status, at }).unwrap();
        assert!(journal.lock().next.is_empty());
    }
}

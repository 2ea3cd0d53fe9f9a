use std::{
    collections::{HashMap, hash_map},
    fmt, iter,
    path::{Path, PathBuf},
    sync::{Arc, MutexGuard, Weak},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Journal, JournalEntry, JournalError, Workflow,
    journal::{is_child_run, is_zero},
};
use crate::{
    database::{FileKind, within_transaction},
    domain::{Locked, SecurityContext, offset_text},
};

// A commit writes every page that it changes in full. So entries are in one tree without an index,
// under ascending keys, as SQLite fills pages completely only when rows are appended; run ids and
// definitions are stored once, in other tables; and only the first and the last entry of a run touch
// those.
const JOURNAL: FileKind = FileKind {
    name: "journal",
    // `rehe` in ASCII.
    application: 0x7265_6865,
    version: 3,
    // Its entries are entries of this version, too; this one has more kinds.
    raised: &[(1, ""), (2, "")],
    tables: "
        CREATE TABLE workflows (id INTEGER PRIMARY KEY, definition TEXT NOT NULL UNIQUE) STRICT;
        CREATE TABLE runs (run TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE entries (id INTEGER PRIMARY KEY, entry TEXT NOT NULL) STRICT;
        CREATE TABLE unfinished (number INTEGER PRIMARY KEY, run TEXT NOT NULL) STRICT;
    ",
};

/// A journal in a SQLite file: it outlives the process.
///
/// The file is in WAL mode with `synchronous=NORMAL`: entries survive the death of the process; a
/// power failure may lose the last few, but never parts of one. One process uses it at a time.
pub struct SqliteJournal {
    path: PathBuf,
    file: Locked<JournalFile>,
}

struct JournalFile {
    connection: Connection,
    /// The number of the run that begins next.
    next_run: i64,
    /// The keys of the next entries of the runs that this process has begun or continued and that
    /// have not ended.
    next: HashMap<Arc<str>, EntryKey>,
    /// The rows of the definitions in use. A weak reference keeps an address from being reused, and
    /// the definition from being changed in place.
    definitions: Vec<(i64, Weak<Workflow>)>,
}

/// The key of an entry: the number of its run in the upper half, its own in the lower half.
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
    /// Opens a journal, or creates one if there is no file.
    ///
    /// # Errors
    ///
    /// [`JournalError::Unusable`] if the file is not a journal, is from a newer version, is used by
    /// another process, or cannot be opened; it is not changed.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        let path = path.as_ref();
        let unusable = |why| JournalError::Unusable {
            path: path.display().to_string(),
            why,
        };
        let connection = JOURNAL.open(path).map_err(unusable)?;
        let last: Option<i64> =
            connection.query_row("SELECT max(id) FROM entries", [], |row| row.get(0))?;
        Ok(Self {
            path: path.to_owned(),
            file: Locked::new(JournalFile {
                connection,
                next_run: last.map_or(1, |last| EntryKey(last).run() + 1),
                next: HashMap::new(),
                definitions: Vec::new(),
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, JournalFile> {
        self.file.lock()
    }
}

/// The first entry of a run, with its workflow's row instead of the workflow.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StartedRow {
    workflow: i64,
    input: Arc<Value>,
    #[serde(default, skip_serializing_if = "is_zero")]
    events_from: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caller: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    security: Option<Arc<SecurityContext>>,
    #[serde(with = "offset_text")]
    at: Duration,
}

impl JournalFile {
    /// Writes the first entry of a run.
    fn begin(&mut self, run: &Arc<str>, started: JournalEntry) -> Result<(), JournalError> {
        let JournalEntry::Started {
            workflow,
            input,
            events_from,
            caller,
            security,
            at,
        } = started
        else {
            return Err(JournalError::no_start(run));
        };
        let connection = &self.connection;
        let number = self.next_run;
        let key = EntryKey::first_of(number);
        let row = within_transaction(connection, || {
            // An id that is taken violates the primary key.
            connection
                .prepare_cached("INSERT INTO runs (run, number) VALUES (?, ?)")?
                .execute(params![run, number])
                .map_err(|error| match error.sqlite_error_code() {
                    Some(ErrorCode::ConstraintViolation) => {
                        JournalError::AlreadyExists(run.to_string())
                    }
                    _ => error.into(),
                })?;
            let row = self.row_of(run, &workflow)?;
            let started = StartedRow {
                workflow: row,
                input,
                events_from,
                caller,
                security,
                at,
            };
            insert(connection, key, &written(run, &started)?)?;
            if !is_child_run(run) {
                connection
                    .prepare_cached("INSERT INTO unfinished VALUES (?, ?)")?
                    .execute(params![number, run])?;
            }
            Ok::<_, JournalError>(row)
        })?;
        self.remember(&workflow, row);
        self.next_run += 1;
        self.next.insert(Arc::clone(run), key.next());
        Ok(())
    }

    /// Writes the next entry of a run, and whether it is unfinished.
    fn append(&mut self, run: &Arc<str>, entry: &JournalEntry) -> Result<(), JournalError> {
        let text = written(run, entry)?;
        let connection = &self.connection;
        let mut next = match self.next.entry(Arc::clone(run)) {
            hash_map::Entry::Occupied(next) => next,
            hash_map::Entry::Vacant(place) => place.insert_entry(next_key(connection, run)?),
        };
        let key = *next.get();
        match entry {
            JournalEntry::Ended { .. } => {
                within_transaction(connection, || {
                    insert(connection, key, &text)?;
                    connection
                        .prepare_cached("DELETE FROM unfinished WHERE number = ?")?
                        .execute([key.run()])
                })?;
                next.remove();
                return Ok(());
            }
            // From now on it is unfinished, if it was not.
            JournalEntry::Resumed { .. } | JournalEntry::CancellationRequested { .. }
                if !is_child_run(run) =>
            {
                within_transaction(connection, || {
                    insert(connection, key, &text)?;
                    connection
                        .prepare_cached("INSERT OR IGNORE INTO unfinished VALUES (?, ?)")?
                        .execute(params![key.run(), run])
                })?;
            }
            // One statement is a transaction of its own.
            _ => insert(connection, key, &text)?,
        }
        *next.get_mut() = key.next();
        Ok(())
    }

    fn read(&mut self, run: &str) -> Result<Option<Vec<JournalEntry>>, JournalError> {
        let Some(number) = number_of(&self.connection, run)? else {
            return Ok(None);
        };
        let (first, last) = (EntryKey::first_of(number), EntryKey::last_of(number));
        let (started, later): (StartedRow, Vec<_>) = {
            let mut statement = self
                .connection
                .prepare_cached("SELECT entry FROM entries WHERE id BETWEEN ? AND ? ORDER BY id")?;
            let mut rows = statement.query([first.0, last.0])?;
            let first = rows.next()?.ok_or_else(|| JournalError::no_start(run))?;
            let started = read_from(run, text_of(first)?)?;
            let mut later = Vec::new();
            while let Some(row) = rows.next()? {
                later.push(read_from(run, text_of(row)?)?);
            }
            (started, later)
        };
        let started = JournalEntry::Started {
            workflow: self.definition(run, started.workflow)?,
            input: started.input,
            events_from: started.events_from,
            caller: started.caller,
            security: started.security,
            at: started.at,
        };
        Ok(Some(iter::once(started).chain(later).collect()))
    }

    /// The row of a definition, which is written unless it is there.
    fn row_of(&self, run: &str, workflow: &Arc<Workflow>) -> Result<i64, JournalError> {
        let mut in_use = self.definitions.iter();
        if let Some((row, _)) = in_use.find(|(_, it)| it.as_ptr() == Arc::as_ptr(workflow)) {
            return Ok(*row);
        }
        let definition = written(run, &**workflow)?;
        let row = self
            .connection
            .prepare_cached("SELECT id FROM workflows WHERE definition = ?")?
            .query_row([&definition], |row| row.get(0))
            .optional()?;
        Ok(match row {
            Some(row) => row,
            None => self
                .connection
                .prepare_cached("INSERT INTO workflows (definition) VALUES (?)")?
                .insert([&definition])?,
        })
    }

    /// The definition of a row, which all runs of the workflow share.
    fn definition(&mut self, run: &str, row: i64) -> Result<Arc<Workflow>, JournalError> {
        let mut of_row = self.definitions.iter().filter(|(it, _)| *it == row);
        if let Some(workflow) = of_row.find_map(|(_, workflow)| workflow.upgrade()) {
            return Ok(workflow);
        }
        let text: Option<String> = self
            .connection
            .prepare_cached("SELECT definition FROM workflows WHERE id = ?")?
            .query_row([row], |row| row.get(0))
            .optional()?;
        let text = text.ok_or_else(|| JournalError::Corrupt {
            run: run.to_owned(),
            why: format!("the definition of its workflow, {row}, is missing"),
        })?;
        let workflow = read_from(run, &text)?;
        self.remember(&workflow, row);
        Ok(workflow)
    }

    /// Caches the row of a definition, once it is committed.
    fn remember(&mut self, workflow: &Arc<Workflow>, row: i64) {
        let mut in_use = self.definitions.iter();
        if !in_use.any(|(_, it)| it.as_ptr() == Arc::as_ptr(workflow)) {
            self.definitions.retain(|(_, it)| it.strong_count() > 0);
            self.definitions.push((row, Arc::downgrade(workflow)));
        }
    }
}

fn number_of(connection: &Connection, run: &str) -> Result<Option<i64>, rusqlite::Error> {
    connection
        .prepare_cached("SELECT number FROM runs WHERE run = ?")?
        .query_row([run], |row| row.get(0))
        .optional()
}

/// The key of the next entry of a run that was begun earlier.
fn next_key(connection: &Connection, run: &str) -> Result<EntryKey, JournalError> {
    let number =
        number_of(connection, run)?.ok_or_else(|| JournalError::Unknown(run.to_owned()))?;
    let (first, last) = (EntryKey::first_of(number), EntryKey::last_of(number));
    let last: Option<i64> = connection
        .prepare_cached("SELECT max(id) FROM entries WHERE id BETWEEN ? AND ?")?
        .query_row([first.0, last.0], |row| row.get(0))?;
    Ok(EntryKey(last.ok_or_else(|| JournalError::no_start(run))?).next())
}

fn insert(connection: &Connection, key: EntryKey, text: &str) -> Result<(), rusqlite::Error> {
    connection
        .prepare_cached("INSERT INTO entries (id, entry) VALUES (?, ?)")?
        .execute(params![key.0, text])?;
    Ok(())
}

impl Journal for SqliteJournal {
    fn begin(&self, run: &Arc<str>, started: JournalEntry) -> Result<(), JournalError> {
        self.lock().begin(run, started)
    }

    fn append(&self, run: &Arc<str>, entry: &JournalEntry) -> Result<(), JournalError> {
        self.lock().append(run, entry)
    }

    fn read(&self, run: &str) -> Result<Option<Vec<JournalEntry>>, JournalError> {
        self.lock().read(run)
    }

    fn unfinished(&self) -> Result<Vec<Arc<str>>, JournalError> {
        let file = self.lock();
        let mut statement = file
            .connection
            .prepare_cached("SELECT run FROM unfinished ORDER BY number")?;
        let runs = statement.query_map([], |row| row.get::<_, Arc<str>>(0))?;
        Ok(runs.collect::<Result<_, _>>()?)
    }
}

fn written(run: &str, entry: &impl Serialize) -> Result<String, JournalError> {
    serde_json::to_string(entry).map_err(|error| JournalError::corrupt(run, error.to_string()))
}

fn read_from<'de, T: Deserialize<'de>>(run: &str, text: &'de str) -> Result<T, JournalError> {
    serde_json::from_str(text).map_err(|error| JournalError::corrupt(run, error.to_string()))
}

fn text_of<'a>(row: &'a rusqlite::Row<'_>) -> Result<&'a str, rusqlite::Error> {
    Ok(row.get_ref(0)?.as_str()?)
}

impl fmt::Debug for SqliteJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteJournal").field(&self.path).finish()
    }
}

#[cfg(test)]
mod tests;

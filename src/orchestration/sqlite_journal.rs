use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, params};

use super::{Entry, Journal, JournalError, journal::is_inner};

/// Marks a database as a journal: `rehe` in ASCII.
const APPLICATION: i32 = 0x7265_6865;

/// The version of the tables below.
const VERSION: i32 = 1;

// A commit writes every page that it changes, whole. So entries lie in one tree, ordered by run,
// without an index beside it; and only a run's first and last entry touch the other table.
const TABLES: &str = "
    CREATE TABLE entries (
        run TEXT NOT NULL,
        number INTEGER NOT NULL,
        entry TEXT NOT NULL,
        PRIMARY KEY (run, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE unfinished (id INTEGER PRIMARY KEY, run TEXT NOT NULL) STRICT;
";

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
    /// The runs that this process has begun or read.
    runs: HashMap<Arc<str>, Known>,
}

/// What is known of a run without asking the database.
#[derive(Clone, Copy)]
struct Known {
    /// The number of its next entry.
    next: i64,
    /// Its row among the unfinished.
    unfinished: Option<i64>,
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
        let connection = connect(path).map_err(|why| JournalError::Unusable {
            path: path.display().to_string(),
            why,
        })?;
        Ok(Self {
            path: path.to_owned(),
            database: Mutex::new(Database {
                connection,
                runs: HashMap::new(),
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Database> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn connect(path: &Path) -> Result<Connection, String> {
    let explain = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => "it is no journal".to_owned(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process uses it".to_owned()
        }
        _ => error.to_string(),
    };
    let mut connection = Connection::open(path).map_err(explain)?;
    connection
        .busy_timeout(std::time::Duration::ZERO)
        .map_err(explain)?;
    // Before the first access, so that the file is taken whole and no shared memory is needed.
    connection
        .pragma_update(None, "locking_mode", "EXCLUSIVE")
        .map_err(explain)?;
    let number = |connection: &Connection, pragma: &str| {
        connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0))
    };
    let application = number(&connection, "application_id").map_err(explain)?;
    let version = number(&connection, "user_version").map_err(explain)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
        .map_err(explain)?;
    let is_new = application == 0 && version == 0 && tables == 0;
    if !is_new && application != APPLICATION {
        return Err("it is another program's database".to_owned());
    }
    if version > VERSION {
        return Err(format!(
            "it is of version {version}, this program knows versions up to {VERSION}"
        ));
    }
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .and_then(|()| connection.pragma_update(None, "synchronous", "NORMAL"))
        .map_err(explain)?;
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(explain)?;
    if is_new {
        transaction
            .execute_batch(TABLES)
            .and_then(|()| transaction.pragma_update(None, "application_id", APPLICATION))
            .and_then(|()| transaction.pragma_update(None, "user_version", VERSION))
            .map_err(explain)?;
    }
    transaction.commit().map_err(explain)?;
    Ok(connection)
}

impl Database {
    fn known(&mut self, run: &str) -> Result<Option<Known>, rusqlite::Error> {
        if let Some(known) = self.runs.get(run) {
            return Ok(Some(*known));
        }
        let last: Option<i64> = self
            .connection
            .prepare_cached("SELECT max(number) FROM entries WHERE run = ?")?
            .query_row([run], |row| row.get(0))?;
        let Some(last) = last else {
            return Ok(None);
        };
        let unfinished = self
            .connection
            .prepare_cached("SELECT id FROM unfinished WHERE run = ?")?
            .query_row([run], |row| row.get(0))
            .optional()?;
        let known = Known {
            next: last + 1,
            unfinished,
        };
        self.runs.insert(run.into(), known);
        Ok(Some(known))
    }
}

fn insert(
    connection: &Connection,
    run: &str,
    number: i64,
    text: &str,
) -> Result<(), rusqlite::Error> {
    connection
        .prepare_cached("INSERT INTO entries (run, number, entry) VALUES (?, ?, ?)")?
        .execute(params![run, number, text])?;
    Ok(())
}

fn insert_unfinished(connection: &Connection, run: &str) -> Result<i64, rusqlite::Error> {
    connection
        .prepare_cached("INSERT INTO unfinished (run) VALUES (?)")?
        .insert([run])
}

impl Journal for SqliteJournal {
    fn begin(&self, run: &Arc<str>, started: Entry) -> Result<(), JournalError> {
        let text = written(run, &started)?;
        let mut database = self.lock();
        let transaction = database.connection.transaction()?;
        // The first entry of a run that has one already violates the primary key.
        insert(&transaction, run, 0, &text).map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => JournalError::AlreadyExists(run.to_string()),
            _ => error.into(),
        })?;
        let unfinished = match is_inner(run) {
            true => None,
            false => Some(insert_unfinished(&transaction, run)?),
        };
        transaction.commit()?;
        let known = Known {
            next: 1,
            unfinished,
        };
        database.runs.insert(Arc::clone(run), known);
        Ok(())
    }

    fn append(&self, run: &Arc<str>, entry: &Entry) -> Result<(), JournalError> {
        let text = written(run, entry)?;
        let mut database = self.lock();
        let mut known = database
            .known(run)?
            .ok_or_else(|| JournalError::Unknown(run.to_string()))?;
        match entry {
            Entry::Ended { .. } => {
                let transaction = database.connection.transaction()?;
                insert(&transaction, run, known.next, &text)?;
                transaction
                    .prepare_cached("DELETE FROM unfinished WHERE id = ?")?
                    .execute([known.unfinished])?;
                transaction.commit()?;
                known.unfinished = None;
            }
            Entry::Resumed { .. } => {
                let transaction = database.connection.transaction()?;
                insert(&transaction, run, known.next, &text)?;
                if !is_inner(run) {
                    known.unfinished = Some(insert_unfinished(&transaction, run)?);
                }
                transaction.commit()?;
            }
            // One statement is a transaction of its own.
            _ => insert(&database.connection, run, known.next, &text)?,
        }
        known.next += 1;
        database.runs.insert(Arc::clone(run), known);
        Ok(())
    }

    fn read(&self, run: &str) -> Result<Option<Vec<Entry>>, JournalError> {
        let database = self.lock();
        let mut statement = database
            .connection
            .prepare_cached("SELECT entry FROM entries WHERE run = ? ORDER BY number")?;
        let mut rows = statement.query([run])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let text = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            entries.push(serde_json::from_str(text).map_err(|error| corrupt(run, &error))?);
        }
        Ok((!entries.is_empty()).then_some(entries))
    }

    fn unfinished(&self) -> Result<Vec<Arc<str>>, JournalError> {
        let database = self.lock();
        let mut statement = database
            .connection
            .prepare_cached("SELECT run FROM unfinished ORDER BY id")?;
        let runs = statement.query_map([], |row| row.get::<_, Arc<str>>(0))?;
        Ok(runs.collect::<Result<_, _>>()?)
    }
}

fn written(run: &str, entry: &Entry) -> Result<String, JournalError> {
    serde_json::to_string(entry).map_err(|error| corrupt(run, &error))
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

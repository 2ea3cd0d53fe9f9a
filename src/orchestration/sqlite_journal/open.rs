use std::path::Path;

use rusqlite::{Connection, ErrorCode};

/// Marks a database as a journal: `rehe` in ASCII.
const APPLICATION: i32 = 0x7265_6865;

/// The version of the tables below.
const VERSION: i32 = 1;

// A commit writes every page that it changes, whole. So an entry goes to one tree without an index
// beside it, whose keys grow, as SQLite fills pages from the left only where rows come at the end;
// what entries would repeat, their run's id and its workflow's definition, lies elsewhere; and only
// a run's first and last entry touch other tables.
const TABLES: &str = "
    CREATE TABLE workflows (id INTEGER PRIMARY KEY, definition TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE runs (run TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE entries (id INTEGER PRIMARY KEY, entry TEXT NOT NULL) STRICT;
    CREATE TABLE unfinished (number INTEGER PRIMARY KEY, run TEXT NOT NULL) STRICT;
";

/// Opens a journal's file, or makes one; says why if it cannot.
pub(super) fn open(path: &Path) -> Result<Connection, String> {
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

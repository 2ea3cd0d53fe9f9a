//! SQLite files that one process uses at a time: how they are opened and recognised.

use std::path::Path;

use rusqlite::{Connection, ErrorCode};

/// A kind of SQLite file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileKind {
    /// Its name in messages: `it is not a valid journal`.
    pub name: &'static str,
    /// The application id in the file's header.
    pub application: i32,
    /// The version of its tables.
    pub version: i32,
    /// Older versions, each with the statements that raise such a file to this one when it is opened.
    pub raised: &'static [(i32, &'static str)],
    /// The statements that create them.
    pub tables: &'static str,
}

impl FileKind {
    /// Opens a file, or creates it. If it cannot, it says why and leaves the file as it is.
    ///
    /// It is in WAL mode with `synchronous=NORMAL`: what is committed survives the death of the
    /// process; the last of it may be lost with the machine's power, never torn.
    pub(crate) fn open(&self, path: &Path) -> Result<Connection, String> {
        let explain = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => format!("it is not a valid {}", self.name),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                "another process uses it".to_owned()
            }
            _ => error.to_string(),
        };
        let mut connection = Connection::open(path).map_err(explain)?;
        connection
            .busy_timeout(std::time::Duration::ZERO)
            .map_err(explain)?;
        // Before the first access, so that the whole file is locked and no shared memory is needed.
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
        if !is_new && application != self.application {
            return Err("it is another program's database".to_owned());
        }
        let older = self.raised.iter().find(|(older, _)| *older == version);
        let raised = older.filter(|_| !is_new).map(|(_, statements)| *statements);
        if !is_new && raised.is_none() && version != self.version {
            return Err(format!(
                "it is of version {version}, this program uses version {}",
                self.version
            ));
        }
        if is_new {
            // Each commit writes whole pages, and a row here is short.
            connection
                .pragma_update(None, "page_size", 1024)
                .map_err(explain)?;
        }
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .and_then(|()| connection.pragma_update(None, "synchronous", "NORMAL"))
            // Pages are a quarter of SQLite's own, so that the log is synced as rarely as elsewhere: each 4 MB.
            .and_then(|()| connection.pragma_update(None, "wal_autocheckpoint", 4_000))
            .map_err(explain)?;
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(explain)?;
        if is_new {
            transaction
                .execute_batch(self.tables)
                .and_then(|()| transaction.pragma_update(None, "application_id", self.application))
                .map_err(explain)?;
        }
        if let Some(statements) = raised {
            transaction.execute_batch(statements).map_err(explain)?;
        }
        if is_new || raised.is_some() {
            transaction
                .pragma_update(None, "user_version", self.version)
                .map_err(explain)?;
        }
        transaction.commit().map_err(explain)?;
        Ok(connection)
    }
}

/// Does `work` in a transaction, which is rolled back if it fails.
///
/// rusqlite's own transactions compile their statements each time.
pub(crate) fn within_transaction<T, E: From<rusqlite::Error>>(
    connection: &Connection,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let execute = |sql| connection.prepare_cached(sql)?.execute([]);
    execute("BEGIN")?;
    let done = work().and_then(|done| {
        execute("COMMIT")?;
        Ok(done)
    });
    if done.is_err() {
        // It fails if the error has already ended the transaction.
        let _ = execute("ROLLBACK");
    }
    done
}

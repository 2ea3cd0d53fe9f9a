use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
};

use rusqlite::Connection;

use super::{
    failures::{StoreError, ToolResult, database_error},
    tables::{TABLES, Tables},
};
use crate::{
    database::{FileKind, within_transaction},
    domain::Locked,
    services::Directory,
};

const TASK_STORE: FileKind = FileKind {
    name: "store of tasks",
    // `reta` in ASCII.
    application: 0x7265_7461,
    version: 1,
    raised: &[],
    tables: TABLES,
};

/// The file, within its folder.
const FILE: &str = ".rehearsal/tasks.db";
const FOLDER: &str = ".rehearsal";

/// Where tasks are kept: in a SQLite file, or in memory.
///
/// A handle on the database is opened by the first operation, and again by the first one after it was
/// lost.
#[derive(Debug)]
pub struct TaskStore {
    /// The folder of the file, if there is one.
    directory: Option<Directory>,
    connection: Locked<Option<Connection>>,
    /// Whether its server is lost.
    is_lost: AtomicBool,
}

impl TaskStore {
    /// Tasks that are lost with the process.
    pub fn in_memory() -> Self {
        Self {
            directory: None,
            connection: Locked::new(None),
            is_lost: AtomicBool::new(false),
        }
    }

    /// Tasks in a file of a folder, which the first operation opens or creates.
    pub fn in_file(directory: Directory) -> Self {
        Self {
            directory: Some(directory),
            connection: Locked::new(None),
            is_lost: AtomicBool::new(false),
        }
    }

    /// Does `work` in a transaction, which is rolled back if it fails.
    ///
    /// # Errors
    ///
    /// `DATABASE_ERROR` if the database cannot be used; what `work` fails with.
    pub fn within<T>(
        &self,
        work: impl FnOnce(&Tables<'_>) -> Result<T, StoreError>,
    ) -> ToolResult<T> {
        let mut slot = self.connection.lock();
        let connection = match slot.take() {
            Some(connection) => connection,
            None => self.open()?,
        };
        let done = within_transaction(&connection, || work(&Tables::new(&connection)));
        match done {
            Ok(done) => {
                *slot = Some(connection);
                Ok(done)
            }
            Err(StoreError::Refused(failure)) => {
                *slot = Some(connection);
                Err(failure)
            }
            Err(StoreError::Database(error)) => {
                // A file is opened again by the next operation; what is in memory would be lost.
                if !self.has_file() {
                    *slot = Some(connection);
                }
                Err(database_error(error.to_string()))
            }
        }
    }

    /// Whether the database can be used; opens it if need be.
    ///
    /// # Errors
    ///
    /// `DATABASE_ERROR` if it cannot.
    pub fn check(&self) -> ToolResult<()> {
        self.within(|tables| tables.check())
    }

    /// The same, where the database must be there already.
    ///
    /// # Errors
    ///
    /// `DATABASE_ERROR` if it cannot be used, or its file is missing.
    pub fn check_existing(&self) -> ToolResult<()> {
        if let Some(directory) = &self.directory {
            let is_there = directory
                .existing()
                .is_some_and(|folder| folder.join(FILE).is_file());
            if !is_there {
                return Err(database_error(format!("{FILE} is missing")));
            }
        }
        self.check()
    }

    /// Whether the tasks outlive the process.
    pub fn has_file(&self) -> bool {
        self.directory.is_some()
    }

    /// Lets go of the file. In memory there is nothing to let go of.
    pub fn close(&self) {
        if self.has_file() {
            *self.connection.lock() = None;
        }
    }

    /// Takes the file away, as another process would that uses it, until what is returned is dropped.
    ///
    /// # Errors
    ///
    /// `DATABASE_ERROR` if it cannot be used as it is.
    pub fn take_away(&self) -> ToolResult<Connection> {
        self.close();
        self.open()
    }

    /// The name of the file, within its folder.
    pub fn file_name(&self) -> Option<&'static str> {
        self.has_file().then_some(FILE)
    }

    /// Lets go of the file for good, as its server is lost.
    pub fn lose(&self) {
        self.is_lost.store(true, Ordering::Relaxed);
        self.close();
    }

    fn open(&self) -> ToolResult<Connection> {
        if self.is_lost.load(Ordering::Relaxed) {
            return Err(database_error("the server is lost"));
        }
        let Some(directory) = &self.directory else {
            let opened = TASK_STORE.open(":memory:".as_ref());
            return opened.map_err(database_error);
        };
        let unusable = |why: String| database_error(format!("{FILE} cannot be used: {why}"));
        let made = directory.path().and_then(|folder| {
            let file = folder.join(FILE);
            fs::create_dir_all(folder.join(FOLDER)).map(|()| file)
        });
        let file = made.map_err(|error| unusable(error.to_string()))?;
        TASK_STORE.open(&file).map_err(unusable)
    }
}

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row, params, types::ToSqlOutput};

use super::{
    failures::{StoreError, TASK_NOT_FOUND, refused},
    task::{Dependency, Task},
    vocabulary::{DependencyStatus, DependencyType},
};
use crate::domain::did_you_mean;

/// What tasks are looked up by is in rows of its own, which are short, so that many are passed over quickly.
/// `words` is a task's title and description in lower case.
pub const TABLES: &str = "
    CREATE TABLE tasks (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, parent TEXT, session TEXT,
        status TEXT NOT NULL, type TEXT NOT NULL, specialist TEXT NOT NULL, complexity TEXT NOT NULL,
        created INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE bodies (
        number INTEGER PRIMARY KEY REFERENCES tasks, words TEXT NOT NULL, body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX tasks_of_parent ON tasks (parent);
    CREATE INDEX tasks_of_session ON tasks (session);
    CREATE INDEX tasks_of_status ON tasks (status);
    CREATE TABLE dependencies (
        task TEXT NOT NULL, needs TEXT NOT NULL, type TEXT NOT NULL, PRIMARY KEY (task, needs)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX dependencies_of_needs ON dependencies (needs);
";

/// The tables of the store, within a transaction.
pub struct Tables<'a> {
    pub(super) connection: &'a Connection,
}

/// A result, or why the store has none.
pub type Stored<T> = Result<T, StoreError>;

impl<'a> Tables<'a> {
    /// The tables of a database.
    pub fn new(connection: &'a Connection) -> Self {
        Self { connection }
    }

    /// Whether they can be read.
    pub fn check(&self) -> Stored<()> {
        let sql = "SELECT 1 FROM tasks LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.query_row([], |_| Ok(())).optional()?;
        Ok(())
    }

    /// All tasks, in the order in which they were planned.
    pub fn all(&self) -> Stored<Vec<Task>> {
        self.tasks("SELECT body FROM bodies ORDER BY number", &[])
    }

    /// Adds a task; its number is one more than that of any before it.
    pub fn insert(&self, task: &Task) -> Stored<()> {
        let sql =
            "INSERT INTO tasks (id, parent, session, status, type, specialist, complexity, created)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        self.connection.prepare_cached(sql)?.execute(params![
            &*task.task_id,
            task.parent_task_id.as_deref(),
            task.session_id.as_deref(),
            task.status.as_str(),
            task.task_type.as_str(),
            task.specialist_type.as_str(),
            task.complexity.as_str(),
            task.created_at.0.timestamp_millis(),
        ])?;
        let sql = "INSERT INTO bodies VALUES (last_insert_rowid(), ?, ?)";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.execute(params![words(task), body(task)?])?;
        Ok(())
    }

    /// Writes a task that exists.
    pub fn update(&self, task: &Task) -> Stored<()> {
        let sql =
            "UPDATE tasks SET parent = ?, status = ?, type = ?, specialist = ?, complexity = ?
            WHERE id = ? RETURNING number";
        let found = params![
            task.parent_task_id.as_deref(),
            task.status.as_str(),
            task.task_type.as_str(),
            task.specialist_type.as_str(),
            task.complexity.as_str(),
            &*task.task_id,
        ];
        let mut statement = self.connection.prepare_cached(sql)?;
        let number: i64 = statement.query_row(found, |row| row.get(0))?;
        let sql = "UPDATE bodies SET words = ?, body = ? WHERE number = ?";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.execute(params![words(task), body(task)?, number])?;
        Ok(())
    }

    /// Removes a task, and what depends on it no longer does.
    pub fn remove(&self, id: &str) -> Stored<()> {
        for sql in [
            "DELETE FROM bodies WHERE number = (SELECT number FROM tasks WHERE id = ?1)",
            "DELETE FROM tasks WHERE id = ?1",
            "DELETE FROM dependencies WHERE task = ?1 OR needs = ?1",
        ] {
            self.connection.prepare_cached(sql)?.execute([id])?;
        }
        Ok(())
    }

    /// How many tasks there ever were.
    pub fn last_number(&self) -> Stored<u64> {
        let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'tasks'";
        let mut statement = self.connection.prepare_cached(sql)?;
        let last = statement.query_row([], |row| row.get::<_, i64>(0));
        Ok(last.optional()?.unwrap_or_default().unsigned_abs())
    }

    /// A task, if it exists.
    pub fn find(&self, id: &str) -> Stored<Option<Task>> {
        Ok(self
            .tasks(
                "SELECT body FROM tasks JOIN bodies USING (number) WHERE id = ?",
                &[&id],
            )?
            .pop())
    }

    /// A task that a field of the input names.
    ///
    /// # Errors
    ///
    /// `TASK_NOT_FOUND` if it does not exist, with the nearest id.
    pub fn get(&self, field: &str, id: &str) -> Stored<Task> {
        if let Some(task) = self.find(id)? {
            return Ok(task);
        }
        // The latest ones: somebody who mistypes an id has just seen it.
        let sql = "SELECT id FROM tasks ORDER BY number DESC LIMIT 100";
        let mut statement = self.connection.prepare_cached(sql)?;
        let known = statement.query_map([], |row| row.get::<_, String>(0))?;
        let known = known.collect::<Result<Vec<_>, _>>()?;
        let hint = did_you_mean(id, known.iter().map(String::as_str));
        let message = format!("task {id:?} does not exist: {hint}");
        Err(refused(TASK_NOT_FOUND, field, message).into())
    }

    /// The parts of a task, in the order in which they were planned.
    pub fn children(&self, id: &str) -> Stored<Vec<Task>> {
        let sql =
            "SELECT body FROM tasks JOIN bodies USING (number) WHERE parent = ? ORDER BY number";
        self.tasks(sql, &[&id])
    }

    /// The tasks that were planned in a session.
    pub fn of_session(&self, session: &str) -> Stored<Vec<Task>> {
        let sql =
            "SELECT body FROM tasks JOIN bodies USING (number) WHERE session = ? ORDER BY number";
        self.tasks(sql, &[&session])
    }

    /// The tasks that have not ended.
    pub fn unfinished(&self) -> Stored<Vec<Task>> {
        let sql = "SELECT body FROM tasks JOIN bodies USING (number) WHERE status IN ('pending', 'in_progress', 'blocked')
            ORDER BY number";
        self.tasks(sql, &[])
    }

    /// Whether any task has left an artifact.
    pub fn has_artifact(&self, id: &str) -> Stored<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM bodies, json_each(body, '$.artifacts') AS artifact
            WHERE artifact.value ->> 'id' = ?)";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row([id], |row| row.get(0))?)
    }

    /// Notes that a task waits for another, or is related to it.
    pub fn depend(&self, task: &str, needs: &str, of: DependencyType) -> Stored<()> {
        let sql = "INSERT OR REPLACE INTO dependencies VALUES (?, ?, ?)";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.execute([task, needs, of.as_str()])?;
        Ok(())
    }

    /// What a task depends on.
    pub fn dependencies(&self, id: &str) -> Stored<Vec<Dependency>> {
        let sql = "SELECT needs, dependencies.type, body FROM dependencies
            LEFT JOIN tasks ON id = needs LEFT JOIN bodies USING (number)
            WHERE task = ? ORDER BY number";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([id])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let dependency_type = named(row, 1)?;
            let task = match row.get_ref(2)?.as_str_or_null().map_err(unreadable)? {
                Some(body) => Some(read(body)?),
                None => None,
            };
            found.push(Dependency {
                task_id: row.get::<_, String>(0)?.into(),
                dependency_type,
                status: match (dependency_type, task) {
                    (DependencyType::Related, _) => DependencyStatus::Waived,
                    (_, Some(task)) if task.is_completed() => DependencyStatus::Satisfied,
                    (_, Some(task)) if !task.status.is_end() => DependencyStatus::Pending,
                    _ => DependencyStatus::Failed,
                },
            });
        }
        Ok(found)
    }

    /// The tasks that wait for another, and have not ended.
    pub fn dependents(&self, id: &str) -> Stored<Vec<Task>> {
        let sql = "SELECT body FROM tasks JOIN bodies USING (number) JOIN dependencies ON id = task
            WHERE needs = ? AND dependencies.type <> 'related' ORDER BY number";
        let mut found = self.tasks(sql, &[&id])?;
        found.retain(|task| !task.status.is_end());
        Ok(found)
    }

    /// The shortest way from a task to another along what they wait for.
    pub fn way(&self, from: &str, to: &str) -> Stored<Option<Vec<String>>> {
        let sql =
            "SELECT needs FROM dependencies WHERE task = ? AND type <> 'related' ORDER BY needs";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut ways = std::collections::VecDeque::from([vec![from.to_owned()]]);
        let mut seen = std::collections::BTreeSet::new();
        while let Some(way) = ways.pop_front() {
            let last = way.last().map(String::as_str).unwrap_or_default();
            if last == to {
                return Ok(Some(way));
            }
            let needs = statement.query_map([last], |row| row.get::<_, String>(0))?;
            for next in needs.collect::<Result<Vec<_>, _>>()? {
                if seen.insert(next.clone()) {
                    ways.push_back([way.clone(), vec![next]].concat());
                }
            }
        }
        Ok(None)
    }

    /// Reads the tasks that a query selects.
    pub(super) fn tasks(&self, sql: &str, wanted: &[&dyn rusqlite::ToSql]) -> Stored<Vec<Task>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(wanted)?;
        let mut tasks = Vec::new();
        while let Some(row) = rows.next()? {
            tasks.push(read(row.get_ref(0)?.as_str().map_err(unreadable)?)?);
        }
        Ok(tasks)
    }
}

fn words(task: &Task) -> String {
    format!("{}\n{}", task.title, task.description).to_lowercase()
}

fn body(task: &Task) -> rusqlite::Result<ToSqlOutput<'static>> {
    let body = serde_json::to_string(task);
    let body = body.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    Ok(ToSqlOutput::Owned(body.into()))
}

fn read(body: &str) -> rusqlite::Result<Task> {
    serde_json::from_str(body).map_err(unreadable)
}

fn named(row: &Row<'_>, column: usize) -> rusqlite::Result<DependencyType> {
    let name: Arc<str> = row.get(column)?;
    serde_json::from_value((&*name).into()).map_err(unreadable)
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
}

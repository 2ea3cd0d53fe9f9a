use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use rusqlite::{Connection, OptionalExtension as _};

use super::corrupt;
use crate::orchestration::{JournalError, Workflow};

/// The workflows that runs are of: each definition is one row, however many runs it has.
#[derive(Default)]
pub(super) struct Definitions {
    /// The rows of those in use, by address. A weak reference keeps an address from being used again,
    /// and the definition behind it from being changed in place.
    rows: HashMap<usize, (Weak<Workflow>, i64)>,
    read: HashMap<i64, Weak<Workflow>>,
    /// How many may be remembered before those no longer in use are forgotten.
    room: usize,
}

impl Definitions {
    /// The row of a workflow, which is written if it is not there.
    pub fn row_of(
        &self,
        connection: &Connection,
        run: &str,
        workflow: &Arc<Workflow>,
    ) -> Result<i64, JournalError> {
        let address = Arc::as_ptr(workflow).addr();
        if let Some((_, row)) = self.rows.get(&address) {
            return Ok(*row);
        }
        let definition =
            serde_json::to_string(&**workflow).map_err(|error| corrupt(run, &error))?;
        let row = connection
            .prepare_cached("SELECT id FROM workflows WHERE definition = ?")?
            .query_row([&definition], |row| row.get(0))
            .optional()?;
        let row = match row {
            Some(row) => row,
            None => connection
                .prepare_cached("INSERT INTO workflows (definition) VALUES (?)")?
                .insert([&definition])?,
        };
        Ok(row)
    }

    /// Remembers the row of a workflow, once it is committed.
    pub fn remember(&mut self, workflow: &Arc<Workflow>, row: i64) {
        if self.rows.len() >= self.room {
            self.rows
                .retain(|_, (workflow, _)| workflow.strong_count() > 0);
            self.read.retain(|_, workflow| workflow.strong_count() > 0);
            self.room = 2 * self.rows.len() + 16;
        }
        let address = Arc::as_ptr(workflow).addr();
        self.rows
            .entry(address)
            .or_insert_with(|| (Arc::downgrade(workflow), row));
    }

    /// The workflow of a row, the same for all that read it.
    pub fn read(
        &mut self,
        connection: &Connection,
        run: &str,
        row: i64,
    ) -> Result<Arc<Workflow>, JournalError> {
        if let Some(workflow) = self.read.get(&row).and_then(Weak::upgrade) {
            return Ok(workflow);
        }
        let mut statement =
            connection.prepare_cached("SELECT definition FROM workflows WHERE id = ?")?;
        let mut rows = statement.query([row])?;
        let Some(found) = rows.next()? else {
            return Err(JournalError::Corrupt {
                run: run.to_owned(),
                why: format!("the definition of its workflow, {row}, is missing"),
            });
        };
        let text = found.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        let workflow: Arc<Workflow> =
            serde_json::from_str(text).map_err(|error| corrupt(run, &error))?;
        self.remember(&workflow, row);
        self.read.insert(row, Arc::downgrade(&workflow));
        Ok(workflow)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn definitions_that_nobody_uses_are_forgotten() {
        let workflow: Workflow = serde_json::from_value(json!({"id": "w", "steps": []})).unwrap();
        let kept = Arc::new(workflow.clone());
        let mut definitions = Definitions::default();
        definitions.remember(&kept, 0);
        for row in 1..1_000 {
            definitions.remember(&Arc::new(workflow.clone()), row);
        }
        assert!(definitions.rows.len() < 100);
        assert!(definitions.rows.values().any(|(_, row)| *row == 0));
    }
}

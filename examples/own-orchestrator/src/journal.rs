use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

use serde::{Deserialize, Serialize};

/// Where an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// So many steps are done.
    Doing(usize),
    /// So many steps are still to be undone.
    Undoing(usize),
    Completed,
    Undone,
}

/// A file with a line of JSON for each change.
pub struct Journal {
    file: File,
    states: BTreeMap<String, State>,
}

#[derive(Serialize, Deserialize)]
struct Record {
    order: String,
    state: State,
}

impl Journal {
    /// Opens a journal, which is created if there is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        let mut states = BTreeMap::new();
        for line in fs::read_to_string(path)?.lines() {
            let Record { order, state } = serde_json::from_str(line)?;
            states.insert(order, state);
        }
        Ok(Self { file, states })
    }

    /// Where an order is, if it is known.
    pub fn state(&self, order: &str) -> Option<State> {
        self.states.get(order).copied()
    }

    /// The orders that are not at their end.
    pub fn unfinished(&self) -> Vec<String> {
        let states = self.states.iter();
        states
            .filter(|(_, state)| !matches!(state, State::Completed | State::Undone))
            .map(|(order, _)| order.clone())
            .collect()
    }

    /// Writes down where an order is.
    pub fn write(&mut self, order: &str, state: State) -> io::Result<()> {
        let order = order.to_owned();
        let record = Record { order, state };
        let line = serde_json::to_string(&record)? + "\n";
        self.file.write_all(line.as_bytes())?;
        self.states.insert(record.order, state);
        Ok(())
    }
}

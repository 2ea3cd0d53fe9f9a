use crate::database::FileKind;

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

/// The file of a journal.
pub(super) const JOURNAL: FileKind = FileKind {
    name: "journal",
    // `rehe` in ASCII.
    application: 0x7265_6865,
    version: 1,
    tables: TABLES,
};

//! Cases that write to files, measured beside raw one-row commits.

use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use rusqlite::Connection;

use crate::median::median;

/// The minimum share of the rate of one-row commits.
const AT_LEAST: f64 = 0.5;

/// A case's name, and a function that runs it in a folder and returns whether it was within its limits.
pub type Case = (&'static str, fn(&Path) -> bool);

/// Runs the cases that the arguments name, or all; fails if one is outside its limits.
pub fn run(cases: &[Case]) -> ExitCode {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let folder = tempfile::tempdir().expect("a directory can be made");
    let mut all_within = true;
    for (name, case) in cases {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            all_within &= case(folder.path());
        }
    }
    ExitCode::from(u8::from(!all_within))
}

/// Something that writes to a file, measured beside one-row commits of as many rows.
pub struct Beside<'a> {
    /// The case.
    pub name: &'a str,
    /// What it writes, in the plural.
    pub things: &'a str,
    /// How many of them it writes in a round.
    pub count: u64,
    /// The row that a raw commit writes for each.
    pub row: &'a str,
}

impl Beside<'_> {
    /// Measures rounds: `round` takes the number of a round and returns its duration. Returns whether the
    /// rate is within the limit.
    ///
    /// Both sides alternate, so that other load on the machine affects both.
    pub fn measure(&self, folder: &Path, mut round: impl FnMut(u64) -> Duration) -> bool {
        const ROUNDS: u64 = 25;
        let raw = raw_database(&folder.join("raw.db"));
        let mut rates = (Vec::new(), Vec::new());
        let mut ratios = Vec::new();
        let rate = |took: Duration| self.count as f64 / took.as_secs_f64();
        for number in 0..ROUNDS {
            let (disk, things) = if number % 2 == 0 {
                let disk = self.commit_rows(&raw);
                (disk, round(number))
            } else {
                let things = round(number);
                (self.commit_rows(&raw), things)
            };
            rates.0.push(rate(disk));
            rates.1.push(rate(things));
            ratios.push(disk.as_secs_f64() / things.as_secs_f64());
        }
        let ratio = median(ratios, f64::total_cmp);
        println!(
            "{}: {:.0} {}/s, {:.0} raw one-row commits/s, ratio {ratio:.3} (at least {AT_LEAST})",
            self.name,
            median(rates.1, f64::total_cmp),
            self.things,
            median(rates.0, f64::total_cmp),
        );
        ratio >= AT_LEAST
    }

    fn commit_rows(&self, raw: &Connection) -> Duration {
        let began = Instant::now();
        for _ in 0..self.count {
            raw.prepare_cached("INSERT INTO rows (content) VALUES (?)")
                .and_then(|mut insert| insert.execute([self.row]))
                .expect("a row is inserted");
        }
        began.elapsed()
    }
}

fn raw_database(file: &Path) -> Connection {
    let raw = Connection::open(file).expect("a database opens");
    raw.execute_batch(
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
         CREATE TABLE rows (id INTEGER PRIMARY KEY, content TEXT NOT NULL) STRICT;",
    )
    .expect("a table can be made");
    raw
}

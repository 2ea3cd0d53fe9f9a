//! Comparison of a Gherkin table with the rows found.

mod difference;
mod order;

use serde_json::{Map, Value};

pub use self::{difference::compare_rows, order::rows_in_order};
use super::{
    compare::{Cell, cell_text},
    table::{piped, shortened},
};
use crate::domain::did_you_mean;

/// Maximum number of characters of a cell shown.
const CELL_SHOWN: usize = 200;

fn read(rows: &[Vec<String>]) -> Vec<Vec<Cell>> {
    rows.iter()
        .map(|row| row.iter().map(|cell| Cell::new(cell)).collect())
        .collect()
}

/// Columns whose cell does not match.
fn differing<'a>(
    header: &'a [String],
    cells: &'a [Cell],
    row: &'a Map<String, Value>,
) -> impl Iterator<Item = &'a str> {
    header
        .iter()
        .zip(cells)
        .filter(|(column, cell)| !cell.matches(row.get(*column).unwrap_or(&Value::Null)))
        .map(|(column, _)| column.as_str())
}

fn texts(header: &[String], row: &Map<String, Value>) -> Vec<String> {
    header
        .iter()
        .map(|column| row.get(column).map(cell_text).unwrap_or_default())
        .collect()
}

fn push_unknown_columns(message: &mut String, header: &[String], found: &[Map<String, Value>]) {
    for column in header {
        if found.is_empty() || found.iter().any(|row| row.contains_key(column)) {
            continue;
        }
        let mut known: Vec<&str> = Vec::new();
        for name in found.iter().flat_map(Map::keys) {
            if !known.contains(&name.as_str()) {
                known.push(name);
            }
        }
        message.push_str(&format!(
            "\nno row found has a {column:?}, {}",
            did_you_mean(column, known)
        ));
    }
}

/// Rows, each with a mark before it and a note after it.
struct Shown {
    mark_width: usize,
    marks: Vec<String>,
    rows: Vec<Vec<String>>,
    notes: Vec<String>,
}

impl Shown {
    /// With room for marks up to `numbered`.
    fn new(header: &[String], numbered: usize) -> Self {
        let mut shown = Self {
            mark_width: numbered.to_string().len(),
            marks: Vec::new(),
            rows: Vec::new(),
            notes: Vec::new(),
        };
        shown.row("", header, "");
        shown
    }

    fn row(&mut self, mark: &str, cells: &[String], note: &str) {
        self.marks.push(mark.to_owned());
        self.rows.push(
            cells
                .iter()
                .map(|cell| shortened(cell, CELL_SHOWN))
                .collect(),
        );
        self.notes.push(note.to_owned());
    }

    fn gap(&mut self) {
        self.row("", &["…".to_owned()], "");
    }

    fn render(&self) -> String {
        let lines: Vec<String> = piped(&self.rows)
            .iter()
            .zip(self.marks.iter().zip(&self.notes))
            .map(|(row, (mark, note))| {
                format!("{mark:<width$} {row}  {note}", width = self.mark_width)
                    .trim_end()
                    .to_owned()
            })
            .collect();
        lines.join("\n")
    }
}

#[cfg(test)]
mod example {
    use super::*;

    pub fn header(columns: &str) -> Vec<String> {
        columns.split(' ').map(str::to_owned).collect()
    }

    pub fn cells(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter()
            .map(|row| row.iter().map(|cell| (*cell).to_owned()).collect())
            .collect()
    }

    pub fn found(rows: Value) -> Vec<Map<String, Value>> {
        serde_json::from_value(rows).unwrap()
    }

    pub fn calls() -> Vec<Map<String, Value>> {
        found(serde_json::json!([
            {"at": "0s", "call": "Stock.hold", "execution": 1, "result": "ok"},
            {"at": "50ms", "call": "Card.charge", "execution": 1, "result": "TIMEOUT"},
            {"at": "1s 250ms", "call": "Card.charge", "execution": 2, "result": "ok"},
        ]))
    }
}

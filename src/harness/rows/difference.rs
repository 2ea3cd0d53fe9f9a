use serde_json::{Map, Value};

use super::{Shown, differing, push_unknown_columns, read, texts};
use crate::harness::{
    compare::Cell,
    difference::{COMPARED, DiffLine, changes},
};

/// Compares a table with the rows found, row by row, in the columns of the header.
///
/// A missing value is null, and matches an empty cell.
///
/// # Errors
///
/// Expected rows are shown with `-`, found ones with `+`; for a found row in the place of an expected
/// one, the columns that differ are named.
pub fn compare_rows(
    header: &[String],
    expected: &[Vec<String>],
    found: &[Map<String, Value>],
) -> Result<(), String> {
    let cells = read(expected);
    let matches = expected.len() == found.len()
        && cells
            .iter()
            .zip(found)
            .all(|(cells, row)| differing(header, cells, row).next().is_none());
    if matches {
        return Ok(());
    }

    let (expected_ids, found_ids) = ids(header, &cells, found);
    let list = changes(&expected_ids, &found_ids);
    let mut shown = Shown::new(header, 1);
    let mut index = 0;
    while index < list.len() {
        let run = |from: usize, of: fn(&DiffLine) -> bool| {
            list[from..].iter().take_while(|change| of(change)).count()
        };
        let missing = run(index, |change| matches!(change, DiffLine::Missing { .. }));
        let added = run(index + missing, |change| {
            matches!(change, DiffLine::Added { .. })
        });
        for pair in 0..missing.max(added) {
            let expected_row = list[index..index + missing].get(pair);
            let found_row = list[index + missing..index + missing + added].get(pair);
            let mut other = None;
            if let Some(DiffLine::Missing { expected: row }) = expected_row {
                let note = if found_row.is_none() { "missing" } else { "" };
                shown.row("-", &expected[*row], note);
                other = Some(row);
            }
            if let Some(DiffLine::Added { found: row }) = found_row {
                let row = &found[*row];
                let note = match other {
                    Some(other) => differs_in(header, &cells[*other], row),
                    None => "not expected".to_owned(),
                };
                shown.row("+", &texts(header, row), &note);
            }
        }
        index += missing + added;
        match list.get(index) {
            Some(DiffLine::Same { expected: row }) => {
                shown.row(" ", &expected[*row], "");
                index += 1;
            }
            Some(DiffLine::Gap) => {
                shown.gap();
                index += 1;
            }
            _ => {}
        }
    }
    let (wanted, had) = (expected.len(), found.len());
    let mut message = format!(
        "{wanted} rows expected (-), {had} found (+):\n{}",
        shown.render()
    );
    push_unknown_columns(&mut message, header, found);
    Err(message)
}

fn differs_in(header: &[String], cells: &[Cell], row: &Map<String, Value>) -> String {
    let columns: Vec<&str> = differing(header, cells, row).collect();
    match columns.is_empty() {
        true => String::new(),
        false => format!("differs in {}", columns.join(", ")),
    }
}

/// An id for each compared row, the same for rows that match.
fn ids(
    header: &[String],
    expected: &[Vec<Cell>],
    found: &[Map<String, Value>],
) -> (Vec<usize>, Vec<usize>) {
    let matches = |cells: &[Cell], row| differing(header, cells, row).next().is_none();
    let start = expected
        .iter()
        .zip(found)
        .take_while(|(cells, row)| matches(cells, row))
        .count();
    let end = expected.len().min(start + COMPARED);

    let mut expected_ids: Vec<usize> = (0..expected.len()).collect();
    for index in start..end {
        let equal = |other: &usize| {
            let pairs = expected[*other].iter().zip(&expected[index]);
            pairs.into_iter().all(|(one, other)| one.equals(other))
        };
        expected_ids[index] = (start..index).find(equal).unwrap_or(index);
    }
    let mut found_ids: Vec<usize> = (0..found.len())
        .map(|index| {
            if index < start {
                index
            } else {
                expected.len() + index
            }
        })
        .collect();
    for index in start..found.len().min(start + COMPARED) {
        // Most rows are where they are expected.
        let own = Some(index).filter(|index| *index < end);
        let other = own
            .into_iter()
            .chain(start..end)
            .find(|other| matches(&expected[*other], &found[index]));
        if let Some(other) = other {
            found_ids[index] = expected_ids[other];
        }
    }
    (expected_ids, found_ids)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::example::{calls, cells, found, header},
        *,
    };

    #[test]
    fn rows_that_match_one_by_one_have_no_difference() {
        let expected = cells(&[
            &["0 ms", "Stock.hold", "1", ""],
            &["50 ms", "Card.charge", "1.0", ""],
            &["1.25 s", "Card.charge", "2", ""],
        ]);
        assert_eq!(
            compare_rows(&header("at call execution fallback"), &expected, &calls()),
            Ok(())
        );
    }

    #[test]
    fn difference_shows_missing_rows_unexpected_rows_and_differing_columns() {
        let expected = cells(&[
            &["0 ms", "Stock.hold", "ok"],
            &["60 ms", "Card.charge", "ok"],
            &["1.25 s", "Card.charge", "ok"],
            &["2 s", "Mail.send", "ok"],
        ]);
        assert_eq!(
            compare_rows(&header("at call result"), &expected, &calls()).unwrap_err(),
            "\
4 rows expected (-), 3 found (+):
  | at     | call        | result  |
  | 0 ms   | Stock.hold  | ok      |
- | 60 ms  | Card.charge | ok      |
+ | 50ms   | Card.charge | TIMEOUT |  differs in at, result
  | 1.25 s | Card.charge | ok      |
- | 2 s    | Mail.send   | ok      |  missing"
        );
        assert_eq!(
            compare_rows(
                &header("call"),
                &cells(&[&["Card.charge"], &["Card.charge"]]),
                &calls()
            )
            .unwrap_err(),
            "\
2 rows expected (-), 3 found (+):
  | call        |
+ | Stock.hold  |  not expected
  | Card.charge |
  | Card.charge |"
        );
    }

    #[test]
    fn rows_align_by_value_not_by_text() {
        assert_eq!(
            compare_rows(
                &header("n"),
                &cells(&[&["x"], &["1"], &["1.0"]]),
                &found(json!([{"n": 1}, {"n": 1.0}]))
            )
            .unwrap_err(),
            "\
3 rows expected (-), 2 found (+):
  | n   |
- | x   |  missing
  | 1   |
  | 1.0 |"
        );
    }

    #[test]
    fn column_without_any_value_is_reported() {
        let message = compare_rows(
            &header("call resutl"),
            &cells(&[&["Stock.hold", "ok"]]),
            &calls(),
        )
        .unwrap_err();
        assert!(
            message.ends_with("no row found has a \"resutl\", did you mean \"result\"?"),
            "{message}"
        );
    }

    #[test]
    fn difference_of_long_tables_is_cut() {
        let rows: Vec<Value> = (0..5_000).map(|n| json!({"n": n})).collect();
        let expected: Vec<Vec<String>> = (0..5_000)
            .map(|n| vec![if n == 4_000 { -1 } else { n }.to_string()])
            .collect();
        assert_eq!(
            compare_rows(&header("n"), &expected, &found(rows.into())).unwrap_err(),
            "\
5000 rows expected (-), 5000 found (+):
  | n    |
  | …    |
  | 3997 |
  | 3998 |
  | 3999 |
- | -1   |
+ | 4000 |  differs in n
  | 4001 |
  | 4002 |
  | 4003 |
  | …    |"
        );
    }
}

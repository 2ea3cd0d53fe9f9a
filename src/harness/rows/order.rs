use serde_json::{Map, Value};

use super::{Shown, push_unknown_columns, read, texts};
use crate::harness::compare::Cell;

/// Candidates shown for a row that matches none.
const CANDIDATES: usize = 3;

/// Checks that each expected row matches a later found row than the one before it; others may lie
/// between.
///
/// Only cells that are not empty count.
///
/// # Errors
///
/// The message names the first row that matches none, says whether an equal row came earlier, and
/// shows the nearest candidates.
pub fn rows_in_order(
    header: &[String],
    expected: &[Vec<String>],
    found: &[Map<String, Value>],
) -> Result<(), String> {
    let mut next = 0;
    for (index, cells) in read(expected).iter().enumerate() {
        let matches = |row: &Map<String, Value>| named_differing(header, cells, row).is_empty();
        match found[next..].iter().position(matches) {
            Some(position) => next += position + 1,
            None => {
                let earlier = found[..next].iter().position(matches);
                return Err(unmatched(
                    header, expected, index, cells, found, next, earlier,
                ));
            }
        }
    }
    Ok(())
}

fn unmatched(
    header: &[String],
    expected: &[Vec<String>],
    index: usize,
    cells: &[Cell],
    found: &[Map<String, Value>],
    next: usize,
    earlier: Option<usize>,
) -> String {
    let place = match (found.len(), next) {
        (0, _) => "no row, as none was found".to_owned(),
        (all, 0) => format!("none of the {all} rows found"),
        (all, next) => format!("none of the rows found after the first {next} of {all}"),
    };
    let earlier = match earlier {
        Some(row) => format!("; row {} found equals it, but came too early", row + 1),
        None => String::new(),
    };
    let mut message = format!(
        "row {} of {} matches {place}{earlier}:\n",
        index + 1,
        expected.len(),
    );

    let named = cells.iter().filter(|cell| !cell.is_empty()).count();
    let mut candidates: Vec<(usize, Vec<&str>)> = (next..found.len())
        .map(|row| (row, named_differing(header, cells, &found[row])))
        .filter(|(_, differing)| differing.len() < named)
        .collect();
    candidates.sort_by_key(|(row, differing)| (differing.len(), *row));
    candidates.truncate(CANDIDATES);

    let mut shown = Shown::new(header, found.len());
    shown.row("-", &expected[index], "expected");
    for (row, differing) in &candidates {
        shown.row(
            &(row + 1).to_string(),
            &texts(header, &found[*row]),
            &format!("differs in {}", differing.join(", ")),
        );
    }
    message.push_str(&shown.render());
    push_unknown_columns(&mut message, header, found);
    message
}

/// Columns whose cell is not empty and does not match.
fn named_differing<'a>(
    header: &'a [String],
    cells: &'a [Cell],
    row: &'a Map<String, Value>,
) -> Vec<&'a str> {
    header
        .iter()
        .zip(cells)
        .filter(|(column, cell)| {
            !cell.is_empty() && !cell.matches(row.get(*column).unwrap_or(&Value::Null))
        })
        .map(|(column, _)| column.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::example::{calls, cells, header},
        *,
    };

    #[test]
    fn rows_in_order_may_have_others_between_them() {
        assert_eq!(
            rows_in_order(
                &header("call result"),
                &cells(&[&["Stock.hold", ""], &["", "ok"]]),
                &calls()
            ),
            Ok(())
        );
        assert_eq!(rows_in_order(&header("call"), &[], &[]), Ok(()));
    }

    #[test]
    fn row_out_of_order_is_reported_with_its_earlier_match() {
        assert_eq!(
            rows_in_order(
                &header("call result"),
                &cells(&[&["Card.charge", "TIMEOUT"], &["Stock.hold", "ok"]]),
                &calls()
            )
            .unwrap_err(),
            "\
row 2 of 2 matches none of the rows found after the first 2 of 3; row 1 found equals it, but came too early:
  | call        | result |
- | Stock.hold  | ok     |  expected
3 | Card.charge | ok     |  differs in call"
        );
    }

    #[test]
    fn missing_row_is_shown_beside_the_nearest() {
        assert_eq!(
            rows_in_order(
                &header("call execution result"),
                &cells(&[&["Card.charge", "2", "TIMEOUT"]]),
                &calls()
            )
            .unwrap_err(),
            "\
row 1 of 1 matches none of the 3 rows found:
  | call        | execution | result  |
- | Card.charge | 2         | TIMEOUT |  expected
2 | Card.charge | 1         | TIMEOUT |  differs in execution
3 | Card.charge | 2         | ok      |  differs in result"
        );
    }
}

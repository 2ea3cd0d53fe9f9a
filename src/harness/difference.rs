//! The difference of two texts, line by line.

use std::hash::Hash;

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

/// Equal lines shown around a difference.
const CONTEXT: usize = 3;

/// Maximum number of lines of each text that are compared, from the first difference on: comparison
/// takes quadratic time.
pub(super) const COMPARED: usize = 1_000;

/// Maximum number of lines shown.
const SHOWN: usize = 100;

/// Compares two texts line by line.
///
/// The kind of line ending is ignored.
///
/// # Errors
///
/// The lines that differ, `- ` before expected and `+ ` before found ones, with some equal lines
/// around them and `  …` where lines are omitted.
pub fn compare_lines(expected: &str, found: &str) -> Result<(), String> {
    let expected: Vec<&str> = expected.lines().collect();
    let found: Vec<&str> = found.lines().collect();
    if expected == found {
        return Ok(());
    }
    let lines: Vec<String> = changes(&expected, &found)
        .into_iter()
        .map(|change| match change {
            DiffLine::Gap => "  …".to_owned(),
            DiffLine::Same { expected: line } => {
                format!("  {}", expected[line]).trim_end().to_owned()
            }
            DiffLine::Missing { expected: line } => format!("- {}", expected[line]),
            DiffLine::Added { found: line } => format!("+ {}", found[line]),
        })
        .collect();
    Err(lines.join("\n"))
}

/// One line, or row, of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DiffLine {
    /// Some lines are left out here.
    Gap,
    /// In both.
    Same {
        /// Its index.
        expected: usize,
    },
    /// Only expected.
    Missing {
        /// Its index.
        expected: usize,
    },
    /// Only found.
    Added {
        /// Its index.
        found: usize,
    },
}

/// The difference of two lists, from top to bottom, cut to what is worth showing.
pub(super) fn changes<T: Eq + Hash + Ord>(expected: &[T], found: &[T]) -> Vec<DiffLine> {
    let equal = expected
        .iter()
        .zip(found)
        .take_while(|(expected, found)| expected == found)
        .count();
    let start = equal.saturating_sub(CONTEXT);
    let window = |all: usize| start..all.min(start + COMPARED);
    let (old, new) = (window(expected.len()), window(found.len()));
    let cut = old.end < expected.len() || new.end < found.len();

    let mut ops = capture_diff_slices(
        Algorithm::Myers,
        &expected[old.clone()],
        &found[new.clone()],
    );
    // A difference at the end of the window comes from the cut, not from the lists.
    while cut && ops.len() > 2 && !matches!(ops.last(), Some(DiffOp::Equal { .. })) {
        ops.pop();
    }

    let mut list = Vec::new();
    let mut next = 0;
    for op in group_diff_ops(ops, CONTEXT).into_iter().flatten() {
        let (old, new) = (op.old_range(), op.new_range());
        let left_out = old.start + start > next;
        if left_out {
            list.push(DiffLine::Gap);
        }
        next = start + old.end;
        if let DiffOp::Equal { .. } = op {
            list.extend(old.map(|line| DiffLine::Same {
                expected: start + line,
            }));
        } else {
            list.extend(old.map(|line| DiffLine::Missing {
                expected: start + line,
            }));
            list.extend(new.map(|line| DiffLine::Added {
                found: start + line,
            }));
        }
    }
    let shown = list.len().min(SHOWN);
    if cut || next < expected.len() || shown < list.len() {
        list.truncate(shown);
        list.push(DiffLine::Gap);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_no_difference_whatever_ends_their_lines() {
        assert_eq!(compare_lines("a\nb\n", "a\r\nb"), Ok(()));
    }

    #[test]
    fn difference_shows_equal_lines_around_it_and_gaps() {
        let expected = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";
        let found = "1\n2\n3\n4\n5\nsix\n7\n8\n9\n10\n11\n12\n13\n";
        assert_eq!(
            compare_lines(expected, found).unwrap_err(),
            "  …\n  3\n  4\n  5\n- 6\n+ six\n  7\n  8\n  9\n  10\n  11\n  12\n+ 13"
        );
    }

    #[test]
    fn equal_end_of_a_text_is_left_out() {
        assert_eq!(
            compare_lines("a\n1\n2\n3\n4\n", "b\n1\n2\n3\n4\n").unwrap_err(),
            "- a\n+ b\n  1\n  2\n  3\n  …"
        );
    }

    #[test]
    fn difference_of_huge_texts_is_cut() {
        let lines =
            |mark: &str| -> String { (0..50_000).map(|n| format!("{mark}{n}\n")).collect() };
        let shown = compare_lines(&lines("a"), &lines("b")).unwrap_err();
        assert_eq!(shown.lines().count(), SHOWN + 1);
        assert!(shown.ends_with("  …"));

        let one_more = format!("new\n{}", lines("a"));
        assert_eq!(
            compare_lines(&lines("a"), &one_more).unwrap_err(),
            "+ new\n  a0\n  a1\n  a2\n  …"
        );
    }
}

//! Text tables with aligned columns.

use unicode_width::UnicodeWidthStr as _;

/// Rows as lines of columns two spaces apart, each line ended, without trailing blanks.
pub fn aligned<C: AsRef<str>>(rows: &[Vec<C>]) -> String {
    let widths = widths(rows.iter().map(Vec::as_slice), |cell| cell.width());
    let mut text = String::new();
    for row in rows {
        let start = text.len();
        for (index, cell) in row.iter().enumerate() {
            let cell = cell.as_ref();
            text.push_str(cell);
            pad(&mut text, widths[index] + 2 - cell.width());
        }
        let end = text[start..].trim_end_matches(' ').len();
        text.truncate(start + end);
        text.push('\n');
    }
    text
}

/// Rows as a feature file writes them, `| a | b |`, one line each.
///
/// Characters that a table cannot hold are escaped as in Gherkin: `\n`, `\|` and `\\`.
pub fn piped<C: AsRef<str>>(rows: &[Vec<C>]) -> Vec<String> {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| escape(cell.as_ref())).collect())
        .collect();
    let widths = widths(rows.iter().map(Vec::as_slice), |cell| cell.width());
    rows.iter()
        .map(|row| {
            let mut line = String::from("|");
            for (index, width) in widths.iter().enumerate() {
                let cell = row.get(index).map_or("", String::as_str);
                line.push(' ');
                line.push_str(cell);
                pad(&mut line, width - cell.width());
                line.push_str(" |");
            }
            line
        })
        .collect()
}

/// The text cut to `most` characters, the last of them `…` where it was longer.
pub fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text
            .chars()
            .take(most.saturating_sub(1))
            .chain(['…'])
            .collect(),
    }
}

fn widths<'a, C: AsRef<str> + 'a>(
    rows: impl Iterator<Item = &'a [C]>,
    width: impl Fn(&str) -> usize,
) -> Vec<usize> {
    let mut widths = Vec::new();
    for row in rows {
        if widths.len() < row.len() {
            widths.resize(row.len(), 0);
        }
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(width(cell.as_ref()));
        }
    }
    widths
}

fn pad(text: &mut String, blanks: usize) {
    text.extend(std::iter::repeat_n(' ', blanks));
}

fn escape(cell: &str) -> String {
    cell.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_on_screen() {
        let rows = [vec!["a", "二人", "x"], vec!["long", "b", ""], vec!["c"]];
        assert_eq!(aligned(&rows), "a     二人  x\nlong  b\nc\n");
        assert_eq!(
            piped(&rows),
            [
                "| a    | 二人 | x |",
                "| long | b    |   |",
                "| c    |      |   |"
            ]
        );
    }

    #[test]
    fn piped_cells_escape_line_ends_pipes_and_backslashes() {
        assert_eq!(piped(&[vec!["a|b\nc\\"]]), [r"| a\|b\nc\\ |"]);
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöüß", 3), "äö…");
    }
}

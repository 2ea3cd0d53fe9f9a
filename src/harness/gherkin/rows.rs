/// The cells of a row that begins with `|`; `None` if there is text after its last `|`, or only one.
pub(super) fn cells(row: &str) -> Option<Vec<String>> {
    let bytes = row.as_bytes();
    let mut cells = Vec::new();
    let mut start = 1;
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'|' => {
                cells.push(cell(&row[start..at]));
                at += 1;
                start = at;
            }
            _ => at += 1,
        }
    }
    (!cells.is_empty() && row[start..].trim().is_empty()).then_some(cells)
}

fn cell(raw: &str) -> String {
    let raw = trimmed(raw);
    if !raw.contains('\\') {
        return raw.to_owned();
    }
    let mut cell = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            cell.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => cell.push('\n'),
            Some(escaped @ ('|' | '\\')) => cell.push(escaped),
            other => {
                cell.push('\\');
                cell.extend(other);
            }
        }
    }
    cell
}

/// A trimmed cell. Spaces are trimmed by bytes: `str::trim_matches`, which decodes every character, is
/// slow in unoptimised builds.
fn trimmed(raw: &str) -> &str {
    let bytes = raw.as_bytes();
    let (mut start, mut end) = (0, bytes.len());
    while start < end && bytes[start] == b' ' {
        start += 1;
    }
    while start < end && bytes[end - 1] == b' ' {
        end -= 1;
    }
    let raw = &raw[start..end];
    match (bytes.get(start), raw.as_bytes().last()) {
        (Some(b'!'..=b'~'), Some(b'!'..=b'~')) => raw,
        _ => raw.trim_matches(is_trimmed),
    }
}

/// The official parser trims only these.
fn is_trimmed(c: char) -> bool {
    matches!(
        c,
        ' ' | '\t' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{a0}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_trimmed_and_unescaped() {
        for (row, expected) in [
            ("| a | b  c |  ", &["a", "b  c"][..]),
            ("||\u{a0}é|", &["", "é"]),
            (r"| \| | \n | \\ | \o | \", &["|", "\n", r"\", r"\o"]),
            (r"| a \\| b \|| c \é |", &[r"a \", "b |", r"c \é"]),
        ] {
            let row = row.strip_suffix(" \\").unwrap_or(row);
            assert_eq!(cells(row).unwrap(), expected, "{row}");
        }
    }

    #[test]
    fn row_without_its_last_pipe_is_refused() {
        for row in ["|", "| a", "| a | b", r"| a \|", r"| a | \"] {
            assert_eq!(cells(row), None, "{row}");
        }
    }
}

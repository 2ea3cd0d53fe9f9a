/// A line of a feature file.
#[derive(Clone, Copy, Debug)]
pub(super) struct SourceLine<'a> {
    /// Counted from 1.
    pub number: usize,
    /// The byte it starts at.
    pub start: usize,
    /// The line without its line ending.
    pub raw: &'a str,
    /// Without indentation.
    pub text: &'a str,
}

impl<'a> SourceLine<'a> {
    /// The byte its text starts at, after the indentation.
    pub fn text_start(&self) -> usize {
        self.start + self.raw.len() - self.text.len()
    }

    /// How many characters it is indented by.
    pub fn indent(&self) -> usize {
        let indent = self.raw.len() - self.text.len();
        self.raw[..indent].chars().count()
    }

    /// The line without the first `indent` characters of its indentation, or as many as it has.
    pub fn unindented(&self, indent: usize) -> &'a str {
        match self.raw.char_indices().nth(indent) {
            Some((at, _)) if self.raw.len() - at > self.text.len() => &self.raw[at..],
            _ => self.text,
        }
    }
}

/// The lines of a text, whether they end in `\n` or in `\r\n`.
#[derive(Clone, Debug)]
pub(super) struct SourceLines<'a> {
    rest: &'a str,
    start: usize,
    number: usize,
}

impl<'a> SourceLines<'a> {
    pub fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            start: 0,
            number: 0,
        }
    }

    /// Number of lines read.
    pub fn count_read(&self) -> usize {
        self.number
    }
}

impl<'a> Iterator for SourceLines<'a> {
    type Item = SourceLine<'a>;

    fn next(&mut self) -> Option<SourceLine<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (raw, length) = match self.rest.find('\n') {
            Some(end) => {
                let raw = &self.rest[..end];
                (raw.strip_suffix('\r').unwrap_or(raw), end + 1)
            }
            None => (self.rest, self.rest.len()),
        };
        self.number += 1;
        let line = SourceLine {
            number: self.number,
            start: self.start,
            raw,
            text: trim_start(raw),
        };
        self.start += length;
        self.rest = &self.rest[length..];
        Some(line)
    }
}

/// `str::trim_start`, which decodes every character, is slow in unoptimised builds.
fn trim_start(line: &str) -> &str {
    let bytes = line.as_bytes();
    let mut at = 0;
    while at < bytes.len() && matches!(bytes[at], b' ' | b'\t') {
        at += 1;
    }
    let rest = &line[at..];
    match bytes.get(at) {
        Some(b'!'..=b'~') => rest,
        _ => rest.trim_start(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_number_offset_and_indentation() {
        let lines: Vec<_> = SourceLines::new("a\r\n \u{a0}b \n\n\tc").collect();
        let seen: Vec<_> = lines
            .iter()
            .map(|line| (line.number, line.text_start(), line.indent(), line.text))
            .collect();
        assert_eq!(
            seen,
            [
                (1, 0, 0, "a"),
                (2, 6, 2, "b "),
                (3, 9, 0, ""),
                (4, 11, 1, "c")
            ]
        );
        for (indent, expected) in [(0, " \u{a0}b "), (1, "\u{a0}b "), (2, "b "), (3, "b ")] {
            assert_eq!(lines[1].unindented(indent), expected, "{indent}");
        }
    }
}

use std::borrow::Cow;

use crate::harness::pickle::DocString;

/// What a line of a feature file is, as far as its first characters tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Blank,
    Comment,
    Tags,
    Row,
    /// Opens a doc string.
    Open,
    /// Lies in a doc string, or closes it.
    Quoted,
    /// A keyword, or free text.
    Other,
}

/// A feature file's text, cleaned of what Gherkin ignores, with its lines told apart.
///
/// The parser stumbles over trailing blanks, over text behind a row's last
/// pipe and over backslashes that escape nothing; all three mean nothing, so
/// they are taken out here. No line moves.
#[derive(Debug)]
pub(super) struct Source {
    pub uri: String,
    pub text: String,
    starts: Vec<usize>,
    kinds: Vec<Line>,
    /// The line of a doc string that nothing closes.
    pub open_doc_string: Option<usize>,
}

const QUOTES: [&str; 2] = ["\"\"\"", "```"];

impl Source {
    pub fn new(uri: &str, raw: &str) -> Self {
        let raw = raw.strip_prefix('\u{feff}').unwrap_or(raw);
        let mut source = Self {
            uri: uri.to_owned(),
            text: String::with_capacity(raw.len() + 1),
            starts: Vec::new(),
            kinds: Vec::new(),
            open_doc_string: None,
        };
        let mut open: Option<&str> = None;
        for (number, line) in (1..).zip(raw.lines()) {
            let trimmed = line.trim();
            let (kind, clean) = match open {
                Some(quotes) => {
                    if closes(line, quotes) {
                        open = None;
                    }
                    (Line::Quoted, Cow::Borrowed(line))
                }
                None => {
                    let quotes = QUOTES
                        .into_iter()
                        .find(|quotes| trimmed.starts_with(quotes));
                    if let Some(quotes) = quotes {
                        if !closes(&trimmed[quotes.len()..], quotes) {
                            open = Some(quotes);
                            source.open_doc_string = Some(number);
                        }
                        (Line::Open, Cow::Borrowed(line.trim_end()))
                    } else if trimmed.starts_with('|') {
                        (Line::Row, clean_row(line.trim_end()))
                    } else {
                        (kind_of(trimmed), Cow::Borrowed(line.trim_end()))
                    }
                }
            };
            source.starts.push(source.text.len());
            source.kinds.push(kind);
            source.text.push_str(&clean);
            source.text.push('\n');
        }
        if open.is_none() {
            source.open_doc_string = None;
        }
        source
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether nothing but blanks and comments is in it, up to and with a line.
    pub fn is_empty_to(&self, line: usize) -> bool {
        self.kinds
            .iter()
            .take(line)
            .all(|kind| matches!(kind, Line::Blank | Line::Comment))
    }

    pub fn kind(&self, line: usize) -> Line {
        line.checked_sub(1)
            .and_then(|index| self.kinds.get(index))
            .copied()
            .unwrap_or(Line::Blank)
    }

    /// The byte a line starts at; the end for a line past the last.
    pub fn start(&self, line: usize) -> usize {
        self.starts
            .get(line.saturating_sub(1))
            .copied()
            .unwrap_or(self.text.len())
    }

    /// A line's text, without its end.
    pub fn line(&self, line: usize) -> &str {
        self.text[self.start(line)..self.start(line + 1)].trim_end_matches('\n')
    }

    /// The line of a directive that the parser found at a byte: it may have
    /// looked from a blank or a comment above.
    pub fn line_of(&self, byte: usize) -> usize {
        let mut line = self.starts.partition_point(|start| *start <= byte).max(1);
        while line < self.len() && matches!(self.kind(line), Line::Blank | Line::Comment) {
            line += 1;
        }
        line
    }

    /// The first line of a directive's block: its tags and the comments on them belong to it.
    pub fn block_start(&self, directive: usize) -> usize {
        let mut line = directive;
        while matches!(self.kind(line - 1), Line::Tags | Line::Comment) && line > 1 {
            line -= 1;
        }
        line
    }

    /// The lines of the rows of a table, at or below a line.
    pub fn rows(&self, from: usize) -> impl Iterator<Item = usize> {
        (from..=self.len())
            .skip_while(|line| self.kind(*line) != Line::Row)
            .take_while(|line| matches!(self.kind(*line), Line::Row | Line::Blank | Line::Comment))
            .filter(|line| self.kind(*line) == Line::Row)
    }

    /// The doc string below a step's line.
    ///
    /// It is read from the source, because the parser keeps a media type as
    /// the text's first line, and then cannot tell how deep the text is indented.
    pub fn doc_string(&self, step: usize) -> Option<DocString> {
        let open = (step + 1..=self.len())
            .find(|line| !matches!(self.kind(*line), Line::Blank | Line::Comment))
            .filter(|line| self.kind(*line) == Line::Open)?;
        let opening = self.line(open);
        let unindented = opening.trim_start();
        let indent = opening.chars().count() - unindented.chars().count();
        let quotes = QUOTES
            .into_iter()
            .find(|quotes| unindented.starts_with(quotes))?;
        let rest = &unindented[quotes.len()..];
        if let Some(content) = rest.split_once(quotes).map(|(content, _)| content) {
            return Some(DocString {
                media_type: None,
                content: content.to_owned(),
            });
        }
        let mut lines: Vec<&str> = Vec::new();
        for line in (open + 1..).take_while(|line| self.kind(*line) == Line::Quoted) {
            let line = self.line(line);
            if closes(line, quotes) {
                let last = line.split(quotes).next().unwrap_or_default();
                if !last.trim().is_empty() {
                    lines.push(unindent(last, indent));
                }
                break;
            }
            lines.push(unindent(line, indent));
        }
        let escaped: String = quotes.chars().flat_map(|quote| ['\\', quote]).collect();
        Some(DocString {
            media_type: Some(rest.trim().to_owned()).filter(|media_type| !media_type.is_empty()),
            content: lines.join("\n").replace(&escaped, quotes),
        })
    }
}

/// How many cells a row has.
pub(super) fn count_cells(row: &str) -> usize {
    pipes(row).count().saturating_sub(1)
}

fn kind_of(trimmed: &str) -> Line {
    match trimmed.bytes().next() {
        None => Line::Blank,
        Some(b'#') => Line::Comment,
        Some(b'@') => Line::Tags,
        Some(_) => Line::Other,
    }
}

/// The parser takes what follows a `#` in a doc string for a comment when it looks for the end.
fn closes(line: &str, quotes: &str) -> bool {
    line.split('#')
        .next()
        .is_some_and(|seen| seen.contains(quotes))
}

fn unindent(line: &str, indent: usize) -> &str {
    let blank = line
        .char_indices()
        .take(indent)
        .take_while(|(_, c)| c.is_whitespace())
        .last()
        .map_or(0, |(index, c)| index + c.len_utf8());
    &line[blank..]
}

/// The bytes at which unescaped pipes stand.
fn pipes(row: &str) -> impl Iterator<Item = usize> {
    let mut escaped = false;
    row.bytes().enumerate().filter_map(move |(index, byte)| {
        let pipe = byte == b'|' && !escaped;
        escaped = byte == b'\\' && !escaped;
        pipe.then_some(index)
    })
}

fn clean_row(line: &str) -> Cow<'_, str> {
    let row = match pipes(line).collect::<Vec<_>>()[..] {
        [_, .., last] => &line[..=last],
        _ => line,
    };
    if !row.contains('\\') {
        return Cow::Borrowed(row);
    }
    let mut clean = String::with_capacity(row.len() + 4);
    let mut chars = row.chars();
    while let Some(c) = chars.next() {
        clean.push(c);
        if c == '\\' {
            match chars.next() {
                Some(escape @ ('n' | '|' | '\\')) => clean.push(escape),
                Some(plain) => clean.extend(['\\', plain]),
                None => {}
            }
        }
    }
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lose_what_means_nothing_and_keep_what_does() {
        assert_eq!(clean_row("  | a | b | c \\"), "  | a | b |");
        assert_eq!(
            clean_row(r"| \| | \n | \\ | \o |"),
            r"| \| | \n | \\ | \\o |"
        );
        assert_eq!(clean_row("| a"), "| a");
        assert_eq!(count_cells(r"| \| | b |"), 2);
    }

    #[test]
    fn a_doc_string_is_told_from_its_media_type_and_dedented() {
        let source = Source::new(
            "a",
            "Given a\n  \"\"\"json\n  {\n    \"b\": 1\n  }\n  \"\"\"\nGiven b\n  ```\njson\n  ```\n",
        );
        let doc_string = source.doc_string(1).unwrap();
        assert_eq!(doc_string.media_type.as_deref(), Some("json"));
        assert_eq!(doc_string.content, "{\n  \"b\": 1\n}");
        let doc_string = source.doc_string(7).unwrap();
        assert_eq!(doc_string.media_type, None);
        assert_eq!(doc_string.content, "json");
        assert_eq!(source.doc_string(8), None);
    }
}

//! Snapshot files in the format of insta: a YAML header between lines of `---`, then the text.

use serde_json::Value;

/// The place of a check in its feature, for reviewers.
#[derive(Clone, Copy, Debug)]
pub(super) struct CheckSource<'a> {
    pub file: &'a str,
    pub line: usize,
    pub expression: &'a str,
}

impl CheckSource<'_> {
    /// A file that waits for review, with all metadata.
    pub fn pending(self, text: &str) -> String {
        let (file, line) = (Value::from(self.file), self.line);
        let expression = Value::from(self.expression);
        // A JSON string is a YAML one.
        format!(
            "---\nsource: {file}\nassertion_line: {line}\nexpression: {expression}\n---\n{text}\n"
        )
    }

    /// The file as `cargo insta accept` would write it.
    pub fn accepted(self, text: &str) -> String {
        let (file, expression) = (yaml(self.file), yaml(self.expression));
        format!("---\nsource: {file}\nexpression: {expression}\n---\n{text}\n")
    }
}

/// A text as insta compares it: without blanks at its end, its lines ended by `\n`.
pub(super) fn normalized(text: &str) -> String {
    text.trim_end().replace("\r\n", "\n")
}

/// The file that holds the check of a snapshot, as the snapshot's header says.
pub(super) fn source(file: &str) -> Option<String> {
    let header = file.lines().skip(1).take_while(|line| *line != "---");
    let source = header
        .filter_map(|line| line.strip_prefix("source: "))
        .next()?;
    Some(serde_json::from_str(source).unwrap_or_else(|_| source.to_owned()))
}

/// The normalized text of a snapshot file.
///
/// # Errors
///
/// If the file is not a text snapshot, why.
pub(super) fn text(file: &str) -> Result<String, String> {
    let mut lines = file.split_inclusive('\n');
    if lines.next().map(str::trim_end) != Some("---") {
        return Err("it does not begin with a header between lines of ---".to_owned());
    }
    for line in lines.by_ref().map(str::trim_end) {
        if line == "---" {
            return Ok(normalized(&lines.collect::<String>()));
        }
        let is_nested = line.is_empty() || line.starts_with([' ', '#', '-']);
        let key = line.split_once(':').map_or("", |(key, _)| key);
        let is_word = |c: char| c.is_ascii_alphabetic() || c == '_';
        if !is_nested && (key.is_empty() || !key.chars().all(is_word)) {
            return Err(format!("its header has the line {line:?}"));
        }
        if line == "snapshot_kind: binary" {
            return Err("it holds no text".to_owned());
        }
    }
    Err("its header does not end with a line of ---".to_owned())
}

/// A string in YAML: quoted where insta would, or where it does not begin with a letter.
fn yaml(text: &str) -> String {
    const QUOTED: [char; 11] = [':', '{', '}', '[', ']', ',', '#', '`', '"', '\'', '\\'];
    const WORDS: [&str; 7] = ["yes", "no", "true", "false", "on", "off", "null"];
    let is_plain = text.starts_with(char::is_alphabetic)
        && !text.ends_with(' ')
        && !text.contains(|c: char| c.is_control() || QUOTED.contains(&c))
        && !WORDS.contains(&text.to_lowercase().as_str())
        && text.parse::<f64>().is_err();
    match is_plain {
        true => text.to_owned(),
        false => Value::from(text).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use insta::Snapshot;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_what_follows_the_header() {
        for (file, expected) in [
            ("---\nsource: a\n---\nb\nc\n", "b\nc"),
            ("---\r\nsource: a\r\n---\r\nb\r\nc\r\n\r\n", "b\nc"),
            ("---\ninfo:\n  a: 1\n---\n---\nb", "---\nb"),
            ("---\n---\n", ""),
        ] {
            assert_eq!(text(file).as_deref(), Ok(expected), "{file:?}");
        }
        for file in [
            "",
            "source: a\n\nb\n",
            "---\nsource: a\nb\n",
            "---\n{\n---\n",
            "---\nsnapshot_kind: binary\n---\n",
        ] {
            assert!(text(file).is_err(), "{file:?}");
        }
    }

    proptest! {
        #[test]
        fn insta_reads_what_is_written(
            file in "[ -~\t]{1,12}|[a-z]{2,5}|-?[0-9.e]{1,4}|inf|nan",
            expression in "[a-zä \"':#]{1,20}",
            contents in "([ -~ü]{0,8}\n){0,3}",
        ) {
            let source = CheckSource { file: &file, line: 7, expression: &expression };
            let contents = normalized(&contents);
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.snap");
            for written in [source.pending(&contents), source.accepted(&contents)] {
                std::fs::write(&path, &written).unwrap();
                let read = Snapshot::from_file(&path).unwrap();
                prop_assert_eq!(read.metadata().source(), Some(&*file));
                prop_assert_eq!(read.metadata().expression(), Some(&*expression));
                prop_assert_eq!(read.contents().as_text().unwrap().to_string(), contents.clone());
                prop_assert_eq!(text(&written), Ok(contents.clone()));
                prop_assert_eq!(super::source(&written), Some(file.clone()));
            }
        }
    }
}

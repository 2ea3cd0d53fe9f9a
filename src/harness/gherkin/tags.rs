use super::{faults::GherkinFault, lines::SourceLine, tree::Tag};

/// The tags of a line that begins with `@`, up to a comment.
pub(super) fn tags(line: SourceLine<'_>) -> Result<Vec<Tag<'_>>, GherkinFault> {
    let mut tags = Vec::new();
    let mut start = line.text_start();
    for part in without_comment(line.text).split('@').skip(1) {
        let name = part.trim_end();
        if name.contains(char::is_whitespace) {
            let message = format!("a tag must not contain whitespace, found \"@{name}\"");
            return Err(GherkinFault::new(
                (start, name.len() + 1),
                message,
                "this tag",
            ));
        }
        if !name.is_empty() {
            tags.push(Tag { name, start });
        }
        start += part.len() + 1;
    }
    Ok(tags)
}

fn without_comment(text: &str) -> &str {
    let comment = text
        .match_indices('#')
        .find(|(at, _)| text[..*at].ends_with(char::is_whitespace));
    comment.map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::gherkin::lines::SourceLines;

    #[test]
    fn tags_are_read_with_their_offsets_up_to_a_comment() {
        for (text, expected) in [
            ("  @a @b\t@é", &[("a", 2), ("b", 5), ("é", 8)][..]),
            ("@a@b#c #@d", &[("a", 0), ("b#c", 2)]),
            ("@", &[]),
        ] {
            let tags = tags(SourceLines::new(text).next().unwrap()).unwrap();
            let tags: Vec<_> = tags.iter().map(|tag| (tag.name, tag.start)).collect();
            assert_eq!(tags, expected, "{text}");
        }
        assert!(tags(SourceLines::new("@a b").next().unwrap()).is_err());
    }
}

//! JSON pointers, [RFC 6901](https://www.rfc-editor.org/rfc/rfc6901).

/// A name as a reference token.
pub fn pointer_token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The names and indexes that a pointer leads through; whatever precedes its first `/` is ignored.
pub fn pointer_names(pointer: &str) -> impl Iterator<Item = String> {
    let tokens = pointer.split('/').skip(1);
    tokens.map(|token| token.replace("~1", "/").replace("~0", "~"))
}

/// The first name of a pointer, and the pointer from there.
pub fn split_pointer(pointer: &str) -> Option<(String, &str)> {
    let end = pointer.strip_prefix('/')?.find('/').map(|at| at + 1);
    let (first, rest) = pointer.split_at(end.unwrap_or(pointer.len()));
    Some((pointer_names(first).next()?, rest))
}

/// A pointer as messages begin with it.
pub(super) fn prefix(pointer: &str) -> String {
    match pointer {
        "" => String::new(),
        pointer => format!("at {pointer}: "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointer_names_are_the_escaped_names() {
        for names in [&["a/b", "~1", "", "0"][..], &["", ""], &[]] {
            let pointer: String = names
                .iter()
                .map(|name| format!("/{}", pointer_token(name)))
                .collect();
            assert_eq!(pointer_names(&pointer).collect::<Vec<_>>(), names);
        }
    }

    #[test]
    fn split_pointer_returns_the_first_name_and_the_rest() {
        assert_eq!(split_pointer("/a~1b/c/d"), Some(("a/b".to_owned(), "/c/d")));
        assert_eq!(split_pointer("/a"), Some(("a".to_owned(), "")));
        assert_eq!(split_pointer("/"), Some((String::new(), "")));
        assert_eq!(split_pointer("a"), None);
        assert_eq!(split_pointer(""), None);
    }
}

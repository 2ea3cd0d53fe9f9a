//! Names derived from an entity's name: codes, fields, ids.

/// `CustomRole` as the codes write it: `CUSTOM_ROLE`.
pub(super) fn upper_snake(name: &str) -> String {
    separated(name, '_').to_uppercase()
}

/// `CustomRole` as ids write it: `custom-role`.
pub(super) fn kebab(name: &str) -> String {
    separated(name, '-').to_lowercase()
}

/// The field in which others name a `CustomRole`: `customRoleId`.
pub(super) fn reference_field(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase());
    first.into_iter().chain(letters).collect::<String>() + "Id"
}

/// A text as an id: its letters and digits in lower case, what lies between them as one hyphen.
pub fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// Parts a name before every capital that follows a small letter or a digit.
fn separated(name: &str, separator: char) -> String {
    let mut parted = String::new();
    let mut before_may_part = false;
    for c in name.chars() {
        if c.is_uppercase() && before_may_part {
            parted.push(separator);
        }
        before_may_part = c.is_lowercase() || c.is_numeric();
        parted.push(c);
    }
    parted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_fields_and_ids_follow_from_names() {
        assert_eq!(upper_snake("CustomRole"), "CUSTOM_ROLE");
        assert_eq!(upper_snake("Agent"), "AGENT");
        assert_eq!(kebab("CustomRole"), "custom-role");
        assert_eq!(reference_field("CustomRole"), "customRoleId");
        assert_eq!(slug("  Ada's (2nd) Mentor "), "ada-s-2nd-mentor");
        assert_eq!(slug("--"), "");
    }
}

/// The name most similar to `wanted`, if any is similar enough.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(wanted, name), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| {
            *distance * 3 <= wanted.chars().count().max(name.chars().count())
        })
        .map(|(_, name)| name)
}

/// The name that `wanted` is probably a typo of: one that differs in no more than two letters, and not
/// only in digits.
pub fn typo_of<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    nearest(wanted, names).filter(|name| {
        strsim::damerau_levenshtein(wanted, name) <= 2 && letters(wanted) != letters(name)
    })
}

/// The hint at the end of a message about an unknown name: the nearest name, else all of them.
pub fn did_you_mean<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 12;
    let names: Vec<&str> = names.into_iter().collect();
    if let Some(name) = nearest(wanted, names.iter().copied()) {
        return format!("did you mean \"{name}\"?");
    }
    if names.is_empty() {
        return "there are none".to_owned();
    }
    let more = names.len().saturating_sub(SHOWN);
    let listed = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("\"{name}\""))
        .collect::<Vec<_>>()
        .join(", ");
    match more {
        0 => format!("there are: {listed}"),
        _ => format!("there are: {listed} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typo_differs_in_two_letters_at_most() {
        for (wanted, name) in [
            ("refnud", "refund"),
            ("refunds", "refund"),
            ("Refund", "refund"),
        ] {
            assert_eq!(typo_of(wanted, [name]), Some(name), "{wanted}");
        }
        for (wanted, name) in [("cancelAll", "cancel"), ("step-1", "step-2"), ("x", "y")] {
            assert_eq!(typo_of(wanted, [name]), None, "{wanted}");
        }
    }

    #[test]
    fn did_you_mean_names_the_nearest_or_lists_all() {
        let names = ["AgentService", "RoleService"];
        assert_eq!(nearest("AgentServise", names), Some("AgentService"));
        assert_eq!(nearest("Billing", names), None);
        assert_eq!(
            did_you_mean("Billing", names),
            "there are: \"AgentService\", \"RoleService\""
        );
        assert_eq!(did_you_mean("x", []), "there are none");
    }
}

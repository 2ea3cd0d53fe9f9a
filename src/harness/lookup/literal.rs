use regex_syntax::hir::{Hir, HirKind, Look};

/// The literal text that everything a regex matches begins and ends with.
///
/// Either is empty where the regex is not anchored on that side.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Ends {
    pub prefix: Box<[u8]>,
    pub suffix: Box<[u8]>,
}

pub(super) fn ends(regex: &str) -> Ends {
    let Ok(hir) = regex_syntax::parse(regex) else {
        return Ends::default();
    };
    let parts = match hir.kind() {
        HirKind::Concat(parts) => parts.as_slice(),
        _ => return Ends::default(),
    };
    Ends {
        prefix: literal(parts.iter(), Look::Start, |text, more| text.extend(more)),
        suffix: literal(parts.iter().rev(), Look::End, |text, more| {
            text.splice(0..0, more.iter().copied());
        }),
    }
}

fn literal<'a>(
    mut parts: impl Iterator<Item = &'a Hir>,
    anchor: Look,
    add: impl Fn(&mut Vec<u8>, &[u8]),
) -> Box<[u8]> {
    let mut text = Vec::new();
    if parts
        .next()
        .is_some_and(|part| *part.kind() == HirKind::Look(anchor))
    {
        for part in parts {
            match part.kind() {
                HirKind::Literal(literal) => add(&mut text, &literal.0),
                _ => break,
            }
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_ends_are_those_of_everything_that_matches() {
        for (regex, prefix, suffix) in [
            (r"^the workflow (\d+) runs$", "the workflow ", " runs"),
            (
                r"^the workflow runs$",
                "the workflow runs",
                "the workflow runs",
            ),
            (r"^(?:a|b) service$", "", " service"),
            (r"^(\d+) calls?", "", ""),
            (r"no anchor (\d+)$", "", ""),
            (r"(?i)^no case$", "", ""),
            (r"(?m)^many lines$", "", ""),
            (r"^a$|^b$", "", ""),
            (r"^x", "x", ""),
        ] {
            let found = ends(regex);
            assert_eq!(&*found.prefix, prefix.as_bytes(), "{regex}");
            assert_eq!(&*found.suffix, suffix.as_bytes(), "{regex}");
        }
    }
}

use std::path::PathBuf;

/// What is done about a snapshot that does not match, as `INSTA_UPDATE` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Update {
    /// `New`, or in CI `No`.
    Auto,
    /// The snapshot is replaced.
    Always,
    /// A new snapshot is written, a change is left for review.
    Unseen,
    /// All is left for review.
    New,
    /// Nothing is written.
    No,
    /// As `Always`, and snapshots that match are written anew.
    Force,
}

/// Where a text goes that does not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Into the snapshot itself.
    Accepted,
    /// Beside it, for review.
    Pending,
    /// Nowhere.
    Nowhere,
}

/// How the environment wants snapshots to be treated, in the words of insta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    pub update: Update,
    pub ci: bool,
    /// Whether a snapshot that does not match passes, as `cargo insta test` has it until its review.
    pub force_pass: bool,
    /// The file that lists the snapshots in use, from which cargo-insta tells the others.
    pub references: Option<PathBuf>,
}

impl Policy {
    /// Reads `INSTA_UPDATE`, `INSTA_FORCE_UPDATE`, `INSTA_FORCE_PASS`,
    /// `INSTA_SNAPSHOT_REFERENCES_FILE` and whether this is CI.
    ///
    /// # Errors
    ///
    /// The name of a variable whose value insta does not know, and the value.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, (&'static str, String)> {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let update = match set("INSTA_UPDATE").as_deref() {
            None | Some("auto") => Update::Auto,
            Some("always" | "1") => Update::Always,
            Some("unseen") => Update::Unseen,
            Some("new") => Update::New,
            Some("no") => Update::No,
            Some("force") => Update::Force,
            Some(other) => return Err(("INSTA_UPDATE", other.to_owned())),
        };
        let force_pass = match set("INSTA_FORCE_PASS").as_deref() {
            None | Some("0") => false,
            Some("1") => true,
            Some(other) => return Err(("INSTA_FORCE_PASS", other.to_owned())),
        };
        Ok(Self {
            update: match set("INSTA_FORCE_UPDATE").as_deref() {
                Some("1") => Update::Force,
                _ => update,
            },
            ci: match variable("CI").as_deref() {
                None => variable("TF_BUILD").is_some(),
                Some(value) => !matches!(value, "" | "0" | "false"),
            },
            force_pass,
            references: set("INSTA_SNAPSHOT_REFERENCES_FILE").map(PathBuf::from),
        })
    }

    /// Where a text goes that does not match its snapshot, or that has none yet.
    pub fn place(&self, has_snapshot: bool) -> Place {
        match self.update {
            Update::Always | Update::Force => Place::Accepted,
            Update::Unseen if !has_snapshot => Place::Accepted,
            Update::Unseen | Update::New => Place::Pending,
            Update::Auto if !self.ci => Place::Pending,
            Update::Auto | Update::No => Place::Nowhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(variables: &[(&str, &str)]) -> Result<Policy, (&'static str, String)> {
        Policy::read(|name| {
            let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
            Some((*value).to_owned())
        })
    }

    #[test]
    fn a_text_goes_where_insta_would_put_it() {
        use Place::{Accepted, Nowhere, Pending};
        for (update, new, changed) in [
            ("", Pending, Pending),
            ("auto", Pending, Pending),
            ("always", Accepted, Accepted),
            ("1", Accepted, Accepted),
            ("unseen", Accepted, Pending),
            ("new", Pending, Pending),
            ("no", Nowhere, Nowhere),
            ("force", Accepted, Accepted),
        ] {
            let policy = policy(&[("INSTA_UPDATE", update)]).unwrap();
            assert_eq!(
                (policy.place(false), policy.place(true)),
                (new, changed),
                "{update:?}"
            );
        }
    }

    #[test]
    fn nothing_is_written_in_ci_unless_asked_for() {
        for (variables, place) in [
            (&[("CI", "true")][..], Place::Nowhere),
            (&[("TF_BUILD", "x")], Place::Nowhere),
            (&[("CI", "false")], Place::Pending),
            (&[("CI", "")], Place::Pending),
            (&[("CI", "1"), ("INSTA_UPDATE", "new")], Place::Pending),
        ] {
            assert_eq!(
                policy(variables).unwrap().place(true),
                place,
                "{variables:?}"
            );
        }
    }

    #[test]
    fn what_insta_does_not_know_is_refused() {
        assert_eq!(
            policy(&[("INSTA_UPDATE", "sometimes")]),
            Err(("INSTA_UPDATE", "sometimes".to_owned()))
        );
        assert!(policy(&[("INSTA_FORCE_PASS", "yes")]).is_err());
        let forced = policy(&[("INSTA_FORCE_PASS", "1"), ("INSTA_FORCE_UPDATE", "1")]).unwrap();
        assert!(forced.force_pass && forced.update == Update::Force);
    }
}

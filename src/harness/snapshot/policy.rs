use std::path::PathBuf;

/// How to treat a text that does not match its snapshot: the values of `INSTA_UPDATE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UpdateMode {
    /// `New`, but `No` in CI.
    Auto,
    /// The snapshot is replaced.
    Always,
    /// A new snapshot is written, a change is left for review.
    Unseen,
    /// Everything is left for review.
    New,
    /// Nothing is written.
    No,
    /// Like `Always`, and snapshots that match are rewritten.
    Force,
}

/// Where a text that does not match is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// Into the snapshot itself.
    Accepted,
    /// Beside it, for review.
    Pending,
    /// Nowhere.
    Nowhere,
}

/// How the environment asks for snapshots to be treated, by the variables of insta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SnapshotPolicy {
    pub update: UpdateMode,
    pub ci: bool,
    /// Whether a text that does not match passes, as in `cargo insta test` before its review.
    pub force_pass: bool,
    /// The file that lists the snapshots in use, by which cargo-insta finds those that are not.
    pub references: Option<PathBuf>,
}

impl SnapshotPolicy {
    /// Reads `INSTA_UPDATE`, `INSTA_FORCE_UPDATE`, `INSTA_FORCE_PASS`,
    /// `INSTA_SNAPSHOT_REFERENCES_FILE` and whether this is CI.
    ///
    /// # Errors
    ///
    /// The name of a variable whose value insta does not know, and the value.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, (&'static str, String)> {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let update = match set("INSTA_UPDATE").as_deref() {
            None | Some("auto") => UpdateMode::Auto,
            Some("always" | "1") => UpdateMode::Always,
            Some("unseen") => UpdateMode::Unseen,
            Some("new") => UpdateMode::New,
            Some("no") => UpdateMode::No,
            Some("force") => UpdateMode::Force,
            Some(other) => return Err(("INSTA_UPDATE", other.to_owned())),
        };
        let force_pass = match set("INSTA_FORCE_PASS").as_deref() {
            None | Some("0") => false,
            Some("1") => true,
            Some(other) => return Err(("INSTA_FORCE_PASS", other.to_owned())),
        };
        Ok(Self {
            update: match set("INSTA_FORCE_UPDATE").as_deref() {
                Some("1") => UpdateMode::Force,
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

    /// Where a text that does not match its snapshot, or has none yet, is written.
    pub fn destination(&self, has_snapshot: bool) -> Destination {
        match self.update {
            UpdateMode::Always | UpdateMode::Force => Destination::Accepted,
            UpdateMode::Unseen if !has_snapshot => Destination::Accepted,
            UpdateMode::Unseen | UpdateMode::New => Destination::Pending,
            UpdateMode::Auto if !self.ci => Destination::Pending,
            UpdateMode::Auto | UpdateMode::No => Destination::Nowhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(variables: &[(&str, &str)]) -> Result<SnapshotPolicy, (&'static str, String)> {
        SnapshotPolicy::read(|name| {
            let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
            Some((*value).to_owned())
        })
    }

    #[test]
    fn text_is_written_where_insta_would_write_it() {
        use Destination::{Accepted, Nowhere, Pending};
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
                (policy.destination(false), policy.destination(true)),
                (new, changed),
                "{update:?}"
            );
        }
    }

    #[test]
    fn nothing_is_written_in_ci_unless_asked_for() {
        for (variables, place) in [
            (&[("CI", "true")][..], Destination::Nowhere),
            (&[("TF_BUILD", "x")], Destination::Nowhere),
            (&[("CI", "false")], Destination::Pending),
            (&[("CI", "")], Destination::Pending),
            (
                &[("CI", "1"), ("INSTA_UPDATE", "new")],
                Destination::Pending,
            ),
        ] {
            assert_eq!(
                policy(variables).unwrap().destination(true),
                place,
                "{variables:?}"
            );
        }
    }

    #[test]
    fn values_unknown_to_insta_are_refused() {
        assert_eq!(
            policy(&[("INSTA_UPDATE", "sometimes")]),
            Err(("INSTA_UPDATE", "sometimes".to_owned()))
        );
        assert!(policy(&[("INSTA_FORCE_PASS", "yes")]).is_err());
        let forced = policy(&[("INSTA_FORCE_PASS", "1"), ("INSTA_FORCE_UPDATE", "1")]).unwrap();
        assert!(forced.force_pass && forced.update == UpdateMode::Force);
    }
}

use insta::Snapshot;
use tempfile::TempDir;

use super::*;
use crate::harness::{pickle::Pickle, tests::sample};

const SOURCE: &str = "features/orders.feature";
const STEP: &str = "the outcome matches the snapshot";
const ACCEPTED: &str = "---\nsource: features/orders.feature\nexpression: the outcome matches the snapshot\n---\ncompleted in 525 ms\n";

/// A folder with one snapshot in it, under the given environment variables.
struct SnapshotCase {
    directory: TempDir,
    snapshots: Snapshots,
}

impl SnapshotCase {
    fn new(variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("orders__old.snap"), ACCEPTED).unwrap();
        let policy = SnapshotPolicy::read(|name| {
            let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
            Some((*value).to_owned())
        })
        .unwrap();
        let mut snapshots = Snapshots::with_policy(directory.path().to_owned(), Vec::new(), policy);
        snapshots.shown = "tests/snapshots".into();
        Self {
            directory,
            snapshots,
        }
    }

    fn check(&self, scenario: &str, text: &str) -> Result<(), String> {
        let name = SnapshotName::new(SOURCE, scenario, None, SnapshotPart::Outcome);
        self.snapshots
            .check(&name, text, SOURCE, 12, STEP)
            .map_err(|error| error.to_string())
    }

    fn file(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.directory.path().join(name)).ok()
    }
}

#[test]
fn matching_text_removes_the_pending_snapshot() {
    let case = SnapshotCase::new(&[]);
    fs::write(case.directory.path().join("orders__old.snap.new"), "").unwrap();
    assert_eq!(case.check("Old", "completed in 525 ms\n\n"), Ok(()));
    assert_eq!(case.file("orders__old.snap").as_deref(), Some(ACCEPTED));
    assert_eq!(case.file("orders__old.snap.new"), None);
}

#[test]
fn differing_text_is_left_for_review_and_its_difference_shown() {
    let case = SnapshotCase::new(&[]);
    assert_eq!(
        case.check("Old", "completed in 526 ms").unwrap_err(),
        "\
snapshot (-) and scenario (+) differ:
- completed in 525 ms
+ completed in 526 ms
read tests/snapshots/orders__old.snap.new, then accept it by `cargo insta review`, or run again with INSTA_UPDATE=always"
    );
    assert_eq!(case.file("orders__old.snap").as_deref(), Some(ACCEPTED));
    assert_eq!(
        case.file("orders__old.snap.new").unwrap(),
        "---\nsource: \"features/orders.feature\"\nassertion_line: 12\nexpression: \"the outcome matches the snapshot\"\n---\ncompleted in 526 ms\n"
    );
}

#[test]
fn text_without_a_snapshot_fails_and_says_how_to_accept_it() {
    let case = SnapshotCase::new(&[]);
    assert_eq!(
        case.check("New", "completed").unwrap_err(),
        "\
there is no snapshot tests/snapshots/orders__new.snap yet, and this would be in it:
completed
read tests/snapshots/orders__new.snap.new, then accept it by `cargo insta review`, or run again with INSTA_UPDATE=always"
    );
    let new = case.directory.path().join("orders__new.snap.new");
    let pending = Snapshot::from_file(&new).unwrap();
    assert_eq!(pending.metadata().source(), Some(SOURCE));
    assert_eq!(pending.metadata().assertion_line(), Some(12));
    assert_eq!(pending.metadata().expression(), Some(STEP));
}

#[test]
fn nothing_is_written_in_ci() {
    let case = SnapshotCase::new(&[("CI", "true")]);
    assert!(case.check("Old", "x").unwrap_err().ends_with(
        "nothing is written in CI: run the scenario elsewhere, then accept it by `cargo insta review`"
    ));
    assert!(case.check("New", "x").is_err());
    assert_eq!(fs::read_dir(case.directory.path()).unwrap().count(), 1);
}

#[test]
fn replaced_snapshot_is_what_insta_would_have_accepted() {
    let case = SnapshotCase::new(&[("INSTA_UPDATE", "always")]);
    assert_eq!(case.check("New", "completed in 525 ms"), Ok(()));
    assert_eq!(case.file("orders__new.snap").as_deref(), Some(ACCEPTED));
    assert_eq!(case.file("orders__new.snap.new"), None);
    assert_eq!(case.check("New", "completed in 525 ms"), Ok(()));
}

#[test]
fn names_that_need_quotes_in_yaml_are_kept() {
    let case = SnapshotCase::new(&[("INSTA_UPDATE", "always")]);
    let name = SnapshotName::new(SOURCE, "odd", None, SnapshotPart::Outcome);
    let odd = "the file \"a: b\" has\t- ünïcode # {1}";
    case.snapshots.check(&name, "x", odd, 1, odd).unwrap();
    let saved = Snapshot::from_file(&case.directory.path().join(name.file_name())).unwrap();
    assert_eq!(saved.metadata().source(), Some(odd));
    assert_eq!(saved.metadata().expression(), Some(odd));
}

#[test]
fn unseen_force_and_force_pass_do_what_insta_does() {
    let case = SnapshotCase::new(&[("INSTA_UPDATE", "unseen")]);
    assert_eq!(case.check("New", "x"), Ok(()));
    assert!(case.check("Old", "x").is_err());

    let case = SnapshotCase::new(&[("INSTA_UPDATE", "force")]);
    let path = case.directory.path().join("orders__old.snap");
    fs::write(
        &path,
        ACCEPTED.replace("source: features", "source: elsewhere"),
    )
    .unwrap();
    assert_eq!(case.check("Old", "completed in 525 ms"), Ok(()));
    assert_eq!(case.file("orders__old.snap").as_deref(), Some(ACCEPTED));

    let case = SnapshotCase::new(&[("INSTA_FORCE_PASS", "1")]);
    assert_eq!(case.check("Old", "x"), Ok(()));
    assert!(case.file("orders__old.snap.new").is_some());
}

#[test]
fn snapshots_in_use_are_listed_for_cargo_insta() {
    let list = tempfile::NamedTempFile::new().unwrap();
    let case = SnapshotCase::new(&[(
        "INSTA_SNAPSHOT_REFERENCES_FILE",
        list.path().to_str().unwrap(),
    )]);
    case.check("Old", "completed in 525 ms").unwrap();
    let path = case.directory.path().join("orders__old.snap");
    assert_eq!(
        fs::read_to_string(list.path()).unwrap(),
        format!("{}\n", path.display())
    );
}

#[test]
fn scenarios_with_similar_names_cannot_share_a_snapshot() {
    let pickle = |uri: &str, name: &str, line| {
        Arc::new(Pickle {
            uri: uri.into(),
            ..sample::scenario(name, line)
        })
    };
    let suite = [
        pickle(SOURCE, "Paid & sent", 3),
        pickle(SOURCE, "Paid, sent", 9),
        pickle("features/more/Orders.feature", "paid sent", 2),
        pickle(SOURCE, "Unpaid", 15),
        pickle(SOURCE, "Unpaid", 15),
    ];
    let policy = SnapshotPolicy::read(|_| None).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let snapshots = Snapshots::with_policy(directory.path().to_owned(), suite.into(), policy);
    let name = SnapshotName::new(SOURCE, "Paid & sent", None, SnapshotPart::Timeline);
    assert_eq!(
        snapshots
            .check(&name, "x", SOURCE, 5, STEP)
            .unwrap_err()
            .to_string(),
        "the snapshot orders__paid-sent__timeline belongs to 3 scenarios, which need distinct names: \
         features/orders.feature:3, features/orders.feature:9, features/more/Orders.feature:2"
    );
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);

    let alone = SnapshotName::new(SOURCE, "Unpaid", None, SnapshotPart::Outcome);
    assert!(matches!(
        snapshots.check(&alone, "x", SOURCE, 16, STEP),
        Err(SnapshotError::Missing { .. })
    ));
}

#[test]
fn file_that_is_not_a_snapshot_is_named() {
    let case = SnapshotCase::new(&[]);
    let path = case.directory.path().join("orders__old.snap");
    fs::write(&path, "---\n: : {\n---\nx\n").unwrap();
    let message = case.check("Old", "x").unwrap_err();
    assert!(
        message.starts_with("the snapshot tests/snapshots/orders__old.snap cannot be read: "),
        "{message}"
    );
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(case.check("Old", "x").is_err());
}

use std::{collections::BTreeMap, fs};

use proptest::prelude::*;

use super::*;
use crate::services::DiskStage;

const PATHS: [&str; 4] = ["a", "d/b", "d/e/c", "x y.z"];

/// A command to try; some are refused or fail.
#[derive(Clone, Debug)]
enum DrawnCommand {
    Write(&'static str, usize, String, Option<usize>),
    Delete(usize, Option<usize>),
    /// Of a change by its index.
    Undo(usize),
}

fn commands() -> impl Strategy<Value = Vec<DrawnCommand>> {
    let path = 0..PATHS.len();
    let stage = || proptest::option::weighted(0.3, 0..3_usize);
    let content = "[a-z\n]{0,12}";
    proptest::collection::vec(
        prop_oneof![
            (path.clone(), content, stage())
                .prop_map(|(p, c, s)| DrawnCommand::Write("create", p, c, s)),
            (path.clone(), content, stage())
                .prop_map(|(p, c, s)| DrawnCommand::Write("update", p, c, s)),
            (path, stage()).prop_map(|(p, s)| DrawnCommand::Delete(p, s)),
            (0..12_usize).prop_map(DrawnCommand::Undo),
        ],
        0..24,
    )
}

/// The expected contents by path.
type FileTexts = BTreeMap<&'static str, String>;

/// Every file and folder below the root, with the bytes of files.
fn on_disk(cabinet: &Cabinet) -> Vec<(String, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    let mut folders = vec![cabinet.root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(cabinet.root()).unwrap();
            let name = name.to_str().unwrap().to_owned();
            if path.is_dir() {
                found.push((name, None));
                folders.push(path);
            } else {
                found.push((name, Some(fs::read(path).unwrap())));
            }
        }
    }
    found.sort();
    found
}

fn check(cabinet: &Cabinet, expected: &FileTexts) -> Result<(), TestCaseError> {
    let found = on_disk(cabinet).into_iter().filter_map(|(path, bytes)| {
        let text = String::from_utf8(bytes?).unwrap();
        (!path.contains(".backup.")).then_some((path, text))
    });
    let texts = expected
        .iter()
        .map(|(path, text)| ((*path).to_owned(), text.clone()));
    prop_assert_eq!(found.collect::<Vec<_>>(), texts.collect::<Vec<_>>());
    prop_assert!(cabinet.files.left_behind(|_| false).unwrap().is_empty());
    for (path, text) in expected {
        let read = cabinet.call("get", json!({ "path": path }), None).unwrap();
        prop_assert_eq!(&read["content"], &json!(text));
    }
    Ok(())
}

/// Tries a change; returns whether it was made, which it must be if `can` and without a fault.
fn change(
    cabinet: &Cabinet,
    operation: &str,
    input: &Value,
    key: &Key,
    can: bool,
    stage: Option<usize>,
) -> Result<bool, TestCaseError> {
    let stages = ["staging", "validation", "commit"];
    let stage = stage.map(|stage| stages[stage]);
    let fails = can && stage.is_some_and(|stage| operation != "delete" || stage == "commit");
    if let Some(stage) = stage.filter(|_| fails) {
        let stage: DiskStage = stage.parse().unwrap();
        let fault = cabinet.faults.declare("the disk fails", "here");
        cabinet.files.fail_at(stage, "ENOSPC", Some(1), fault);
    }
    let result = cabinet.call(operation, input.clone(), Some(key.clone()));
    prop_assert_eq!(result.is_ok(), can && !fails, "{:?}", result);
    if let Err(failure) = &result {
        prop_assert_eq!(*failure.code == *"ENOSPC", fails);
        return Ok(false);
    }
    prop_assert_eq!(
        &cabinet.call(operation, input.clone(), Some(key.clone())),
        &result
    );
    Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn disk_matches_the_changes_and_their_undo_restores_the_start(commands in commands()) {
        let cabinet = Cabinet::new();
        let mut model = FileTexts::from([("a", "start".to_owned()), ("d/b", String::new())]);
        for (path, text) in &model {
            cabinet.files.add(path, &json!(text)).unwrap();
        }
        let start = on_disk(&cabinet);
        let started: Vec<_> = PATHS.map(|path| cabinet.files.metadata(path)).into();
        // Changes not undone: key, path and content before.
        let mut done: Vec<(Key, &str, Option<String>)> = Vec::new();
        for (number, command) in commands.into_iter().enumerate() {
            let key = Key::of_step("w-1", &number.to_string());
            match command {
                DrawnCommand::Write(operation, path, content, stage) => {
                    let path = PATHS[path];
                    let can = model.contains_key(path) == (operation == "update");
                    let input = json!({ "path": path, "content": content });
                    if change(&cabinet, operation, &input, &key, can, stage)? {
                        done.push((key, path, model.insert(path, content)));
                    }
                }
                DrawnCommand::Delete(path, stage) => {
                    let path = PATHS[path];
                    let there = model.contains_key(path);
                    if change(&cabinet, "delete", &json!({ "path": path }), &key, there, stage)? {
                        done.push((key, path, model.remove(path)));
                    }
                }
                DrawnCommand::Undo(which) if !done.is_empty() => {
                    let which = which % done.len();
                    let (key, path, before) = done[which].clone();
                    let is_last = done[which + 1..].iter().all(|(_, other, _)| *other != path);
                    let undone = cabinet.call("restore", json!({}), Some(key.undo()));
                    prop_assert_eq!(undone.is_ok(), is_last, "{:?}", undone);
                    if is_last {
                        done.remove(which);
                        match before {
                            Some(text) => model.insert(path, text),
                            None => model.remove(path),
                        };
                    }
                }
                DrawnCommand::Undo(_) => {}
            }
            check(&cabinet, &model)?;
        }
        prop_assert!(cabinet.faults.unused().is_empty());
        for (key, ..) in done.iter().rev() {
            let undone = cabinet.call("delete", json!({}), Some(key.undo()));
            prop_assert!(undone.is_ok(), "{:?}", undone);
        }
        prop_assert_eq!(on_disk(&cabinet), start);
        let ended: Vec<_> = PATHS.map(|path| cabinet.files.metadata(path)).into();
        prop_assert_eq!(ended, started);
    }
}

use std::fs;

use super::*;

fn key(step: &str) -> Key {
    Key::of_step("w-1", step)
}

#[test]
fn undo_is_refused_after_another_change() {
    let cabinet = Cabinet::new();
    let create = json!({ "path": "d/a", "content": "one" });
    cabinet.call("create", create, Some(key("create"))).unwrap();
    let undo = || cabinet.call("delete", json!({}), Some(key("create").undo()));

    // Another change, another byte, and a new file in place of a deleted one.
    let update = json!({ "path": "d/a", "content": "two" });
    cabinet.call("update", update, Some(key("update"))).unwrap();
    assert_eq!(&*undo().unwrap_err().code, "CONCURRENT_MODIFICATION");
    cabinet
        .call("restore", json!({}), Some(key("update").undo()))
        .unwrap();
    fs::write(cabinet.at("d/a"), "other").unwrap();
    assert_eq!(&*undo().unwrap_err().code, "CONCURRENT_MODIFICATION");
    assert_eq!(fs::read_to_string(cabinet.at("d/a")).unwrap(), "other");
    fs::write(cabinet.at("d/a"), "one").unwrap();
    cabinet
        .call("delete", json!({ "path": "d/a" }), Some(key("delete")))
        .unwrap();
    assert_eq!(&*undo().unwrap_err().code, "CONCURRENT_MODIFICATION");
    fs::write(cabinet.at("d/a"), "foreign").unwrap();
    let failure = cabinet.call("restore", json!({}), Some(key("delete").undo()));
    assert_eq!(&*failure.unwrap_err().code, "CONCURRENT_MODIFICATION");
    assert_eq!(fs::read_to_string(cabinet.at("d/a")).unwrap(), "foreign");
    fs::remove_file(cabinet.at("d/a")).unwrap();

    cabinet
        .call("restore", json!({}), Some(key("delete").undo()))
        .unwrap();
    let reply = undo().unwrap();
    assert_eq!(undo().unwrap(), reply, "once");
    assert_eq!(reply["undone"], "create");
    assert!(!cabinet.at("d").exists(), "the folder goes with its file");
    assert!(cabinet.files.on_disk().unwrap().is_empty());
}

#[test]
fn undo_keeps_a_folder_that_others_use() {
    let cabinet = Cabinet::new();
    let create = |path: &str| json!({ "path": path, "content": "" });
    cabinet
        .call("create", create("d/e/a"), Some(key("a")))
        .unwrap();
    cabinet
        .call("create", create("d/b"), Some(key("b")))
        .unwrap();
    cabinet
        .call("delete", json!({}), Some(key("a").undo()))
        .unwrap();
    assert!(cabinet.at("d/b").exists());
    assert!(!cabinet.at("d/e").exists());
}

#[test]
fn undo_of_a_delete_restores_its_removed_backups() {
    let cabinet = Cabinet::new();
    cabinet.files.add("a", &json!("one")).unwrap();
    let update = json!({ "path": "a", "content": "two" });
    cabinet.call("update", update, None).unwrap();
    let before = cabinet.files.backups("a");
    let delete = json!({ "path": "a", "removeBackups": true });
    cabinet.call("delete", delete, Some(key("delete"))).unwrap();
    assert!(cabinet.files.on_disk().unwrap().is_empty());
    cabinet
        .call("restore", json!({}), Some(key("delete").undo()))
        .unwrap();
    assert_eq!(cabinet.files.on_disk().unwrap(), ["a", "a.backup.1"]);
    assert_eq!(cabinet.files.backups("a"), before);
    assert_eq!(fs::read_to_string(cabinet.at("a.backup.1")).unwrap(), "one");
}

#[test]
fn undo_before_its_change_changes_nothing_and_blocks_it() {
    let cabinet = Cabinet::new();
    cabinet.files.add("a", &json!("one")).unwrap();
    let sent = json!({ "path": "a" });
    let undo = json!({ "input": sent, "reply": null });
    let reply = cabinet.call("delete", undo, Some(key("x").undo())).unwrap();
    assert_eq!(
        (&reply["path"], &reply["undone"]),
        (&json!("a"), &Value::Null)
    );
    let late = json!({ "path": "a", "content": "late" });
    let failure = cabinet.call("update", late, Some(key("x"))).unwrap_err();
    assert_eq!(&*failure.code, "CANCELLED");
    assert_eq!(fs::read_to_string(cabinet.at("a")).unwrap(), "one");
}

#[test]
fn undo_of_a_check_that_restored_nothing_changes_nothing() {
    let cabinet = Cabinet::new();
    cabinet.files.add("a", &json!("one")).unwrap();
    let check = json!({ "path": "a", "restore": true });
    cabinet
        .call("validate", check.clone(), Some(key("check")))
        .unwrap();
    let undo = json!({ "input": check, "reply": {} });
    let reply = cabinet
        .call("delete", undo, Some(key("check").undo()))
        .unwrap();
    assert_eq!(reply["undone"], Value::Null);
    assert!(cabinet.at("a").exists());
}

#[test]
fn left_behind_lists_staging_files_stray_backups_and_undone_files() {
    let cabinet = Cabinet::new();
    let left = |undone: &'static str| {
        let left = cabinet
            .files
            .left_behind(|subject| *subject.text == *undone);
        left.unwrap()
    };
    assert!(!cabinet.files.change_requested());
    let create = json!({ "path": "a", "content": "" });
    cabinet.call("create", create, Some(key("a"))).unwrap();
    assert!(cabinet.files.change_requested());
    assert!(left("").is_empty());
    // Another service performed the undo, and the file still exists.
    assert_eq!(left("w-1/a"), ["a"]);
    fs::create_dir(cabinet.at("d")).unwrap();
    fs::write(cabinet.at("d/b.staging"), "").unwrap();
    fs::write(cabinet.at("journal.db"), "").unwrap();
    fs::write(cabinet.at("a.backup.7"), "").unwrap();
    assert_eq!(left(""), ["a.backup.7", "d/b.staging"]);
    cabinet
        .call("delete", json!({}), Some(key("a").undo()))
        .unwrap();
    fs::write(cabinet.at("a"), "").unwrap();
    assert_eq!(left(""), ["a", "a.backup.7", "d/b.staging"]);
}

#![cfg(unix)]

use std::{fs, os::unix::fs::symlink};

use super::*;

/// Another folder, with a file that must stay untouched.
fn outside() -> tempfile::TempDir {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    outside
}

#[test]
fn link_out_of_the_folder_is_refused() {
    let cabinet = Cabinet::new();
    let outside = outside();
    symlink(outside.path(), cabinet.at("folder")).unwrap();
    symlink(outside.path().join("secret"), cabinet.at("file")).unwrap();
    symlink(outside.path().join("new"), cabinet.at("nowhere")).unwrap();
    symlink("loop", cabinet.at("loop")).unwrap();
    symlink("..", cabinet.at("up")).unwrap();
    for path in [
        "folder/secret",
        "folder/new",
        "file",
        "nowhere",
        "loop",
        "up/a",
    ] {
        for (operation, input) in [
            (
                "create",
                json!({ "path": path, "content": "x", "overwriteExisting": true }),
            ),
            ("update", json!({ "path": path, "content": "x" })),
            ("delete", json!({ "path": path })),
            ("get", json!({ "path": path })),
            ("exists", json!({ "path": path })),
            ("describe", json!({ "path": path })),
            ("permit", json!({ "path": path, "permissions": "0600" })),
            ("restore", json!({ "path": path })),
            ("validate", json!({ "path": path })),
        ] {
            let failure = cabinet.call(operation, input, None).unwrap_err();
            assert_eq!(
                &*failure.code, "PATH_OUTSIDE_DIRECTORY",
                "{operation} {path}"
            );
            assert_eq!(failure.field.as_deref(), Some("path"));
        }
    }
    let there: Vec<_> = fs::read_dir(outside.path()).unwrap().collect();
    assert_eq!(there.len(), 1);
    let secret = fs::read_to_string(outside.path().join("secret")).unwrap();
    assert_eq!(secret, "secret");
}

#[test]
fn links_in_place_of_staging_and_backup_files_are_not_followed() {
    let cabinet = Cabinet::new();
    let outside = outside();
    symlink(outside.path().join("secret"), cabinet.at("a.staging")).unwrap();
    symlink(outside.path().join("secret"), cabinet.at("a.backup.1")).unwrap();
    let write = |operation, content| {
        cabinet
            .call(operation, json!({ "path": "a", "content": content }), None)
            .unwrap()
    };
    write("create", "one");
    write("update", "two");
    assert_eq!(fs::read_to_string(cabinet.at("a")).unwrap(), "two");
    assert_eq!(fs::read_to_string(cabinet.at("a.backup.1")).unwrap(), "one");
    let secret = fs::read_to_string(outside.path().join("secret")).unwrap();
    assert_eq!(secret, "secret");
}

#[test]
fn paths_through_links_share_one_file() {
    let cabinet = Cabinet::new();
    cabinet.files.add("real/a", &json!("one")).unwrap();
    symlink("real", cabinet.at("folder")).unwrap();
    symlink("real/a", cabinet.at("file")).unwrap();
    for (path, version) in [("folder/a", 2), ("file", 3), ("real/a", 4)] {
        let input = json!({ "path": path, "content": path });
        let reply = cabinet.call("update", input, None).unwrap();
        assert_eq!(
            (&reply["path"], &reply["version"]),
            (&json!("real/a"), &json!(version))
        );
    }
    assert!(cabinet.at("file").is_symlink());
    assert_eq!(cabinet.files.backups("real/a").len(), 3);
}

#[test]
fn permissions_on_disk_follow_changes_and_undos() {
    use std::os::unix::fs::PermissionsExt as _;
    let cabinet = Cabinet::new();
    let mode = || fs::metadata(cabinet.at("a")).unwrap().permissions().mode() & 0o777;
    let input = json!({ "path": "a", "content": "", "permissions": "0640" });
    cabinet.call("create", input, None).unwrap();
    assert_eq!(mode(), 0o640);
    let key = Key::of_step("w-1", "permit");
    let input = json!({ "path": "a", "permissions": "0400" });
    cabinet.call("permit", input, Some(key.clone())).unwrap();
    assert_eq!(mode(), 0o400);
    cabinet
        .call("update", json!({ "path": "a", "content": "x" }), None)
        .unwrap();
    assert_eq!(mode(), 0o400);
    let failure = cabinet
        .call("permit", json!({}), Some(key.undo()))
        .unwrap_err();
    assert_eq!(&*failure.code, "CONCURRENT_MODIFICATION");

    let key = Key::of_step("w-1", "delete");
    cabinet
        .call("delete", json!({ "path": "a" }), Some(key.clone()))
        .unwrap();
    cabinet
        .call("restore", json!({}), Some(key.undo()))
        .unwrap();
    assert_eq!(mode(), 0o400);
}

use std::{fs, thread};

use super::*;

#[test]
fn reader_sees_only_whole_files_of_concurrent_writers() {
    const WRITERS: usize = 8;
    const WRITES: usize = 20;
    let cabinet = Cabinet::new();
    let content = |by: usize| json!({ "by": by, "text": by.to_string().repeat(4096) });
    cabinet.files.add("a/b.json", &content(0)).unwrap();
    let whole = || {
        let value: Value =
            serde_json::from_slice(&fs::read(cabinet.at("a/b.json")).unwrap()).unwrap();
        let by = usize::try_from(value["by"].as_u64().unwrap()).unwrap();
        assert_eq!(value, content(by));
    };
    thread::scope(|threads| {
        for by in 1..=WRITERS {
            let cabinet = &cabinet;
            threads.spawn(move || {
                for _ in 0..WRITES {
                    let input = json!({ "path": "a/b.json", "content": content(by), "createBackup": false });
                    cabinet.call("update", input, None).unwrap();
                }
            });
        }
        for _ in 0..200 {
            whole();
        }
    });
    whole();
    let version = cabinet.files.metadata("a/b.json").unwrap().version;
    assert_eq!(version as usize, 1 + WRITERS * WRITES);
    assert_eq!(cabinet.files.on_disk().unwrap(), ["a/b.json"]);
    assert!(
        cabinet
            .call("validate", json!({ "path": "a/b.json" }), None)
            .is_ok()
    );
}

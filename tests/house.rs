//! The house: a room imports rooms of a lower number only, never its own number.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const ROOMS: [(&str, u8); 12] = [
    ("clock", 0),
    ("database", 0),
    ("domain", 1),
    ("observability", 2),
    ("resilience", 3),
    ("services", 4),
    ("contracts", 5),
    ("messaging", 5),
    ("cqrs", 6),
    ("orchestration", 7),
    ("harness", 10),
    ("steps", 11),
];

fn number(room: &str) -> Option<u8> {
    ROOMS
        .iter()
        .find(|(name, _)| *name == room)
        .map(|(_, number)| *number)
}

#[test]
fn rooms_import_downwards_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for file in rust_files(&root.join("src"))
        .into_iter()
        .chain(rust_files(&root.join("steps")))
    {
        let shown = file.strip_prefix(root).unwrap().display().to_string();
        let room = room_of(&shown);
        let Some(own) = number(&room) else {
            assert_eq!(room, "lib", "{shown} is in no room of the house");
            continue;
        };
        seen.insert(room.clone());
        for import in imports(&fs::read_to_string(&file).unwrap()) {
            let allowed = import == room || number(&import).is_some_and(|other| other < own);
            if !allowed {
                wrong.push(format!("{shown} ({room}) imports {import}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(seen.len(), ROOMS.len(), "a room is empty: found {seen:?}");
}

#[test]
fn imports_are_found_in_all_their_forms() {
    let source = "use crate::{clock::Clock, domain::{self, Call}};\nlet x = crate::services::y();\n// crate::harness";
    assert_eq!(imports(source), ["clock", "domain", "services"]);
}

/// `src/services/mock.rs` is in `services`, `src/clock.rs` in `clock`, `steps/calls.rs` in `steps`.
fn room_of(path: &str) -> String {
    let path = path.replace('\\', "/");
    let path = path.strip_prefix("src/").unwrap_or(&path);
    let first = path.split('/').next().unwrap_or(path);
    first.trim_end_matches(".rs").to_owned()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The rooms that a source names behind `crate::`, alone or in a group.
fn imports(source: &str) -> Vec<String> {
    let code: String = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut rooms = Vec::new();
    for (at, marker) in code.match_indices("crate::") {
        let rest = &code[at + marker.len()..];
        if rest.starts_with('{') {
            let mut depth = 0;
            let mut name = String::new();
            let mut at_name = false;
            for c in rest.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                let starts = depth == 1 && (c == '{' || c == ',');
                if starts || !(c.is_alphanumeric() || c == '_' || c.is_whitespace()) {
                    if at_name && !name.trim().is_empty() {
                        rooms.push(name.trim().to_owned());
                    }
                    name.clear();
                    at_name = starts;
                } else if at_name {
                    name.push(c);
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
            rooms.push(rest[..end.unwrap_or(rest.len())].to_owned());
        }
    }
    rooms
}

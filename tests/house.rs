//! The house: a room imports only rooms with a lower number, and files form no circle.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const ROOMS: [(&str, u8); 17] = [
    ("clock", 0),
    ("database", 0),
    ("domain", 1),
    ("observability", 2),
    ("resilience", 3),
    ("services", 4),
    ("contracts", 5),
    ("http", 5),
    ("messaging", 5),
    ("cqrs", 6),
    ("systems", 6),
    ("orchestration", 7),
    ("configuration", 8),
    ("control", 8),
    ("tasks", 9),
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
            let is_root = room == "lib" || room == "main";
            assert!(is_root, "{shown} is in no room of the house");
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

/// A module, as the names of its path.
type Module = Vec<String>;

#[test]
fn files_form_no_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut modules = BTreeMap::new();
    for folder in ["src", "steps"] {
        for file in rust_files(&root.join(folder)) {
            let relative = file.strip_prefix(root).unwrap().with_extension("");
            let mut module: Module = relative
                .iter()
                .map(|name| name.to_str().unwrap().to_owned())
                .collect();
            if module[0] == "src" {
                module.remove(0);
            }
            let last = module.last().unwrap().as_str();
            if ["tests", "conformance"]
                .iter()
                .any(|test| module.iter().any(|name| name == test))
            {
                continue;
            }
            if last == "mod" || last == "lib" {
                module.pop();
            }
            let source = fs::read_to_string(&file).unwrap();
            let code = source.split("#[cfg(test)]\nmod ").next().unwrap();
            modules.insert(module, uses(code));
        }
    }
    assert!(
        modules.len() > 100,
        "only {} files were found",
        modules.len()
    );
    let circles = circles(&modules);
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn circle_of_siblings_is_found_through_a_reexport() {
    let file = |module: &str, source: &str| {
        let module = module.split("::").map(str::to_owned).collect();
        (module, uses(source))
    };
    let mut modules = BTreeMap::from([
        file(
            "a",
            "mod b;\nmod c;\npub use b::B;\npub(crate) use self::c::{C, D};\nuse d::E;",
        ),
        file("a::b", "use crate::{clock, a::C};"),
        file("a::c", "use super::{\n    B,\n    b::Other,\n};"),
    ]);
    assert_eq!(circles(&modules), ["a::b -> a::c -> a::b"]);
    // A parent may use what its children use from it.
    modules.extend([file("a::c", "use super::A;")]);
    assert_eq!(circles(&modules), Vec::<String>::new());
}

/// The paths that the `use` items of a source bring in, and whether they are exported.
fn uses(source: &str) -> Vec<(bool, Vec<String>)> {
    let mut uses = Vec::new();
    for item in source.split(';') {
        let item = item.lines().map(str::trim);
        let item: Vec<_> = item.skip_while(|line| !line.contains("use ")).collect();
        let item = item.join(" ");
        let Some((before, tree)) = item.split_once("use ") else {
            continue;
        };
        if before.is_empty() || before.starts_with("pub") {
            expand(tree.trim(), &[], !before.is_empty(), &mut uses);
        }
    }
    uses
}

fn expand(tree: &str, prefix: &[String], exported: bool, uses: &mut Vec<(bool, Vec<String>)>) {
    let (path, group) = match tree.split_once('{') {
        Some((path, group)) => (path.trim_end_matches("::"), group.strip_suffix('}')),
        None => (tree.split(" as ").next().unwrap(), None),
    };
    let names = path
        .split("::")
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let prefix: Vec<String> = prefix
        .iter()
        .cloned()
        .chain(names.map(str::to_owned))
        .collect();
    let Some(group) = group else {
        uses.push((exported, prefix));
        return;
    };
    let (mut depth, mut from) = (0, 0);
    for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let branch = group[from..at].trim();
                if !branch.is_empty() {
                    expand(branch, &prefix, exported, uses);
                }
                from = at + 1;
            }
            _ => {}
        }
    }
}

/// Modules that use each other, directly or through others, each circle once. A module and those within
/// it may use each other.
fn circles(modules: &BTreeMap<Module, Vec<(bool, Vec<String>)>>) -> Vec<String> {
    let mut exports = BTreeMap::new();
    for (module, uses) in modules {
        for (_, path) in uses.iter().filter(|(exported, _)| *exported) {
            if let (Some(target), Some(name)) = (absolute(module, path, modules), path.last()) {
                exports.insert([module.clone(), vec![name.clone()]].concat(), target);
            }
        }
    }
    let edges: BTreeMap<_, BTreeSet<_>> = modules
        .iter()
        .map(|(module, uses)| {
            let others = uses.iter().filter_map(|(_, path)| {
                let other = defined_in(&absolute(module, path, modules)?, &exports, modules)?;
                let is_family = other.starts_with(module) || module.starts_with(&other);
                (!is_family).then_some(other)
            });
            (module, others.collect())
        })
        .collect();
    let mut found = BTreeMap::new();
    for start in modules.keys() {
        if let Some(circle) = way(start, start, &edges) {
            let members: BTreeSet<_> = circle.iter().cloned().collect();
            let names: Vec<_> = circle.iter().map(|module| module.join("::")).collect();
            found.entry(members).or_insert(names.join(" -> "));
        }
    }
    found.into_values().collect()
}

/// The shortest path from a module to another along their uses.
fn way(
    from: &Module,
    to: &Module,
    edges: &BTreeMap<&Module, BTreeSet<Module>>,
) -> Option<Vec<Module>> {
    let mut ways = std::collections::VecDeque::from([vec![from.clone()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in edges.get(way.last()?).into_iter().flatten() {
            let longer = [way.clone(), vec![next.clone()]].concat();
            if next == to {
                return Some(longer);
            }
            if seen.insert(next.clone()) {
                ways.push_back(longer);
            }
        }
    }
    None
}

/// A path from the crate's root; `None` if it leaves the crate.
fn absolute<T>(module: &Module, path: &[String], modules: &BTreeMap<Module, T>) -> Option<Module> {
    let ups = path.iter().take_while(|name| *name == "super").count();
    match path.first()?.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([module, &path[1..]].concat()),
        "super" => Some([&module[..module.len().checked_sub(ups)?], &path[ups..]].concat()),
        first => {
            let child = [module.clone(), vec![first.to_owned()]].concat();
            modules
                .contains_key(&child)
                .then(|| [module, path].concat())
        }
    }
}

/// The module that defines what a path from the crate's root names.
fn defined_in<T>(
    path: &[String],
    exports: &BTreeMap<Module, Module>,
    modules: &BTreeMap<Module, T>,
) -> Option<Module> {
    for end in (1..=path.len()).rev() {
        if modules.contains_key(&path[..end]) {
            return Some(path[..end].to_vec());
        }
        if let Some(target) = exports.get(&path[..end]) {
            return defined_in(&[target, &path[end..]].concat(), exports, modules);
        }
    }
    None
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

/// The rooms that a source names after `crate::`, alone or in a group.
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

use std::{
    fs, io,
    num::NonZeroUsize,
    path::{Component, Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use globset::GlobBuilder;

use super::{
    diagnostic::Diagnostic,
    gherkin::{Compiled, compile},
    select::FeatureLocation,
};

/// Why there are no features to run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeaturesError {
    /// No feature was found.
    #[error("no feature found: looked for {wanted} in {}", .folder.display())]
    NotFound {
        /// What was looked for.
        wanted: String,
        /// Where.
        folder: PathBuf,
    },
    /// A pattern that is not valid.
    #[error(
        "{pattern:?} is not a valid file pattern, expected one such as \"features/**/*.feature\""
    )]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A folder that cannot be read.
    #[error("the folder {} cannot be read", .folder.display())]
    Unreadable {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Every file that is not valid Gherkin.
    #[error("{} of the features cannot be read", .0.len())]
    Faulty(Vec<Diagnostic>),
}

/// The features of a run.
#[derive(Debug)]
pub struct Features {
    /// Their scenarios, in order of their paths.
    pub pickles: Vec<Compiled>,
    /// The files without a scenario.
    pub without_scenario: Vec<String>,
}

/// Reads the features that a path or a pattern below a folder matches, in order of their paths; if there
/// are `locations`, only their files.
///
/// # Errors
///
/// If there are no features, or if any of them is not valid; all faults are reported together.
pub fn load(
    input: &str,
    folder: &Path,
    root: &Path,
    locations: &[FeatureLocation],
) -> Result<Features, FeaturesError> {
    let mut files = find(input, folder)?;
    if !locations.is_empty() {
        files.retain(|file| {
            let uri = uri(file, root);
            locations.iter().any(|location| location.is_in(&uri))
        });
    }
    let next = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let compile_some = || {
        let mut compiled = Vec::new();
        while let Some((index, file)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            files.get(index).map(|file| (index, file))
        } {
            compiled.push((index, compile_file(file, root)));
        }
        compiled
    };
    let mut results = thread::scope(|scope| {
        let others: Vec<_> = (1..workers.min(files.len()))
            .map(|_| scope.spawn(compile_some))
            .collect();
        let mut results = compile_some();
        for other in others {
            match other.join() {
                Ok(more) => results.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    });
    results.sort_by_key(|(index, _)| *index);
    let mut pickles = Vec::new();
    let mut without_scenario = Vec::new();
    let mut faults = Vec::new();
    for (index, result) in results {
        match result {
            Ok(more) if more.is_empty() => without_scenario.push(uri(&files[index], root)),
            Ok(more) => pickles.extend(more),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        Ok(Features {
            pickles,
            without_scenario,
        })
    } else {
        Err(FeaturesError::Faulty(faults))
    }
}

/// The folder that paths in reports are relative to: the package's at run time, else the current one.
///
/// The one at compile time would be wrong for a binary that was moved, and for a crate that uses
/// this one.
pub fn package_root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .or_else(|| std::env::current_dir().ok())
        .unwrap_or_default()
}

/// A file's path as reports show it: relative to `root` if it is in it, with `/` between folders.
pub fn uri(file: &Path, root: &Path) -> String {
    let inside = std::path::absolute(file).ok().and_then(|file| {
        let root = std::path::absolute(root).ok()?;
        Some(
            normalized(&file)
                .strip_prefix(normalized(&root))
                .ok()?
                .to_owned(),
        )
    });
    let shown = inside.unwrap_or_else(|| normalized(file));
    shown.to_string_lossy().replace('\\', "/")
}

fn compile_file(file: &Path, root: &Path) -> Result<Vec<Compiled>, Diagnostic> {
    let uri = uri(file, root);
    match fs::read(file) {
        Ok(bytes) => compile(&uri, &bytes),
        Err(error) => Err(Diagnostic::unreadable(&uri, &error)),
    }
}

fn find(input: &str, folder: &Path) -> Result<Vec<PathBuf>, FeaturesError> {
    let path = folder.join(input);
    let mut files = Vec::new();
    if path.is_dir() {
        walk(&path, &mut files)?;
        files.retain(|file| file.extension().is_some_and(|ext| ext == "feature"));
    } else if path.is_file() {
        files.push(path);
    } else if input.contains(['*', '?', '[', '{']) {
        let base: PathBuf = path
            .components()
            .take_while(|part| {
                !part
                    .as_os_str()
                    .to_string_lossy()
                    .contains(['*', '?', '[', '{'])
            })
            .collect();
        let pattern = GlobBuilder::new(&path.to_string_lossy())
            .literal_separator(true)
            .build()
            .map_err(|source| FeaturesError::Pattern {
                pattern: input.to_owned(),
                source: source.into(),
            })?
            .compile_matcher();
        if base.is_dir() {
            walk(&base, &mut files)?;
        }
        files.retain(|file| pattern.is_match(file));
    }
    if files.is_empty() {
        return Err(FeaturesError::NotFound {
            wanted: if folder.join(input).is_dir() {
                format!("\"*.feature\" below {input:?}")
            } else {
                format!("{input:?}")
            },
            folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()),
        });
    }
    files.sort();
    Ok(files)
}

/// All files below a folder. Links to folders are not followed: they may form a cycle.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), FeaturesError> {
    let unreadable = |source| FeaturesError::Unreadable {
        folder: folder.to_owned(),
        source,
    };
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        if entry.file_type().map_err(unreadable)?.is_dir() {
            walk(&path, files)?;
        } else if path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

fn normalized(path: &Path) -> PathBuf {
    path.components()
        .filter(|part| *part != Component::CurDir)
        .fold(PathBuf::new(), |mut normalized, part| {
            if part != Component::ParentDir || !normalized.pop() {
                normalized.push(part);
            }
            normalized
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEATURE: &str = "Feature: a\n  Scenario: b\n    Given x\n";

    fn names(input: &str, folder: &Path) -> Vec<String> {
        let pickles = load(input, folder, folder, &[]).unwrap().pickles;
        pickles
            .iter()
            .map(|found| found.pickle.uri.to_string())
            .collect()
    }

    #[test]
    fn features_are_found_by_folder_file_and_pattern_in_path_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for file in ["f/b.feature", "f/a/z.feature", "f/a.feature", "f/notes.md"] {
            fs::create_dir_all(path.join(file).parent().unwrap()).unwrap();
            fs::write(path.join(file), FEATURE).unwrap();
        }
        let all = ["f/a/z.feature", "f/a.feature", "f/b.feature"];
        assert_eq!(names("f", path), all);
        assert_eq!(names("./f/../f/", path), all);
        assert_eq!(names("f/**/*.feature", path), all);
        assert_eq!(names("f/*.feature", path), all[1..]);
        assert_eq!(names("f/b.feature", path), all[2..]);
    }

    #[test]
    fn missing_feature_is_reported_with_the_folder_searched() {
        let folder = tempfile::tempdir().unwrap();
        for input in ["features", "*.feature", "."] {
            let error = load(input, folder.path(), folder.path(), &[]).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(input), "{message}");
            assert!(
                message.contains(folder.path().to_str().unwrap()),
                "{message}"
            );
        }
        let pattern = load("a/[", folder.path(), folder.path(), &[]);
        assert!(matches!(pattern, Err(FeaturesError::Pattern { .. })));
    }

    #[test]
    fn faults_of_all_files_are_reported_in_path_order() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.feature"), "Nonsense").unwrap();
        fs::write(folder.path().join("b.feature"), FEATURE).unwrap();
        fs::write(folder.path().join("c.feature"), b"\xff").unwrap();
        let Err(FeaturesError::Faulty(faults)) = load(".", folder.path(), folder.path(), &[])
        else {
            panic!("accepted");
        };
        let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert!(faults[0].starts_with("a.feature:1:1: "), "{faults:?}");
        assert!(faults[1].starts_with("c.feature:1:1: "), "{faults:?}");
        assert_eq!(faults.len(), 2);
    }
}

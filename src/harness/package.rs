use std::path::PathBuf;

/// The folder that paths in reports are relative to: the package's at run time, else the current one.
///
/// The one at compile time would be wrong for a binary that was moved, and for
/// a crate that uses this one.
pub fn package_root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .or_else(|| std::env::current_dir().ok())
        .unwrap_or_default()
}

/// A place in source as people look for it: without the detour that `#[path]` makes.
pub(super) fn source_place(place: &str) -> String {
    place.replace("src/../", "")
}

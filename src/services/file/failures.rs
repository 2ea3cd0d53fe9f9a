use std::{io, path::Path};

use crate::domain::{Failure, code, did_you_mean};
pub(super) use crate::services::refused;

/// The result of a file operation.
pub(super) type FileResult<T> = Result<T, Box<Failure>>;

/// The field of most failures.
pub(super) const PATH: &str = "path";

/// The file does not exist; suggests the nearest.
pub(super) fn not_found(path: &str, others: Vec<&str>) -> Box<Failure> {
    let message = format!(
        "the file {path:?} does not exist: {}",
        did_you_mean(path, others)
    );
    refused(code::FILE_NOT_FOUND, PATH, message)
}

/// Someone else has changed the file.
pub(super) fn concurrent(message: impl Into<String>) -> Box<Failure> {
    refused(code::CONCURRENT_MODIFICATION, PATH, message)
}

/// An I/O error of a file, with the matching code.
pub(super) fn io_failure(doing: &str, path: &Path, error: &io::Error) -> Box<Failure> {
    // Only the name, since the scenario's folder differs from run to run.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let message = format!("{doing} {name:?}: {error}");
    Box::new(Failure::new(io_code(error), message).field(PATH))
}

fn io_code(error: &io::Error) -> &'static str {
    // `EPERM` and `EACCES` are one kind in the standard library; on unix their numbers differ.
    const UNIX_EPERM: i32 = 1;
    match error.kind() {
        io::ErrorKind::StorageFull => code::ENOSPC,
        io::ErrorKind::NotFound => code::FILE_NOT_FOUND,
        io::ErrorKind::PermissionDenied
            if cfg!(unix) && error.raw_os_error() == Some(UNIX_EPERM) =>
        {
            code::EPERM
        }
        io::ErrorKind::PermissionDenied => code::EACCES,
        _ => code::IO_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_error_gets_its_code_and_keeps_its_message() {
        for (error, code) in [
            (io::ErrorKind::StorageFull, "ENOSPC"),
            (io::ErrorKind::PermissionDenied, "EACCES"),
            (io::ErrorKind::NotFound, "FILE_NOT_FOUND"),
            (io::ErrorKind::NotADirectory, "IO_ERROR"),
        ] {
            let error = io::Error::from(error);
            let failure = io_failure("writing", Path::new("/somewhere/a.json"), &error);
            assert_eq!(&*failure.code, code);
            assert_eq!(failure.message, format!("writing \"a.json\": {error}"));
        }
        #[cfg(unix)]
        {
            let error = io::Error::from_raw_os_error(1);
            assert_eq!(io_code(&error), "EPERM");
        }
    }
}

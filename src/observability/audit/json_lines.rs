use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use super::{AuditEntry, AuditError, AuditStore, AuditType};
use crate::domain::from_json;

/// An audit trail as JSON lines: one entry a line, each written at once.
///
/// Entries survive the death of the process; a line that it was writing is dropped when the file is
/// opened again. One process uses a file at a time.
#[derive(Debug)]
pub struct JsonLinesAudit {
    path: PathBuf,
    file: File,
    /// The length of the whole lines, in bytes.
    length: u64,
    last_id: u64,
    /// Whether there may be half a line behind them.
    is_torn: bool,
}

impl JsonLinesAudit {
    /// Opens a file, or creates it. The second result says what was dropped from it: the half-written
    /// last line of a process that was lost.
    ///
    /// # Errors
    ///
    /// [`AuditError::Unusable`] if another process uses the file, or it cannot be opened;
    /// [`AuditError::Corrupt`] with the line if one of its lines is not an entry. It is left as it is.
    pub fn open(path: impl AsRef<Path>) -> Result<(Self, Option<String>), AuditError> {
        let path = path.as_ref();
        let unusable = |why: String| AuditError::Unusable {
            path: path.display().to_string(),
            why,
        };
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| unusable(error.to_string()))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(unusable("another process uses it".to_owned()));
            }
            Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => {
                return Err(unusable(error.to_string()));
            }
            _ => {}
        }
        let mut store = Self {
            path: path.to_owned(),
            file,
            length: 0,
            last_id: 0,
            is_torn: false,
        };
        let dropped = store.check_lines()?;
        Ok((store, dropped))
    }

    /// Reads the whole file, and ends or drops a last line that was written in part.
    fn check_lines(&mut self) -> Result<Option<String>, AuditError> {
        let bytes = self.bytes()?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let (lines, rest) = bytes.split_at(whole.map_or(0, |end| end + 1));
        let entries = self.read(lines)?;
        self.length = lines.len() as u64;
        self.last_id = entries.last().map_or(0, |entry| entry.id);
        if rest.is_empty() {
            return Ok(None);
        }
        // It may lack its end only.
        if let Ok(entries) = self.read(&bytes) {
            self.write(&[rest, b"\n"].concat()).map_err(unwritable)?;
            self.last_id = entries.last().map_or(0, |entry| entry.id);
            return Ok(None);
        }
        self.mend().map_err(unwritable)?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let line = entries.len() + 1;
        let why = "the last line was written in part and is dropped";
        Ok(Some(format!("{name}:{line}: {why}")))
    }

    /// Removes what is behind the whole lines.
    fn mend(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.is_torn = false;
        Ok(())
    }

    /// Writes behind the whole lines.
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.mend()?;
        }
        self.is_torn = true;
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(line)?;
        self.is_torn = false;
        self.length += line.len() as u64;
        Ok(())
    }

    fn bytes(&self) -> Result<Vec<u8>, AuditError> {
        let mut bytes = Vec::new();
        let mut file = &self.file;
        let read = file.seek(SeekFrom::Start(0));
        read.and_then(|_| file.read_to_end(&mut bytes))
            .map_err(|error| AuditError::Unreadable(error.into()))?;
        Ok(bytes)
    }

    fn read(&self, lines: &[u8]) -> Result<Vec<AuditEntry>, AuditError> {
        let path = self.path.display();
        let corrupt = |line, why: &str| AuditError::Corrupt(format!("{path}:{line}: {why}"));
        let mut entries: Vec<AuditEntry> = Vec::new();
        for (line, text) in (1..).zip(lines.split_inclusive(|byte| *byte == b'\n')) {
            let text = text.strip_suffix(b"\n").unwrap_or(text);
            let text = str::from_utf8(text).map_err(|error| corrupt(line, &error.to_string()))?;
            let entry: AuditEntry = from_json(text, &path.to_string(), line)
                .map_err(|error| AuditError::Corrupt(error.to_string()))?;
            let last = entries.last().map_or(0, |entry| entry.id);
            if entry.id <= last {
                let why = format!("expected an id above {last}, found {}", entry.id);
                return Err(corrupt(line, &why));
            }
            if let Some(confidence) = entry.confidence
                && !(0.0..=1.0).contains(&confidence)
            {
                let why = format!("expected a confidence of 0 to 1, found {confidence}");
                return Err(corrupt(line, &why));
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    /// The entries that are wanted, oldest first.
    fn select(&self, wanted: impl Fn(&AuditEntry) -> bool) -> Result<Vec<AuditEntry>, AuditError> {
        let mut bytes = self.bytes()?;
        bytes.truncate(usize::try_from(self.length).unwrap_or(usize::MAX));
        let mut entries = self.read(&bytes)?;
        entries.retain(wanted);
        Ok(entries)
    }

    fn latest(
        &self,
        limit: usize,
        wanted: impl Fn(&AuditEntry) -> bool,
    ) -> Result<Vec<AuditEntry>, AuditError> {
        let mut entries = self.select(wanted)?;
        entries.reverse();
        entries.truncate(limit);
        Ok(entries)
    }
}

impl AuditStore for JsonLinesAudit {
    fn append(&mut self, entry: &AuditEntry) -> Result<(), AuditError> {
        let mut line = serde_json::to_vec(entry)
            .map_err(|error| AuditError::Unwritable(Some(error.into())))?;
        line.push(b'\n');
        self.write(&line).map_err(unwritable)?;
        self.last_id = entry.id;
        Ok(())
    }

    fn last_id(&self) -> Result<u64, AuditError> {
        Ok(self.last_id)
    }

    fn of_trace(&self, trace: &str) -> Result<Vec<AuditEntry>, AuditError> {
        self.select(|entry| *entry.trace == *trace)
    }

    fn of_type(&self, kind: AuditType, limit: usize) -> Result<Vec<AuditEntry>, AuditError> {
        self.latest(limit, |entry| entry.kind == kind)
    }

    fn recent(&self, limit: usize) -> Result<Vec<AuditEntry>, AuditError> {
        self.latest(limit, |_| true)
    }
}

fn unwritable(error: io::Error) -> AuditError {
    AuditError::Unwritable(Some(error.into()))
}

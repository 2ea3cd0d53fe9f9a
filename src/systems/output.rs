use std::{
    io::{BufRead as _, BufReader, Read},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::domain::Locked;

/// What a program has written over all its processes: the last mebibyte of it.
#[derive(Clone, Debug, Default)]
pub struct Output {
    kept: Arc<Locked<Kept>>,
    /// How many streams are still read.
    readers: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Kept {
    text: String,
    /// Where the output of the current process begins.
    current: usize,
    /// Whether earlier lines were dropped.
    is_cut: bool,
}

const LIMIT: usize = 1024 * 1024;

/// How long to wait for the output of a process that is gone.
const UNTIL_READ: Duration = Duration::from_millis(500);

/// A line that is longer is kept in parts.
const LONGEST_LINE: u64 = 16 * 1024;

impl Output {
    /// Reads a stream of a new process until its end, so that a full pipe never blocks it.
    ///
    /// # Errors
    ///
    /// If no thread can be started.
    pub fn read(&self, stream: impl Read + Send + 'static) -> std::io::Result<()> {
        let output = self.clone();
        self.readers.fetch_add(1, Ordering::Relaxed);
        let read = move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while let Ok(1..) = (&mut stream)
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut line)
            {
                output.kept.lock().push(&String::from_utf8_lossy(&line));
                line.clear();
            }
            output.readers.fetch_sub(1, Ordering::Relaxed);
        };
        let thread = thread::Builder::new().name("process-output".to_owned());
        thread.spawn(read).map(|_| ())
    }

    /// Waits until all is read that processes have written which are gone, but not for long: something that
    /// they have started may hold a stream open.
    pub fn wait_until_read(&self) {
        let began = Instant::now();
        while self.readers.load(Ordering::Relaxed) > 0 && began.elapsed() < UNTIL_READ {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// A new process begins.
    pub fn begin(&self) {
        let mut kept = self.kept.lock();
        kept.current = kept.text.len();
    }

    /// Whether a line of the current process matches.
    #[cfg(feature = "http")]
    pub fn matches(&self, regex: &regex::Regex) -> bool {
        let kept = self.kept.lock();
        kept.text[kept.current..]
            .lines()
            .any(|line| regex.is_match(line))
    }

    /// All that is kept.
    pub fn text(&self) -> String {
        let kept = self.kept.lock();
        match kept.is_cut {
            true => format!("(earlier output was dropped)\n{}", kept.text),
            false => kept.text.clone(),
        }
    }

    /// The last lines.
    pub fn tail(&self, lines: usize) -> String {
        let text = self.text();
        let count = text.lines().count();
        let tail = text.lines().skip(count.saturating_sub(lines));
        tail.map(|line| format!("\n  {line}")).collect()
    }
}

impl Kept {
    fn push(&mut self, line: &str) {
        self.text.push_str(line);
        if self.text.len() <= LIMIT {
            return;
        }
        // Half is dropped at once, so that each line is moved a few times at most.
        let half = self.text.len() - LIMIT / 2;
        let start = self.text[..]
            .char_indices()
            .map(|(index, _)| index)
            .find(|index| *index >= half)
            .unwrap_or(0);
        let line_end = self.text[start..]
            .find('\n')
            .map_or(start, |end| start + end + 1);
        self.text.drain(..line_end);
        self.current = self.current.saturating_sub(line_end);
        self.is_cut = true;
    }
}

#[cfg(all(test, feature = "http"))]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn only_the_last_output_is_kept() {
        let output = Output::default();
        for number in 0..200_000 {
            output.kept.lock().push(&format!("line {number} ä\n"));
        }
        let text = output.text();
        assert!(text.len() < LIMIT + 100 && text.len() > LIMIT / 2 - 100);
        assert!(text.starts_with("(earlier output was dropped)\nline "));
        assert!(output.tail(1).ends_with("line 199999 ä"));
        assert!(output.matches(&Regex::new("^line 199998 ").unwrap()));
        output.begin();
        assert!(!output.matches(&Regex::new("^line 199998 ").unwrap()));
    }
}

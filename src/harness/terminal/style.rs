use std::{
    fmt,
    io::{self, Write},
};

use crate::harness::events::Status;

/// Tones that colours distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Heading,
    Good,
    Bad,
    Unfinished,
    Aside,
}

/// Text in a tone, or as it is.
pub(super) struct Painted<T> {
    tone: Option<Tone>,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(tone) = self.tone else {
            return self.text.fmt(f);
        };
        let code = match tone {
            Tone::Heading => "1",
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Unfinished => "33",
            Tone::Aside => "2",
        };
        write!(f, "\x1b[{code}m{}\x1b[0m", self.text)
    }
}

/// Whether there is colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub color: bool,
}

impl Style {
    pub fn paint<T: fmt::Display>(self, tone: Tone, text: T) -> Painted<T> {
        Painted {
            tone: self.color.then_some(tone),
            text,
        }
    }

    /// The mark before a step or a scenario with this status.
    pub fn mark(self, status: Status) -> Painted<&'static str> {
        let mark = match status {
            Status::Passed => "✔",
            Status::Failed => "✘",
            Status::Skipped => "↷",
            Status::Pending => "…",
            Status::Undefined => "?",
            Status::Ambiguous => "≟",
        };
        self.paint(tone(status), mark)
    }

    /// Writes lines after an indent; what a difference misses or adds stands out.
    pub fn write_lines(self, out: &mut impl Write, indent: &str, text: &str) -> io::Result<()> {
        for line in text.lines() {
            let tone = match line.as_bytes() {
                [] => {
                    writeln!(out)?;
                    continue;
                }
                [b'-', b' ', ..] => Some(Tone::Bad),
                [b'+', b' ', ..] => Some(Tone::Good),
                _ => None,
            };
            match tone {
                Some(tone) => writeln!(out, "{indent}{}", self.paint(tone, line))?,
                None => writeln!(out, "{indent}{line}")?,
            }
        }
        Ok(())
    }
}

/// The tone of a status.
pub(super) fn tone(status: Status) -> Tone {
    match status {
        Status::Passed => Tone::Good,
        Status::Failed => Tone::Bad,
        Status::Skipped => Tone::Aside,
        Status::Pending | Status::Undefined | Status::Ambiguous => Tone::Unfinished,
    }
}

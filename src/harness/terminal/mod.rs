//! The run as text, on a terminal or in a file.

mod failure;
mod progress;
mod style;
mod totals;

use std::{
    collections::HashSet,
    io::{self, BufWriter, Write},
    sync::Arc,
    time::Duration,
};

pub use self::progress::ProgressLine;
use self::{
    failure::{write_evidence, write_failures, write_steps},
    style::{Style, Tone},
    totals::Totals,
};
use super::{
    attempt::Attempt,
    events::{RunEvent, Status, View},
};
use crate::domain::short_duration;

/// How a [`Terminal`] writes.
#[derive(Clone, Debug)]
pub struct TerminalOptions {
    /// With ANSI colours.
    pub color: bool,
    /// The steps of scenarios that passed, too.
    pub verbose: bool,
    /// Failures and the summary only.
    pub quiet: bool,
    /// The command before a scenario's location in the line that reproduces a failure, such as
    /// `cargo test --test cucumber --`.
    pub reproduce: String,
}

/// Writes the run as text: a line for each scenario, all details of each that did not pass, and a
/// summary.
///
/// Only the last line depends on real time.
pub struct Terminal {
    out: BufWriter<Box<dyn Write + Send>>,
    options: TerminalOptions,
    style: Style,
    seed: u64,
    /// Whether scenarios are only checked; then only those with a problem are shown unless verbose.
    dry_run: bool,
    attempt: Option<Attempt>,
    feature: Option<Arc<str>>,
    rule: Option<Arc<str>>,
    features: HashSet<Arc<str>>,
    /// Whether a blank line must precede anything but the next scenario.
    due: bool,
    totals: Totals,
}

impl Terminal {
    /// Writes to `out`, in large pieces: at the end of each feature and after each failure.
    pub fn new(out: Box<dyn Write + Send>, options: TerminalOptions) -> Self {
        Self {
            out: BufWriter::with_capacity(64 * 1024, out),
            style: Style {
                color: options.color,
            },
            options,
            seed: 0,
            dry_run: false,
            attempt: None,
            feature: None,
            rule: None,
            features: HashSet::new(),
            due: false,
            totals: Totals::default(),
        }
    }

    fn finish(
        &mut self,
        attempt: &Attempt,
        status: Status,
        covered: Duration,
        repeated: bool,
    ) -> io::Result<()> {
        if self.features.insert(Arc::clone(&attempt.pickle.uri)) {
            self.totals.features += 1;
        }
        self.totals.add(attempt, status, covered, repeated);
        let fails = status.fails_run(&attempt.pickle) && !repeated;
        let quiet = self.options.quiet || self.dry_run && !self.options.verbose;
        if quiet && !fails {
            return Ok(());
        }

        self.write_headings(attempt)?;
        self.due = true;
        let (indent, deeper, deepest) = match attempt.pickle.rule {
            None => ("  ", "    ", "      "),
            Some(_) => ("    ", "      ", "        "),
        };
        let (out, style, name) = (&mut self.out, self.style, &attempt.pickle.name);
        if repeated {
            let (number, status) = (attempt.number, status.as_str());
            let line = format_args!("↻ attempt {number} of {name} {status}, retried");
            writeln!(out, "{indent}{}", style.paint(Tone::Unfinished, line))?;
            if let Some(line) = attempt.message().and_then(|message| message.lines().next()) {
                writeln!(out, "{deeper}{line}")?;
            }
            return Ok(());
        }

        write!(out, "{indent}{} {name}", style.mark(status))?;
        let aside = |text| style.paint(Tone::Aside, text);
        let covered = attempt.virtual_time(covered).filter(|_| !self.dry_run);
        match (covered, status) {
            _ if self.dry_run && status == Status::Passed => {
                writeln!(out, " {}", aside(format_args!("(checked)")))?;
            }
            (Some(time), Status::Passed) => {
                writeln!(
                    out,
                    " {}",
                    aside(format_args!("({})", short_duration(time)))
                )?;
            }
            (Some(time), Status::Failed) => {
                let text = format_args!("(failed, {})", short_duration(time));
                writeln!(out, " {}", aside(text))?;
            }
            (None, Status::Passed) => writeln!(out)?,
            _ => writeln!(out, " {}", aside(format_args!("({})", status.as_str())))?,
        }
        for warning in &attempt.warnings {
            let mark = style.paint(Tone::Unfinished, "warning:");
            writeln!(out, "{deeper}{mark} {warning}")?;
        }
        match status {
            Status::Passed => {
                if self.options.verbose {
                    write_steps(out, style, deeper, attempt)?;
                }
                return Ok(());
            }
            Status::Skipped | Status::Pending => {
                write_steps(out, style, deeper, attempt)?;
                write_failures(out, style, deepest, attempt)?;
                writeln!(out)?;
            }
            Status::Failed | Status::Undefined | Status::Ambiguous => {
                write_steps(out, style, deeper, attempt)?;
                write_failures(out, style, deepest, attempt)?;
                let reproduce = &self.options.reproduce;
                let how = match self.dry_run {
                    true => "--dry-run".to_owned(),
                    false => format!("--seed {}", self.seed),
                };
                write_evidence(out, style, deepest, attempt, reproduce, &how)?;
            }
        }
        self.due = false;
        self.out.flush()
    }

    fn write_findings(&mut self, heading: &str, findings: &[String]) -> io::Result<()> {
        if std::mem::take(&mut self.due) {
            writeln!(self.out)?;
        }
        writeln!(self.out, "{}", self.style.paint(Tone::Heading, heading))?;
        for finding in findings {
            writeln!(self.out, "  {finding}")?;
        }
        writeln!(self.out)
    }

    fn write_headings(&mut self, attempt: &Attempt) -> io::Result<()> {
        let pickle = &attempt.pickle;
        if self.feature.as_ref() != Some(&pickle.uri) {
            if self.due {
                writeln!(self.out)?;
            }
            self.out.flush()?;
            let heading = format_args!("Feature: {}", pickle.feature);
            let uri = self.style.paint(Tone::Aside, &pickle.uri);
            let heading = self.style.paint(Tone::Heading, heading);
            writeln!(self.out, "{heading} {uri}")?;
            self.feature = Some(Arc::clone(&pickle.uri));
            self.rule = None;
        }
        if self.rule != pickle.rule {
            if let Some(rule) = &pickle.rule {
                let heading = format_args!("Rule: {rule}");
                let heading = self.style.paint(Tone::Heading, heading);
                writeln!(self.out, "  {heading}")?;
            }
            self.rule.clone_from(&pickle.rule);
        }
        Ok(())
    }
}

impl View for Terminal {
    fn handle(&mut self, event: &RunEvent) -> io::Result<()> {
        Attempt::follow(&mut self.attempt, event);
        match event {
            RunEvent::TestRunStarted { seed, dry_run, .. } => {
                (self.seed, self.dry_run) = (*seed, *dry_run);
            }
            RunEvent::FindingsListed { heading, findings } => {
                self.write_findings(heading, findings)?;
            }
            RunEvent::TestCaseFinished {
                status,
                virtual_time,
                will_be_retried,
            } => {
                if let Some(attempt) = self.attempt.take() {
                    self.finish(&attempt, *status, *virtual_time, *will_be_retried)?;
                    self.attempt = Some(attempt);
                }
            }
            RunEvent::TestRunFinished { real_time } => {
                if self.due {
                    writeln!(self.out)?;
                }
                match self.dry_run {
                    true => self
                        .totals
                        .write_checked(&mut self.out, self.style, *real_time)?,
                    false => self.totals.write(&mut self.out, self.style, *real_time)?,
                }
                self.out.flush()?;
            }
            RunEvent::TestCaseStarted { .. }
            | RunEvent::TestStepFinished { .. }
            | RunEvent::HookFinished { .. }
            | RunEvent::Attached(_) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

use std::{
    fmt,
    io::{self, Write},
    time::Duration,
};

use super::style::{Style, Tone, tone};
use crate::{
    domain::short_duration,
    harness::{attempt::Attempt, events::Status},
};

/// The minimum number of scenarios of a run whose summary lists those that did not pass.
const LISTED_FROM: usize = 4;

const ORDER: [Status; 6] = [
    Status::Passed,
    Status::Failed,
    Status::Undefined,
    Status::Ambiguous,
    Status::Pending,
    Status::Skipped,
];

/// The counts and times of a run.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub features: usize,
    scenarios: Counts,
    steps: Counts,
    virtual_time: Duration,
    failed: Vec<(String, String)>,
}

impl Totals {
    /// Counts an attempt's time, and unless it is repeated, its scenario and steps.
    pub fn add(&mut self, attempt: &Attempt, status: Status, covered: Duration, repeated: bool) {
        let covered = attempt.virtual_time(covered).unwrap_or_default();
        self.virtual_time = self.virtual_time.saturating_add(covered);
        if repeated {
            return;
        }
        self.scenarios.add(status);
        for (_, status) in attempt.steps() {
            self.steps.add(status);
        }
        if status.fails_run(&attempt.pickle) {
            let pickle = &attempt.pickle;
            self.failed.push((pickle.location(), pickle.name.clone()));
        }
    }

    pub fn write(&self, out: &mut impl Write, style: Style, real_time: Duration) -> io::Result<()> {
        self.write_failed(out, style)?;
        writeln!(out, "{}", Plural(self.features, "feature"))?;
        self.scenarios.write(out, style, "scenario")?;
        self.steps.write(out, style, "step")?;
        writeln!(
            out,
            "{} virtual, {:.2} s real",
            short_duration(self.virtual_time),
            real_time.as_secs_f64()
        )
    }

    /// As [`write`](Self::write), of a dry run.
    pub fn write_checked(
        &self,
        out: &mut impl Write,
        style: Style,
        real_time: Duration,
    ) -> io::Result<()> {
        self.write_failed(out, style)?;
        writeln!(out, "{}", Plural(self.features, "feature"))?;
        let scenarios = Plural(self.scenarios.total(), "scenario");
        write!(out, "{scenarios} checked, none run")?;
        self.scenarios
            .write_statuses(out, style, &[Status::Passed])?;
        writeln!(out, "{:.2} s real", real_time.as_secs_f64())
    }

    fn write_failed(&self, out: &mut impl Write, style: Style) -> io::Result<()> {
        if !self.failed.is_empty() && self.scenarios.total() >= LISTED_FROM {
            writeln!(out, "{}", style.paint(Tone::Bad, "Did not pass:"))?;
            let widest = self.failed.iter().map(|(at, _)| at.len()).max();
            for (location, name) in &self.failed {
                writeln!(out, "  {location:<0$}  {name}", widest.unwrap_or(0))?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Counts([usize; ORDER.len()]);

impl Counts {
    fn add(&mut self, status: Status) {
        for (count, counted) in self.0.iter_mut().zip(ORDER) {
            *count += usize::from(counted == status);
        }
    }

    fn total(&self) -> usize {
        self.0.iter().sum()
    }

    fn write(&self, out: &mut impl Write, style: Style, noun: &str) -> io::Result<()> {
        write!(out, "{}", Plural(self.total(), noun))?;
        self.write_statuses(out, style, &[])
    }

    fn write_statuses(
        &self,
        out: &mut impl Write,
        style: Style,
        left_out: &[Status],
    ) -> io::Result<()> {
        let counts = self.0.iter().zip(ORDER);
        let counts = counts.filter(|(count, status)| **count > 0 && !left_out.contains(status));
        let (mut separator, mut end) = (" (", "");
        for (count, status) in counts {
            let text = format_args!("{count} {}", status.as_str());
            write!(out, "{separator}{}", style.paint(tone(status), text))?;
            (separator, end) = (", ", ")");
        }
        writeln!(out, "{end}")
    }
}

struct Plural<'a>(usize, &'a str);

impl fmt::Display for Plural<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count, noun) = self;
        write!(f, "{count} {noun}{}", if *count == 1 { "" } else { "s" })
    }
}

//! The JUnit report.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufWriter, Write as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use indexmap::IndexMap;
use quick_junit::{
    FlakyOrRerun, NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestRerun, TestSuite,
};

use super::{
    attempt::Attempt,
    events::{RunEvent, Status, View},
    timeline_table::timeline_table,
};
use crate::domain::short_duration;

/// Writes the run as a JUnit file: a test suite for each feature file, a test case for each scenario.
///
/// A case fails exactly if its scenario fails the run, so a `@wip` one is skipped. Retried
/// attempts are `flakyFailure`s of a case that passed in the end; of a case that did not, the first
/// attempt is the `failure` and the others are `rerunFailure`s. `time` is virtual, and missing for
/// real time: the same run gives the same file.
pub struct JUnit {
    file: File,
    attempt: Option<Attempt>,
    retried: Vec<FailedAttempt>,
    suites: IndexMap<Arc<str>, Vec<ReportedCase>>,
}

struct ReportedCase {
    row: Option<usize>,
    line: usize,
    case: TestCase,
}

/// Why an attempt did not pass.
struct FailedAttempt {
    status: Status,
    message: Option<String>,
    text: String,
    output: String,
    time: Option<Duration>,
}

impl JUnit {
    /// Creates the file, which stays empty until the run has ended.
    ///
    /// # Errors
    ///
    /// If the file cannot be created; the message names it.
    pub fn new(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let file = File::create(path).map_err(|error| {
            let message = format!("cannot write the report {}: {error}", path.display());
            io::Error::new(error.kind(), message)
        })?;
        Ok(Self {
            file,
            attempt: None,
            retried: Vec::new(),
            suites: IndexMap::new(),
        })
    }

    fn finish(&mut self, attempt: &Attempt, status: Status, covered: Duration, repeated: bool) {
        let time = attempt.virtual_time(covered);
        let failure = || FailedAttempt::of(attempt, status, time);
        if repeated {
            self.retried.push(failure());
            return;
        }
        let retried = std::mem::take(&mut self.retried);
        let outcome = if status.fails_run(&attempt.pickle) {
            failed(retried.into_iter().chain([failure()]))
        } else if status == Status::Passed {
            let mut outcome = TestCaseStatus::success();
            outcome.add_reruns(retried.into_iter().map(FailedAttempt::into_rerun));
            outcome
        } else {
            let mut outcome = TestCaseStatus::skipped();
            outcome.set_message(attempt.message().unwrap_or(status.as_str()));
            outcome.set_type(status.as_str());
            outcome
        };

        let pickle = &attempt.pickle;
        let mut case = TestCase::new(&pickle.name, outcome);
        case.set_classname(&*pickle.feature);
        case.add_property(Property::new("location", pickle.location()));
        if let Some(time) = time {
            case.set_time(time);
            case.add_property(Property::new("virtual time", short_duration(time)));
        }
        let output = attempt.output();
        if !output.trim().is_empty() {
            case.set_system_out(&output);
        }
        let suite = self.suites.entry(Arc::clone(&pickle.uri)).or_default();
        suite.push(ReportedCase {
            row: pickle.row,
            line: pickle.line,
            case,
        });
    }

    fn write(&mut self) -> io::Result<()> {
        let mut report = Report::new("rehearsal");
        for (uri, mut cases) in std::mem::take(&mut self.suites) {
            disambiguate(&mut cases);
            let mut suite = TestSuite::new(&*uri);
            let times = cases.iter().filter_map(|case| case.case.time);
            suite.set_time(times.fold(Duration::ZERO, Duration::saturating_add));
            suite.add_test_cases(cases.into_iter().map(|case| case.case));
            report.add_test_suite(suite);
        }
        let times = report.test_suites.iter().filter_map(|suite| suite.time);
        report.time = Some(times.fold(Duration::ZERO, Duration::saturating_add));

        let mut out = BufWriter::new(&self.file);
        report.serialize(&mut out).map_err(io::Error::other)?;
        out.flush()
    }
}

impl View for JUnit {
    fn handle(&mut self, event: &RunEvent) -> io::Result<()> {
        Attempt::follow(&mut self.attempt, event);
        match event {
            RunEvent::TestCaseFinished {
                status,
                virtual_time,
                will_be_retried,
            } => {
                if let Some(attempt) = self.attempt.take() {
                    self.finish(&attempt, *status, *virtual_time, *will_be_retried);
                    self.attempt = Some(attempt);
                }
            }
            RunEvent::TestRunFinished { .. } => self.write()?,
            RunEvent::TestRunStarted { .. }
            | RunEvent::TestCaseStarted { .. }
            | RunEvent::TestStepFinished { .. }
            | RunEvent::HookFinished { .. }
            | RunEvent::Attached(_)
            | RunEvent::FindingsListed { .. } => {}
        }
        Ok(())
    }
}

impl FailedAttempt {
    fn of(attempt: &Attempt, status: Status, time: Option<Duration>) -> Self {
        let pickle = &attempt.pickle;
        let mut text = String::new();
        for (part, result) in attempt.failures() {
            let line = part.step().map_or(pickle.line, |step| step.line);
            text.push_str(&format!("{part}\nat {}:{line}\n", pickle.uri));
            if let Some(location) = &result.location {
                text.push_str(&format!("by {location}\n"));
            }
            if let Some(message) = &result.message {
                text.push_str(&format!("\n{}\n", message.trim_end()));
            }
            text.push('\n');
        }
        if let Some((tail, all)) = attempt.tail() {
            let heading = format!("the last {} of {all} events:\n", tail.len());
            text.push_str(&heading);
            text.push_str(&timeline_table(tail));
        }
        Self {
            status,
            message: attempt
                .message()
                .and_then(|message| message.lines().next())
                .map(str::to_owned),
            text: text.trim_end().to_owned(),
            output: attempt.output(),
            time,
        }
    }

    fn into_rerun(self) -> TestRerun {
        let mut rerun = TestRerun::new(NonSuccessKind::Failure);
        rerun.set_type(self.status.as_str());
        rerun.set_message(self.message.as_deref().unwrap_or(self.status.as_str()));
        rerun.set_description(&self.text);
        rerun.time = self.time;
        if !self.output.trim().is_empty() {
            rerun.set_system_out(&self.output);
        }
        rerun
    }
}

/// A failure with the first of several attempts, and the others as its reruns.
fn failed(mut attempts: impl Iterator<Item = FailedAttempt>) -> TestCaseStatus {
    let mut outcome = TestCaseStatus::non_success(NonSuccessKind::Failure);
    if let Some(first) = attempts.next() {
        outcome.set_type(first.status.as_str());
        outcome.set_message(first.message.as_deref().unwrap_or(first.status.as_str()));
        outcome.set_description(&first.text);
    }
    outcome.set_rerun_kind(FlakyOrRerun::Rerun);
    outcome.add_reruns(attempts.map(FailedAttempt::into_rerun));
    outcome
}

/// Adds the row to cases of the same name, and where that is not enough, the line.
fn disambiguate(cases: &mut [ReportedCase]) {
    for suffix in [
        |case: &ReportedCase| case.row.map(|row| format!(" (row {row})")),
        |case: &ReportedCase| Some(format!(" (line {})", case.line)),
    ] {
        let mut names: HashMap<String, usize> = HashMap::new();
        for case in &*cases {
            *names.entry(case.case.name.to_string()).or_default() += 1;
        }
        for case in &mut *cases {
            if names.get(case.case.name.as_str()) > Some(&1)
                && let Some(suffix) = suffix(case)
            {
                case.case.name = format!("{}{suffix}", case.case.name.as_str()).into();
            }
        }
    }
}

#[cfg(test)]
mod tests;

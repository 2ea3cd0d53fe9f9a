use std::io::{self, Write};

use super::style::{Style, Tone};
use crate::harness::{
    attempt::{Attempt, ScenarioPart},
    events::Status,
    pickle::{Pickle, PickleStep},
    table::piped,
    timeline_table::timeline_table,
};

/// Writes the steps of an attempt, with the argument of each that did not pass.
pub(super) fn write_steps(
    out: &mut impl Write,
    style: Style,
    indent: &str,
    attempt: &Attempt,
) -> io::Result<()> {
    for (part, result) in attempt.parts() {
        let status = result.map_or(Status::Skipped, |result| result.status);
        if matches!(part, ScenarioPart::End) && status == Status::Passed {
            continue;
        }
        writeln!(out, "{indent}{} {part}", style.mark(status))?;
        if let ScenarioPart::Step(step) = part
            && !matches!(status, Status::Passed | Status::Skipped)
        {
            write_argument(out, &format!("{indent}    "), step)?;
        }
    }
    Ok(())
}

/// Writes why an attempt did not pass, and where.
pub(super) fn write_failures(
    out: &mut impl Write,
    style: Style,
    indent: &str,
    attempt: &Attempt,
) -> io::Result<()> {
    let pickle = &attempt.pickle;
    for (part, result) in attempt.failures() {
        writeln!(out)?;
        if let Some(message) = &result.message {
            style.write_lines(out, indent, message)?;
        }
        let line = part.step().map_or(pickle.line, |step| step.line);
        let aside = |text| style.paint(Tone::Aside, text);
        writeln!(out, "{indent}{} {}:{line}", aside("at"), pickle.uri)?;
        if let Some(location) = &result.location {
            writeln!(out, "{indent}{} {location}", aside("by"))?;
        }
    }
    Ok(())
}

/// Writes what helps to understand a failure: the end of the timeline, the log, and the command that
/// reproduces it, which ends with `how`.
pub(super) fn write_evidence(
    out: &mut impl Write,
    style: Style,
    indent: &str,
    attempt: &Attempt,
    reproduce: &str,
    how: &str,
) -> io::Result<()> {
    let deeper = format!("{indent}  ");
    if let Some((tail, all)) = attempt.tail() {
        let heading = match all == tail.len() {
            true => "the timeline:".to_owned(),
            false => format!("the last {} of {all} events:", tail.len()),
        };
        writeln!(out, "\n{indent}{}", style.paint(Tone::Aside, heading))?;
        for line in timeline_table(tail).lines() {
            writeln!(out, "{deeper}{line}")?;
        }
    }
    if !attempt.log.trim().is_empty() {
        writeln!(out, "\n{indent}{}", style.paint(Tone::Aside, "the log:"))?;
        for line in attempt.log.trim_end().lines() {
            writeln!(out, "{deeper}{line}")?;
        }
    }
    let heading = style.paint(Tone::Aside, "reproduce it by:");
    let location = quoted(&attempt.pickle);
    writeln!(out, "\n{indent}{heading}")?;
    writeln!(out, "{deeper}{reproduce} {location} {how}\n")
}

fn write_argument(out: &mut impl Write, indent: &str, step: &PickleStep) -> io::Result<()> {
    for row in piped(step.table.as_deref().unwrap_or_default()) {
        writeln!(out, "{indent}{row}")?;
    }
    if let Some(doc_string) = &step.doc_string {
        let media_type = doc_string.media_type.as_deref().unwrap_or_default();
        writeln!(out, "{indent}\"\"\"{media_type}")?;
        for line in doc_string.content.lines() {
            writeln!(out, "{}", format!("{indent}{line}").trim_end())?;
        }
        writeln!(out, "{indent}\"\"\"")?;
    }
    Ok(())
}

/// The scenario's location as one word of a shell.
fn quoted(pickle: &Pickle) -> String {
    let location = pickle.location();
    let plain = |c: char| c.is_alphanumeric() || "/._-:+@%,".contains(c);
    match location.chars().all(plain) {
        true => location,
        false => format!("'{}'", location.replace('\'', r"'\''")),
    }
}

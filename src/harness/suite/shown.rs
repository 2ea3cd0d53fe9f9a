//! What a run shows: its views, and why it could not begin.

use std::{io, time::Instant};

use super::SuiteError;
use crate::harness::{
    FeaturesError, JUnit, ProgressLine, Terminal, TerminalOptions,
    cli::{OutputOptions, ReportKind},
    events::View,
};

/// The views that the command line asks for. Reports that cannot be written are refused here.
///
/// `reproduce` is the command that runs one scenario again, without its location and seed.
pub(super) fn views(
    output: &OutputOptions,
    reproduce: &str,
) -> Result<Vec<Box<dyn View>>, SuiteError> {
    let mut views: Vec<Box<dyn View>> = Vec::new();
    for report in &output.reports {
        match report.kind {
            ReportKind::JUnit => {
                let junit = JUnit::new(&report.path).map_err(|source| SuiteError::Report {
                    path: report.path.clone(),
                    source,
                })?;
                views.push(Box::new(junit));
            }
        }
    }
    let mut out: Box<dyn io::Write + Send> = Box::new(io::stdout());
    if output.progress {
        let started = Instant::now();
        let progress = ProgressLine::new(Box::new(io::stderr()), move || started.elapsed());
        out = progress.above(out);
        views.push(Box::new(progress));
    }
    let options = TerminalOptions {
        color: output.color,
        verbose: output.verbose,
        quiet: output.quiet,
        reproduce: reproduce.to_owned(),
    };
    views.push(Box::new(Terminal::new(out, options)));
    Ok(views)
}

pub(super) fn explain(error: &SuiteError, color: bool) {
    if let SuiteError::Features(FeaturesError::Faulty(faults)) = error {
        for fault in faults {
            eprintln!("{}", fault.render(color));
        }
    }
    eprint!("error: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        eprint!(": {cause}");
        source = cause.source();
    }
    eprintln!();
}

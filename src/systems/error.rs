use std::{io, sync::Arc, time::Duration};

use super::Exit;
use crate::domain::{Violation, format_duration};

/// What went wrong with a system.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// No port is free.
    #[error("no port of this machine is free: {0}")]
    Port(#[source] io::Error),
    /// The program cannot be run.
    #[error("the system {0:?} cannot be started: {1:?}: {2}")]
    Start(Arc<str>, String, #[source] io::Error),
    /// Its definition is faulty.
    #[error("the system {0:?}: {1}")]
    Definition(Arc<str>, Violation),
    /// It is running already.
    #[error("the system {0:?} is running already")]
    Running(Arc<str>),
    /// It is not running.
    #[error("the system {0:?} is not running")]
    NotRunning(Arc<str>),
    /// It ended although nothing asked for that.
    #[error("the system {name:?} has ended {when}, {exit}{output}")]
    Ended {
        /// Its name.
        name: Arc<str>,
        /// When.
        when: &'static str,
        /// How.
        exit: Exit,
        /// Its last lines.
        output: String,
    },
    /// It took too long.
    #[error("the system {name:?} is not {what} within {}{output}", format_duration(*within))]
    TooLate {
        /// Its name.
        name: Arc<str>,
        /// What was waited for.
        what: String,
        /// How long.
        within: Duration,
        /// Its last lines.
        output: String,
    },
}

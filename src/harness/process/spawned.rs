use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    process::{ChildStdin, ChildStdout, Command, Stdio},
    thread,
};

use tokio::sync::mpsc;

use super::protocol::ChildMessage;
use crate::systems::{Exit, Output, Process};

type ChildMessages = mpsc::UnboundedReceiver<Result<ChildMessage, String>>;

/// The orchestrator's process, and the lines of JSON that are sent to it and come from it.
pub(super) struct ChildProcess {
    process: Process,
    stdin: ChildStdin,
    /// The lines it sends, until it ends.
    pub messages: ChildMessages,
    /// What it writes to its standard error.
    pub errors: Output,
}

/// Lines of its standard error in a message.
const TAIL: usize = 100;

impl ChildProcess {
    pub fn start(program: &mut Command) -> Result<Self, String> {
        Self::spawn(program)
            .map_err(|error| format!("the orchestrator's process cannot start: {error}"))
    }

    fn spawn(program: &mut Command) -> io::Result<Self> {
        let errors = Output::default();
        let mut process = Process::start(program.stdin(Stdio::piped()), &errors)?;
        let (Some(stdin), Some(out)) = process.streams() else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        Ok(Self {
            process,
            stdin,
            messages: listen(out)?,
            errors,
        })
    }

    pub fn send(&mut self, line: &impl serde::Serialize) -> Result<(), String> {
        let line = serde_json::to_string(line).map_err(|error| error.to_string())?;
        writeln!(self.stdin, "{line}")
            .map_err(|error| format!("the orchestrator's process does not read its input: {error}"))
    }

    /// Kills it and waits until it is gone; whether that ended it, and not it itself.
    pub fn kill(&mut self) -> bool {
        self.process.kill();
        self.errors.wait_until_read();
        self.process.exit().is_some_and(by_kill)
    }

    /// A message with how it ended and its standard error.
    pub fn explain(&mut self, why: &str) -> String {
        let exit = self.process.exit().filter(|exit| !by_kill(*exit));
        let exit = exit.map_or_else(String::new, |exit| format!(" ({exit})"));
        format!("{why}{exit}{}", self.errors.tail(TAIL))
    }
}

/// Whether a process ended as a killed one does: by the signal, or without success where there are no
/// signals.
fn by_kill(exit: Exit) -> bool {
    const SIGKILL: i32 = 9;
    match exit {
        Exit::Signal(signal) => signal == SIGKILL,
        Exit::Status(status) => cfg!(not(unix)) && status != 0,
    }
}

/// Reads all its messages, since a full pipe would block it.
fn listen(out: ChildStdout) -> io::Result<ChildMessages> {
    let (sender, messages) = mpsc::unbounded_channel();
    let read = move || {
        for line in BufReader::new(out).lines() {
            let message = line
                .map_err(|error| error.to_string())
                .and_then(|line| serde_json::from_str(&line).map_err(|_| unreadable(&line)));
            if sender.send(message).is_err() {
                return;
            }
        }
    };
    let thread = thread::Builder::new().name("process-messages".to_owned());
    thread.spawn(read).map(|_| messages)
}

fn unreadable(line: &str) -> String {
    format!(
        "the orchestrator's process wrote {line:?}, which is not a message: it is this program again, \
         whose `main` must call `rehearsal::run` or `Suite::run` before it writes anything"
    )
}

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
};

use tokio::sync::mpsc;

use super::protocol::ChildMessage;

type ChildMessages = mpsc::UnboundedReceiver<Result<ChildMessage, String>>;

/// The orchestrator's process; killed when it is dropped.
pub(super) struct ChildProcess {
    child: Child,
    stdin: ChildStdin,
    /// The lines it sends, until it ends.
    pub messages: ChildMessages,
    errors: Option<JoinHandle<String>>,
}

/// How a process ended.
pub(super) struct ProcessExit {
    status: io::Result<ExitStatus>,
    /// What it wrote to its standard error.
    pub errors: String,
}

impl ChildProcess {
    pub fn start(program: &mut Command) -> Result<Self, String> {
        let cannot = |error: io::Error| format!("the orchestrator's process cannot start: {error}");
        let mut child = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(cannot)?;
        match listen(&mut child) {
            Ok((stdin, messages, errors)) => Ok(Self {
                child,
                stdin,
                messages,
                errors: Some(errors),
            }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(cannot(error))
            }
        }
    }

    pub fn send(&mut self, line: &impl serde::Serialize) -> Result<(), String> {
        let line = serde_json::to_string(line).map_err(|error| error.to_string())?;
        writeln!(self.stdin, "{line}")
            .map_err(|error| format!("the orchestrator's process does not read its input: {error}"))
    }

    /// Kills it, by SIGKILL where there are signals, and waits until it is gone.
    pub fn kill(mut self) -> ProcessExit {
        // Its status shows if it has ended by itself meanwhile.
        let _ = self.child.kill();
        let status = self.child.wait();
        let errors = self.errors.take().map(JoinHandle::join);
        ProcessExit {
            status,
            errors: errors.and_then(Result::ok).unwrap_or_default(),
        }
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl ProcessExit {
    /// Whether it was ended from outside, as [`ChildProcess::kill`] does.
    pub fn was_killed(&self) -> bool {
        #[cfg(unix)]
        let killed = |status: &ExitStatus| {
            const SIGKILL: i32 = 9;
            std::os::unix::process::ExitStatusExt::signal(status) == Some(SIGKILL)
        };
        #[cfg(not(unix))]
        let killed = |status: &ExitStatus| !status.success();
        self.status.as_ref().is_ok_and(killed)
    }

    /// A message with the exit status and the standard error.
    pub fn explain(&self, why: &str) -> String {
        let mut text = why.to_owned();
        match &self.status {
            _ if self.was_killed() => {}
            Ok(status) => text += &format!(" ({status})"),
            Err(error) => text += &format!(" (its exit status is unknown: {error})"),
        }
        for line in self.errors.lines() {
            text += &format!("\n  {line}");
        }
        text
    }
}

/// Reads all output of a process, since a full pipe would block it.
fn listen(child: &mut Child) -> io::Result<(ChildStdin, ChildMessages, JoinHandle<String>)> {
    let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(out), Some(mut err)) = streams else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let (sender, messages) = mpsc::unbounded_channel();
    thread::Builder::new()
        .name("process-output".to_owned())
        .spawn(move || {
            for line in BufReader::new(out).lines() {
                let message = line
                    .map_err(|error| error.to_string())
                    .and_then(|line| serde_json::from_str(&line).map_err(|_| unreadable(&line)));
                if sender.send(message).is_err() {
                    return;
                }
            }
        })?;
    let errors = thread::Builder::new()
        .name("process-errors".to_owned())
        .spawn(move || {
            let mut text = Vec::new();
            let _ = err.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        })?;
    Ok((stdin, messages, errors))
}

fn unreadable(line: &str) -> String {
    format!(
        "the orchestrator's process wrote {line:?}, which is not a message: it is this program again, \
         whose `main` must call `rehearsal::run` or `Suite::run` before it writes anything"
    )
}

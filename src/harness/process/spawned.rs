use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
};

use tokio::sync::mpsc;

use super::protocol::Said;

type Lines = mpsc::UnboundedReceiver<Result<Said, String>>;

/// The orchestrator's process; killed when it is dropped.
pub(super) struct Spawned {
    child: Child,
    told: ChildStdin,
    /// What it says, line by line, until it ends.
    pub said: Lines,
    errors: Option<JoinHandle<String>>,
}

/// How a process ended.
pub(super) struct End {
    status: io::Result<ExitStatus>,
    /// What it wrote to its standard error.
    pub errors: String,
}

impl Spawned {
    pub fn start(program: &mut Command) -> Result<Self, String> {
        let cannot = |error: io::Error| format!("the orchestrator's process cannot start: {error}");
        let mut child = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(cannot)?;
        match listen(&mut child) {
            Ok((told, said, errors)) => Ok(Self {
                child,
                told,
                said,
                errors: Some(errors),
            }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(cannot(error))
            }
        }
    }

    pub fn tell(&mut self, line: &impl serde::Serialize) -> Result<(), String> {
        let line = serde_json::to_string(line).map_err(|error| error.to_string())?;
        writeln!(self.told, "{line}")
            .map_err(|error| format!("the orchestrator's process does not listen: {error}"))
    }

    /// Kills it, by SIGKILL where there are signals, and waits until it is gone.
    pub fn kill(mut self) -> End {
        // It may have ended by itself meanwhile, which its status tells.
        let _ = self.child.kill();
        let status = self.child.wait();
        let errors = self.errors.take().map(JoinHandle::join);
        End {
            status,
            errors: errors.and_then(Result::ok).unwrap_or_default(),
        }
    }
}

impl Drop for Spawned {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl End {
    /// Whether it was ended from outside, as [`Spawned::kill`] does.
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

    /// A message with what is known of the end.
    pub fn explain(&self, why: &str) -> String {
        let mut text = why.to_owned();
        match &self.status {
            _ if self.was_killed() => {}
            Ok(status) => text += &format!(" ({status})"),
            Err(error) => text += &format!(" (how it ended is not known: {error})"),
        }
        for line in self.errors.lines() {
            text += &format!("\n  {line}");
        }
        text
    }
}

/// Reads all that a process says, as pipes that are full would stop it.
fn listen(child: &mut Child) -> io::Result<(ChildStdin, Lines, JoinHandle<String>)> {
    let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(told), Some(out), Some(mut err)) = streams else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let (sender, said) = mpsc::unbounded_channel();
    thread::Builder::new()
        .name("process-says".to_owned())
        .spawn(move || {
            for line in BufReader::new(out).lines() {
                let said = line
                    .map_err(|error| error.to_string())
                    .and_then(|line| serde_json::from_str(&line).map_err(|_| nonsense(&line)));
                if sender.send(said).is_err() {
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
    Ok((told, said, errors))
}

fn nonsense(line: &str) -> String {
    format!(
        "the orchestrator's process says {line:?}, which makes no sense: it is this program once more, \
         whose `main` comes to `rehearsal::run` or `Suite::run` before it writes anything"
    )
}

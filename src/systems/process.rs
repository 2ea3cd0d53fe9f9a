use std::{
    fmt, io,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
};

use super::output::Output;

/// A child process, with all that it starts in turn: they are one process group, which is killed as a whole,
/// at the latest when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Kills the group if this program is gone.
    watcher: Option<Child>,
    exit: Option<Exit>,
}

impl Process {
    /// Starts a program, whose standard error goes to the output.
    ///
    /// # Errors
    ///
    /// If it cannot be started or watched.
    pub fn start(command: &mut Command, output: &Output) -> io::Result<Self> {
        output.begin();
        in_own_group(command);
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut process = Self {
            watcher: None,
            child,
            exit: None,
        };
        // An error below drops the process, which kills it.
        process.watcher = watcher(process.child.id())?;
        if let Some(errors) = process.child.stderr.take() {
            output.read(errors)?;
        }
        Ok(process)
    }

    /// Its standard input, where it is piped, and output, once.
    pub fn streams(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>) {
        (self.child.stdin.take(), self.child.stdout.take())
    }

    /// How it ended, if it has.
    pub fn exit(&mut self) -> Option<Exit> {
        if self.exit.is_none() {
            self.exit = self.child.try_wait().ok().flatten().map(Exit::from);
        }
        self.exit
    }

    /// Asks it to end.
    #[cfg(feature = "http")]
    pub fn terminate(&mut self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::TERM);
        #[cfg(not(unix))]
        self.kill();
    }

    /// Kills it and all that it has started, and waits until it is gone.
    pub fn kill(&mut self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::KILL);
        // Where there are no groups, what it has started stays.
        let _ = self.child.kill();
        if self.exit.is_none() {
            self.exit = self.child.wait().ok().map(Exit::from);
        }
        if let Some(mut watcher) = self.watcher.take() {
            let _ = watcher.kill();
            let _ = watcher.wait();
        }
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.child.id()).ok();
        if let Some(group) = id.and_then(rustix::process::Pid::from_raw) {
            // A group that is gone needs none.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With a status.
    Status(i32),
    /// By a signal.
    Signal(i32),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "with status {status}"),
            Self::Signal(signal) => write!(f, "by signal {signal}"),
        }
    }
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        #[cfg(unix)]
        if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
            return Self::Signal(signal);
        }
        Self::Status(status.code().unwrap_or(-1))
    }
}

#[cfg(unix)]
fn in_own_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn in_own_group(_: &mut Command) {}

/// A process that kills a group once this program is gone, however it ends: the pipe to its standard input
/// is closed by then.
#[cfg(unix)]
fn watcher(group: u32) -> io::Result<Option<Child>> {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "read -r _; kill -s KILL -- \"-$0\""])
        .arg(group.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    in_own_group(&mut command);
    command.spawn().map(Some)
}

#[cfg(not(unix))]
fn watcher(_: u32) -> io::Result<Option<Child>> {
    Ok(None)
}

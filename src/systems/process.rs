use std::{
    io,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use super::output::Output;

/// A process of a system, with all that it starts in turn: they are one process group, which is killed as
/// a whole, at the latest when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// Kills the group if this program is gone.
    watcher: Option<Child>,
    status: Option<ExitStatus>,
}

impl Process {
    pub fn start(
        command: &[String],
        env: &[(String, String)],
        folder: &Path,
        output: &Output,
    ) -> io::Result<Self> {
        let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        output.begin();
        let mut command = Command::new(program);
        command
            .args(arguments)
            .envs(env.iter().map(|(name, value)| (name, value)))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        in_own_group(&mut command);
        let mut child = command.spawn()?;
        let streams = (child.stdout.take(), child.stderr.take());
        let mut process = Self {
            watcher: None,
            child,
            status: None,
        };
        // An error below drops the process, which kills it.
        process.watcher = watcher(process.child.id())?;
        if let (Some(out), Some(err)) = streams {
            output.read(out)?;
            output.read(err)?;
        }
        Ok(process)
    }

    /// How it ended, if it has.
    pub fn status(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
        }
        self.status
    }

    /// Asks it to end.
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
        if self.status.is_none() {
            self.status = self.child.wait().ok();
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

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use super::{
    Addresses, Exit, SystemDefinition, error::SystemError, output::Output, ports::Ports,
    process::Process, ready::Ready,
};
use crate::{
    domain::Locked,
    http,
    observability::{EventKind, Timeline},
};

/// How often is looked whether a system is ready, or has ended.
const POLL: Duration = Duration::from_millis(20);

/// How long a system that was asked to end may take before it is killed.
const UNTIL_KILLED: Duration = Duration::from_secs(10);

/// Lines of output in messages, and in the log of a scenario that fails.
const TAIL: usize = 20;
const LOGGED: usize = 50;

/// A program under test. A handle: clones are the same system.
#[derive(Clone)]
pub struct System(Arc<Shared>);

struct Shared {
    name: Arc<str>,
    definition: SystemDefinition,
    /// Kept over restarts.
    ports: Arc<Ports>,
    /// The folder that relative ones start from.
    root: PathBuf,
    timeline: Timeline,
    output: Output,
    state: Locked<State>,
}

#[derive(Default)]
struct State {
    process: Option<Process>,
    exit: Option<Exit>,
    /// Whether the scenario has asked for its end.
    is_asked: bool,
}

impl System {
    /// A system that is not started yet.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub fn new(
        name: &str,
        definition: SystemDefinition,
        root: PathBuf,
        timeline: Timeline,
    ) -> Result<Self, SystemError> {
        let ports = Ports::free(&definition.ports).map_err(SystemError::Port)?;
        Ok(Self(Arc::new(Shared {
            name: name.into(),
            definition,
            ports: Arc::new(ports),
            root,
            timeline,
            output: Output::default(),
            state: Locked::default(),
        })))
    }

    /// What it runs.
    pub fn definition(&self) -> &SystemDefinition {
        &self.0.definition
    }

    /// The ports that are its own.
    pub fn ports(&self) -> &Arc<Ports> {
        &self.0.ports
    }

    /// Starts it, and waits until it is ready or, if it runs once, has ended.
    ///
    /// # Errors
    ///
    /// If it cannot be started, ends before it is ready, or is not ready in time.
    pub async fn start(&self, addresses: &Addresses<'_>) -> Result<(), SystemError> {
        if self.is_running() {
            return Err(SystemError::Running(Arc::clone(&self.0.name)));
        }
        let definition = &self.0.definition;
        let (command, env) = definition
            .resolved(addresses)
            .map_err(|error| SystemError::Definition(Arc::clone(&self.0.name), error))?;
        let process = self.spawn(&command, &env).map_err(|error| {
            let program = command.first().cloned().unwrap_or_default();
            SystemError::Start(Arc::clone(&self.0.name), program, error)
        })?;
        self.record(EventKind::SystemStarted {
            system: Arc::clone(&self.0.name),
        });
        *self.0.state.lock() = State {
            process: Some(process),
            exit: None,
            is_asked: definition.once,
        };
        if definition.once {
            return self.wait_for_end(definition.within).await.map(|_| ());
        }
        self.wait_until_ready().await?;
        self.record(EventKind::SystemReady {
            system: Arc::clone(&self.0.name),
        });
        Ok(())
    }

    fn spawn(&self, command: &[String], env: &[(String, String)]) -> io::Result<Process> {
        let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let (root, folder) = (&self.0.root, &self.0.definition.cwd);
        let mut command = Command::new(program);
        command
            .args(arguments)
            .envs(env.iter().map(|(name, value)| (name, value)))
            .current_dir(
                folder
                    .as_ref()
                    .map_or(root.clone(), |folder| root.join(folder)),
            )
            .stdin(Stdio::null());
        let mut process = Process::start(&mut command, &self.0.output)?;
        if let (_, Some(out)) = process.streams() {
            self.0.output.read(out)?;
        }
        Ok(process)
    }

    async fn wait_until_ready(&self) -> Result<(), SystemError> {
        let Some(ready) = &self.0.definition.ready else {
            return Ok(());
        };
        let began = self.0.timeline.now();
        let within = self.0.definition.within;
        loop {
            if self.look() {
                return self.ended("before it was ready");
            }
            if self.is_ready(ready).await {
                // Something else may answer at the port of a program that could not have it.
                match self.look() {
                    false => return Ok(()),
                    true => return self.ended("before it was ready"),
                }
            }
            if self.0.timeline.now().saturating_sub(began) > within {
                self.kill_now();
                return Err(self.too_late("ready".to_owned(), within));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn is_ready(&self, ready: &Ready) -> bool {
        // A name that is not a port's has been refused.
        let named = ready.port().and_then(|name| self.0.ports.named(name));
        let port = named.unwrap_or_else(|| self.0.ports.first());
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match ready {
            Ready::Line(regex) => self.0.output.matches(regex),
            Ready::Port(_) => tokio::net::TcpStream::connect(address).await.is_ok(),
            Ready::Get(path, _) => {
                let status = tokio::time::timeout(UNTIL_KILLED, http::status_of_get(address, path));
                matches!(status.await, Ok(Some(200..300)))
            }
        }
    }

    /// Waits until it ends; that it does is then no surprise.
    ///
    /// # Errors
    ///
    /// If it was never started, or does not end in time.
    pub async fn wait_for_end(&self, within: Duration) -> Result<Exit, SystemError> {
        self.0.state.lock().is_asked = true;
        let began = self.0.timeline.now();
        loop {
            // Asked first, since it may end meanwhile.
            let is_running = self.is_running();
            if let Some(exit) = self.exit() {
                return Ok(exit);
            }
            if !is_running {
                return Err(SystemError::NotRunning(Arc::clone(&self.0.name)));
            }
            if self.0.timeline.now().saturating_sub(began) > within {
                return Err(self.too_late("at its end".to_owned(), within));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Kills it, with all that it has started.
    ///
    /// # Errors
    ///
    /// If it is not running.
    pub fn kill(&self) -> Result<(), SystemError> {
        match self.kill_now() {
            true => Ok(()),
            false => Err(SystemError::NotRunning(Arc::clone(&self.0.name))),
        }
    }

    /// Kills it if it is running; whether it was.
    pub fn kill_now(&self) -> bool {
        if self.look() {
            return false;
        }
        let mut state = self.0.state.lock();
        let Some(mut process) = state.process.take() else {
            return false;
        };
        process.kill();
        state.is_asked = true;
        state.exit = process.exit();
        drop(state);
        self.0.output.wait_until_read();
        self.record(EventKind::SystemKilled {
            system: Arc::clone(&self.0.name),
        });
        true
    }

    /// Asks it to end, and kills it if it does not within 10 s.
    ///
    /// # Errors
    ///
    /// If it is not running.
    pub async fn stop(&self) -> Result<(), SystemError> {
        self.look();
        {
            let mut state = self.0.state.lock();
            let Some(process) = &mut state.process else {
                return Err(SystemError::NotRunning(Arc::clone(&self.0.name)));
            };
            process.terminate();
        }
        if self.wait_for_end(UNTIL_KILLED).await.is_err() {
            self.kill_now();
        }
        Ok(())
    }

    /// Whether it is running.
    pub fn is_running(&self) -> bool {
        self.look();
        self.0.state.lock().process.is_some()
    }

    /// How it ended last, if it was started and has.
    pub fn exit(&self) -> Option<Exit> {
        self.look();
        self.0.state.lock().exit
    }

    /// All that it has written, as far as it is kept.
    pub fn output(&self) -> String {
        self.0.output.text()
    }

    /// The last lines that it has written.
    pub fn last_lines(&self) -> Vec<String> {
        let text = self.0.output.tail(LOGGED);
        text.lines()
            .filter(|line| !line.is_empty())
            .map(|line| line.strip_prefix("  ").unwrap_or(line).to_owned())
            .collect()
    }

    /// Its end, if nothing asked for that.
    pub fn unexpected_end(&self) -> Option<SystemError> {
        self.look();
        let state = self.0.state.lock();
        let exit = state.exit.filter(|_| !state.is_asked)?;
        drop(state);
        Some(self.failure("although nothing asked for that", exit))
    }

    /// Notes its end, if it has ended by itself; whether it is not running.
    fn look(&self) -> bool {
        let mut state = self.0.state.lock();
        let Some(process) = &mut state.process else {
            return true;
        };
        let Some(exit) = process.exit() else {
            return false;
        };
        state.exit = Some(exit);
        // What it has started ends with it.
        state.process = None;
        drop(state);
        self.0.output.wait_until_read();
        self.record(EventKind::SystemEnded {
            system: Arc::clone(&self.0.name),
            status: exit.to_string().into(),
        });
        true
    }

    fn ended(&self, when: &'static str) -> Result<(), SystemError> {
        let mut state = self.0.state.lock();
        // It is told here.
        state.is_asked = true;
        let exit = state.exit.unwrap_or(Exit::Status(-1));
        drop(state);
        Err(self.failure(when, exit))
    }

    fn failure(&self, when: &'static str, exit: Exit) -> SystemError {
        SystemError::Ended {
            name: Arc::clone(&self.0.name),
            when,
            exit,
            output: self.0.output.tail(TAIL),
        }
    }

    fn too_late(&self, what: String, within: Duration) -> SystemError {
        SystemError::TooLate {
            name: Arc::clone(&self.0.name),
            what,
            within,
            output: self.0.output.tail(TAIL),
        }
    }

    fn record(&self, kind: EventKind) {
        self.0.timeline.record(kind);
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("System").field(&self.0.name).finish()
    }
}

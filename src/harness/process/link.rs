use std::{
    collections::HashMap,
    io::{self, BufRead as _, Write as _},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
};

use tokio::sync::oneshot;

use super::protocol::{Said, Task, Told};
use crate::{
    domain::{Call, Failure, code},
    services::CallResult,
};

/// The orchestrator's process's way to the one that started it: lines of JSON on its standard streams.
#[derive(Debug)]
pub(super) struct Link {
    calls: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<CallResult>>>,
    /// Held while waiting for it, so that no two points are reached at once.
    go_on: Mutex<mpsc::Receiver<()>>,
    may_go_on: mpsc::Sender<()>,
}

impl Link {
    pub fn new() -> Self {
        let (may_go_on, go_on) = mpsc::channel();
        Self {
            calls: AtomicU64::new(0),
            waiting: Mutex::default(),
            go_on: Mutex::new(go_on),
            may_go_on,
        }
    }

    /// Says that the process is there, and reads what it is to do.
    pub fn task(&self) -> Result<Task, String> {
        say(&Said::Ready);
        let mut line = String::new();
        io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(|error| format!("the task cannot be read: {error}"))?;
        serde_json::from_str(&line).map_err(|error| format!("the task makes no sense: {error}"))
    }

    /// Takes in what is told, until nobody is left to tell: then nobody waits for this process.
    pub fn listen(&self) {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            match serde_json::from_str(&line) {
                Ok(Told::Answer { number, answer }) => {
                    let waiting = self.lock().remove(&number);
                    if let Some(waiting) = waiting {
                        // A caller that gave up wants no answer.
                        let _ = waiting.send(answer.into());
                    }
                }
                Ok(Told::GoOn) => {
                    let _ = self.may_go_on.send(());
                }
                Err(error) => {
                    say_failed(&format!("what it is told makes no sense: {error}"));
                    break;
                }
            }
        }
        std::process::exit(1);
    }

    /// Has a call made, and waits for what it comes to.
    pub async fn call(&self, call: &Call) -> CallResult {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, answer) = oneshot::channel();
        self.lock().insert(number, sender);
        say(&Said::Call {
            number,
            call: call.into(),
        });
        answer.await.unwrap_or_else(|_| {
            let failure = Failure::new(code::SERVICE_UNAVAILABLE, "nobody is left to call it");
            Err(Box::new(failure))
        })
    }

    /// Says how far the process is, and stands still until it may go on.
    pub fn stop_at(&self, reached: &Said) {
        let go_on = self.go_on.lock().unwrap_or_else(PoisonError::into_inner);
        say(reached);
        // Only the end of this process ends the other side.
        let _ = go_on.recv();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<CallResult>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says a line. Where nobody is left to hear it, this process has nothing left to do.
pub(super) fn say(said: &Said) {
    let said = serde_json::to_string(said).and_then(|line| {
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")
            .and_then(|()| out.flush())
            .map_err(serde_json::Error::io)
    });
    if said.is_err() {
        std::process::exit(1);
    }
}

pub(super) fn say_failed(why: &str) {
    say(&Said::Failed {
        why: why.to_owned(),
    });
}

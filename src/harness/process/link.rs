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

use super::protocol::{ChildMessage, ParentMessage, RunRequest};
use crate::{
    domain::{Call, Failure, code},
    services::CallResult,
};

/// The connection of the orchestrator's process to its parent: lines of JSON on its standard streams.
#[derive(Debug)]
pub(super) struct Link {
    calls: AtomicU64,
    waiting: Mutex<HashMap<u64, oneshot::Sender<CallResult>>>,
    /// Locked while waiting, so that one point is reached at a time.
    continues: Mutex<mpsc::Receiver<()>>,
    continue_sender: mpsc::Sender<()>,
}

impl Link {
    pub fn new() -> Self {
        let (continue_sender, continues) = mpsc::channel();
        Self {
            calls: AtomicU64::new(0),
            waiting: Mutex::default(),
            continues: Mutex::new(continues),
            continue_sender,
        }
    }

    /// Reports that the process has started, and reads what it is to run.
    pub fn request(&self) -> Result<RunRequest, String> {
        send(&ChildMessage::Ready);
        let mut line = String::new();
        io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(|error| format!("the run request cannot be read: {error}"))?;
        serde_json::from_str(&line).map_err(|error| format!("the run request is invalid: {error}"))
    }

    /// Receives messages until the parent is gone; then ends this process, which nobody waits for.
    pub fn listen(&self) {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            match serde_json::from_str(&line) {
                Ok(ParentMessage::Answer { number, answer }) => {
                    let waiting = self.lock().remove(&number);
                    if let Some(waiting) = waiting {
                        // The caller may have given up.
                        let _ = waiting.send(answer.into());
                    }
                }
                Ok(ParentMessage::Continue) => {
                    let _ = self.continue_sender.send(());
                }
                Err(error) => {
                    send_failure(&format!("a message to it is invalid: {error}"));
                    break;
                }
            }
        }
        std::process::exit(1);
    }

    /// Asks the parent to make a call, and waits for the result.
    pub async fn call(&self, call: &Call) -> CallResult {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, answer) = oneshot::channel();
        self.lock().insert(number, sender);
        send(&ChildMessage::Call {
            number,
            call: call.into(),
        });
        answer.await.unwrap_or_else(|_| {
            let failure = Failure::new(
                code::SERVICE_UNAVAILABLE,
                "the process that makes the calls is gone",
            );
            Err(Box::new(failure))
        })
    }

    /// Reports a point, and waits until the process may continue.
    pub fn pause_at(&self, reached: &ChildMessage) {
        let continues = self
            .continues
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        send(reached);
        // The sender lives as long as this process.
        let _ = continues.recv();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, oneshot::Sender<CallResult>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a line. If the parent is gone, this process ends.
pub(super) fn send(message: &ChildMessage) {
    let sent = serde_json::to_string(message).and_then(|line| {
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")
            .and_then(|()| out.flush())
            .map_err(serde_json::Error::io)
    });
    if sent.is_err() {
        std::process::exit(1);
    }
}

pub(super) fn send_failure(why: &str) {
    send(&ChildMessage::Failed {
        why: why.to_owned(),
    });
}

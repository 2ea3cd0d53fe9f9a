use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{
    failures::{ToolResult, refused},
    lifecycle::{
        CLOSING_CONNECTIONS, ENABLING_CONNECTIONS, FINALIZING, LOADING_STATE, LoadedState,
        MAINTENANCE_MODE, PREPARING, Phase, PhaseReport, RESTARTED, RESTORING_DATABASE,
        RESUMING_TASKS, RestartRecord, SERIALIZING_STATE, SHUT_DOWN, STARTING_PROCESS,
        SUSPENDING_TASKS,
    },
    server::Server,
    task::Timestamp,
    vocabulary::RestartReason,
};
use crate::{
    clock::rfc_3339,
    domain::{Failure, code},
    observability::TaskEvent,
};

/// The time for all callbacks of a graceful shutdown.
const SUSPENSION: Duration = Duration::from_secs(10);
/// The time for each callback in an emergency.
const EMERGENCY: Duration = Duration::from_secs(1);

/// The input of `restart_server`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RestartServer {
    #[serde(default = "super::input::yes")]
    pub graceful: bool,
    /// Whether clients find their sessions again.
    #[serde(default = "super::input::yes")]
    pub preserve_state: bool,
    /// In seconds, 10 to 300.
    #[serde(default = "half_a_minute")]
    pub timeout: u64,
    #[serde(default)]
    pub reason: RestartReason,
}

fn half_a_minute() -> u64 {
    30
}

/// The reply of `restart_server`.
#[derive(Clone, Debug, Serialize)]
pub struct Restart {
    pub success: bool,
    pub message: String,
    pub reason: RestartReason,
    pub graceful: bool,
    pub state_preserved: bool,
    pub phases: Vec<PhaseReport>,
    /// Callbacks that failed, tasks of the snapshot that are gone, and the like.
    pub errors: Vec<String>,
    pub resumed_tasks: Vec<Arc<str>>,
    pub sessions_restored: usize,
    pub database_unchanged: Option<bool>,
    pub timestamp: Timestamp,
}

/// The input of `restart_status`.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "mcp", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RestartStatus {
    #[serde(default)]
    pub include_history: bool,
    #[serde(default = "super::input::yes")]
    pub include_error_details: bool,
}

/// The reply of `restart_status`.
#[derive(Clone, Debug, Serialize)]
pub struct RestartReport {
    pub status: &'static str,
    pub maintenance_mode: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_phase: Option<PhaseReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_restart: Option<RestartRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<Vec<RestartRecord>>,
    /// What the server began with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_loaded: Option<LoadedState>,
    pub timestamp: Timestamp,
}

/// A restart that is under way; the server is in maintenance mode until this is dropped.
struct Sequence<'a> {
    server: &'a Server,
}

impl Sequence<'_> {
    fn reach(&self, (sequence, phase, progress): Phase) {
        let report = PhaseReport {
            sequence,
            phase,
            progress,
            at: self.server.now(),
        };
        if let Some(running) = &mut self.server.lifecycle.lock().running {
            running.push(report);
        }
        self.server.observe(TaskEvent::ServerPhase {
            sequence,
            phase,
            progress,
        });
    }

    fn phases(&self) -> Vec<PhaseReport> {
        let lifecycle = self.server.lifecycle.lock();
        lifecycle.running.clone().unwrap_or_default()
    }
}

impl Drop for Sequence<'_> {
    fn drop(&mut self) {
        self.server.lifecycle.lock().running = None;
    }
}

impl Server {
    /// Shuts down and starts again: all that is not in files is lost, but for what a snapshot keeps.
    ///
    /// # Errors
    ///
    /// `VALIDATION_FAILED` for a timeout out of bounds; `GUARD_NOT_MET` where the tasks are in memory;
    /// `ILLEGAL_TRANSITION` while another restart is under way; what the snapshot or the store fails with,
    /// after which the server goes on as before.
    pub async fn restart_server(&self, input: &RestartServer) -> ToolResult<Restart> {
        if !(10..=300).contains(&input.timeout) {
            let message = format!("expected a timeout of 10 to 300 s, found {}", input.timeout);
            return Err(refused(code::VALIDATION_FAILED, "timeout", message));
        }
        if !self.store.has_file() {
            let message = "the tasks are in memory, which no restart leaves";
            return Err(Box::new(Failure::new(code::GUARD_NOT_MET, message)));
        }
        let started_at = self.now();
        let sequence = self.begin_sequence()?;
        let sessions = self.current.lock().clone();
        let mut errors = Vec::new();
        let limit = Duration::from_secs(input.timeout);
        let done = timeout(limit, self.restart(&sequence, input, &mut errors)).await;
        let done = done.unwrap_or_else(|_| {
            let message = format!("the restart took longer than {} s", input.timeout);
            Err(Box::new(Failure::new(code::TIMEOUT, message)))
        });
        if let Err(failure) = &done {
            errors.push(failure.message.clone());
            let reached = sequence.phases();
            let last = reached
                .last()
                .map_or(MAINTENANCE_MODE.0, |last| last.sequence);
            sequence.reach((last, "failed", 0));
            *self.current.lock() = sessions;
        }
        let record = RestartRecord {
            reason: input.reason,
            success: done.is_ok(),
            started_at,
            ended_at: self.now(),
            phases: sequence.phases(),
            errors: errors.clone(),
        };
        self.lifecycle.lock().history.push(record);
        done.map(|restart| Restart {
            phases: sequence.phases(),
            errors,
            ..restart
        })
    }

    async fn restart(
        &self,
        sequence: &Sequence<'_>,
        input: &RestartServer,
        errors: &mut Vec<String>,
    ) -> ToolResult<Restart> {
        let is_emergency = !input.graceful || input.reason == RestartReason::EmergencyShutdown;
        let keeps_state = input.preserve_state && !is_emergency;
        sequence.reach(MAINTENANCE_MODE);
        sequence.reach(SUSPENDING_TASKS);
        self.call_back(is_emergency, errors).await;
        sequence.reach(SERIALIZING_STATE);
        if keeps_state {
            let snapshot = self.take_snapshot(input.reason)?;
            self.save_snapshot(&snapshot)?;
        }
        sequence.reach(CLOSING_CONNECTIONS);
        self.current.lock().clear();
        self.store.close();
        sequence.reach(FINALIZING);
        sequence.reach(SHUT_DOWN);

        sequence.reach(PREPARING);
        sequence.reach(STARTING_PROCESS);
        sequence.reach(LOADING_STATE);
        let found = match keeps_state {
            true => self.find_snapshot()?.snapshot,
            false => None,
        };
        sequence.reach(RESTORING_DATABASE);
        self.store.check_existing()?;
        let snapshot = found.map(|(_, snapshot)| snapshot);
        let unchanged = snapshot.as_ref().map(|own| self.is_unchanged_since(own));
        let unchanged = unchanged.transpose()?;
        if unchanged == Some(false) {
            errors.push("the tasks are not those of the snapshot".to_owned());
        }
        sequence.reach(RESUMING_TASKS);
        let suspended = snapshot.as_ref().map(|own| own.suspended_tasks.as_slice());
        let resumed = self.transact(|work| {
            let mut resumed = Vec::new();
            for task in suspended.unwrap_or_default() {
                match work.tables.find(&task.task_id)? {
                    Some(_) => resumed.push(Arc::clone(&task.task_id)),
                    None => errors.push(format!("task {} is gone", task.task_id)),
                }
            }
            Ok(resumed)
        })?;
        sequence.reach(ENABLING_CONNECTIONS);
        let sessions = snapshot.map(|own| own.client_sessions).unwrap_or_default();
        let sessions_restored = sessions.len();
        let sessions = sessions.into_iter().map(|own| (own.client, own.session));
        self.current.lock().extend(sessions);
        sequence.reach(RESTARTED);
        Ok(Restart {
            success: true,
            message: "the server has restarted".to_owned(),
            reason: input.reason,
            graceful: !is_emergency,
            state_preserved: keeps_state,
            phases: Vec::new(),
            errors: Vec::new(),
            resumed_tasks: resumed,
            sessions_restored,
            database_unchanged: unchanged,
            timestamp: self.now(),
        })
    }

    /// What is done about restarts.
    pub fn restart_status(&self, input: &RestartStatus) -> RestartReport {
        let lifecycle = self.lifecycle.lock();
        let mut history = lifecycle.history.clone();
        if !input.include_error_details {
            history.iter_mut().for_each(|record| record.errors.clear());
        }
        let running = lifecycle.running.as_ref();
        RestartReport {
            status: if running.is_some() {
                "restarting"
            } else {
                "idle"
            },
            maintenance_mode: running.is_some(),
            current_phase: running.and_then(|phases| phases.last().cloned()),
            last_restart: history.last().cloned(),
            history: input.include_history.then_some(history),
            state_loaded: lifecycle.loaded.clone(),
            timestamp: self.now(),
        }
    }

    /// Takes what the server before this has left; once.
    ///
    /// # Errors
    ///
    /// What the disk fails with.
    pub(super) fn start(&self) -> ToolResult<()> {
        if self.lifecycle.lock().loaded.is_some() {
            return Ok(());
        }
        let loaded = match self.store.has_file() {
            true => self.load_state()?,
            false => LoadedState {
                source: "none",
                file: None,
                rejected: Vec::new(),
                message: "a clean start: the tasks are in memory".to_owned(),
                sessions_restored: 0,
            },
        };
        self.lifecycle.lock().loaded = Some(loaded);
        Ok(())
    }

    fn load_state(&self) -> ToolResult<LoadedState> {
        let found = self.find_snapshot()?;
        let rejected = found.rejected;
        Ok(match found.snapshot {
            Some((file, snapshot)) => {
                let sessions = snapshot.client_sessions;
                let sessions_restored = sessions.len();
                let sessions = sessions.into_iter().map(|own| (own.client, own.session));
                self.current.lock().extend(sessions);
                LoadedState {
                    source: if rejected.is_empty() {
                        "snapshot"
                    } else {
                        "backup"
                    },
                    message: format!("the state is that of {}", rfc_3339(&snapshot.timestamp.0)),
                    file: Some(file),
                    rejected,
                    sessions_restored,
                }
            }
            None => LoadedState {
                source: "none",
                file: None,
                message: match rejected.is_empty() {
                    true => "a clean start: there is no snapshot".to_owned(),
                    false => "a clean start: no snapshot is what was written".to_owned(),
                },
                rejected,
                sessions_restored: 0,
            },
        })
    }

    /// Refuses new work while the server restarts.
    ///
    /// # Errors
    ///
    /// `SERVICE_UNAVAILABLE`, which is worth a retry.
    pub(super) fn refuse_in_maintenance(&self) -> ToolResult<()> {
        let lifecycle = self.lifecycle.lock();
        let phase = lifecycle.running.as_ref().map(|phases| phases.last());
        match phase {
            None => Ok(()),
            Some(phase) => {
                let phase = phase.map_or(PREPARING.1, |phase| phase.phase);
                let message = format!("the server restarts ({phase}), so it takes no new work");
                Err(Box::new(Failure::new(code::SERVICE_UNAVAILABLE, message)))
            }
        }
    }

    fn begin_sequence(&self) -> ToolResult<Sequence<'_>> {
        let mut lifecycle = self.lifecycle.lock();
        if lifecycle.running.is_some() {
            let message = "the server restarts already";
            return Err(Box::new(Failure::new(code::ILLEGAL_TRANSITION, message)));
        }
        lifecycle.running = Some(Vec::new());
        Ok(Sequence { server: self })
    }

    /// Does what is to be done before a shutdown. What fails is noted, and the rest is done all the same.
    async fn call_back(&self, is_emergency: bool, errors: &mut Vec<String>) {
        let count = u32::try_from(self.callbacks.len()).unwrap_or(u32::MAX);
        let limit = match is_emergency {
            true => EMERGENCY,
            false => SUSPENSION / count.max(1),
        };
        for callback in &self.callbacks {
            let done = timeout(limit, (callback.run)()).await;
            let done = done
                .unwrap_or_else(|_| Err(format!("it took longer than {} ms", limit.as_millis())));
            if let Err(message) = done {
                errors.push(format!("{}: {message}", callback.name));
                self.observe(TaskEvent::ShutdownCallbackFailed {
                    callback: Arc::clone(&callback.name),
                    message,
                });
            }
        }
    }
}

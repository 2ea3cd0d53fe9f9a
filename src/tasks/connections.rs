use std::{collections::VecDeque, sync::Arc};

use serde::Serialize;

use super::failures::{RESOURCE_EXHAUSTED, ToolResult};
use crate::{
    domain::{Call, Failure, IndexMap, Locked, code},
    resilience::Retry,
};

/// How many requests of a client are kept while its connection is lost.
const MAX_BUFFERED: usize = 100;

/// The connections of clients that were lost, and what came over them meanwhile.
#[derive(Debug, Default)]
pub struct Connections(Locked<IndexMap<Arc<str>, Connection>>);

/// A connection that was lost.
#[derive(Debug)]
struct Connection {
    status: ConnectionStatus,
    /// Whether the next try to reconnect succeeds.
    is_reachable: bool,
    /// How often it was tried to reconnect.
    tries: u32,
    buffered: VecDeque<Call>,
}

/// How a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// Requests are handled.
    Active,
    /// Requests are buffered; nothing was tried yet.
    Disconnected,
    /// Requests are buffered while the server tries to reconnect.
    Reconnecting,
    /// What was buffered is replayed, and so are requests that come meanwhile.
    Restored,
    /// The last try failed; nothing is buffered.
    Failed,
}

impl ConnectionStatus {
    /// Its name in replies and on the timeline.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disconnected => "disconnected",
            Self::Reconnecting => "reconnecting",
            Self::Restored => "restored",
            Self::Failed => "failed",
        }
    }
}

/// A connection as tools show it.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionView {
    pub client: Arc<str>,
    pub status: ConnectionStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buffered: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
}

impl Connections {
    /// How often the server tries to reconnect, and when.
    pub const RETRY: Retry = Retry::reconnect();

    /// A client's connection is lost. Returns whether it was not lost before.
    pub fn lose(&self, client: &Arc<str>) -> bool {
        let mut connections = self.0.lock();
        let lost = Connection {
            status: ConnectionStatus::Disconnected,
            is_reachable: false,
            tries: 0,
            buffered: VecDeque::new(),
        };
        match connections.get_mut(client) {
            Some(own)
                if !matches!(
                    own.status,
                    ConnectionStatus::Active | ConnectionStatus::Failed
                ) =>
            {
                false
            }
            Some(own) => {
                *own = lost;
                true
            }
            None => {
                connections.insert(Arc::clone(client), lost);
                true
            }
        }
    }

    /// A client can be reached again. Returns whether its connection is lost.
    pub fn reach(&self, client: &str) -> bool {
        match self.0.lock().get_mut(client) {
            Some(own)
                if matches!(
                    own.status,
                    ConnectionStatus::Disconnected | ConnectionStatus::Reconnecting
                ) =>
            {
                own.is_reachable = true;
                true
            }
            _ => false,
        }
    }

    /// Tries to reconnect once more; returns the status after that.
    pub fn try_again(&self, client: &str) -> ConnectionStatus {
        let mut connections = self.0.lock();
        let Some(own) = connections.get_mut(client) else {
            return ConnectionStatus::Active;
        };
        own.tries += 1;
        own.status = if own.is_reachable {
            ConnectionStatus::Restored
        } else if own.tries >= Self::RETRY.max_retries {
            own.buffered.clear();
            ConnectionStatus::Failed
        } else {
            ConnectionStatus::Reconnecting
        };
        own.status
    }

    /// Keeps a request of a client whose connection is lost; `None` if it is not.
    ///
    /// # Errors
    ///
    /// `RESOURCE_EXHAUSTED` if there are too many; `SERVICE_UNAVAILABLE` if the connection has failed.
    pub fn buffer(&self, client: &str, call: &Call) -> ToolResult<Option<usize>> {
        let mut connections = self.0.lock();
        let Some(own) = connections.get_mut(client) else {
            return Ok(None);
        };
        match own.status {
            ConnectionStatus::Active => Ok(None),
            ConnectionStatus::Failed => {
                // A client that begins or resumes a session has a new connection.
                if matches!(
                    call.name().operation(),
                    "initialize_session" | "resume_session"
                ) {
                    own.status = ConnectionStatus::Active;
                    return Ok(None);
                }
                let message =
                    format!("the connection of {client:?} has failed: begin or resume a session");
                Err(Box::new(Failure::new(code::SERVICE_UNAVAILABLE, message)))
            }
            _ if own.buffered.len() >= MAX_BUFFERED => {
                let message = format!(
                    "{MAX_BUFFERED} requests of {client:?} wait for its connection, so no other can"
                );
                let mut failure = super::failures::refused(RESOURCE_EXHAUSTED, "", message);
                failure.field = None;
                Err(failure)
            }
            _ => {
                own.buffered.push_back(call.clone());
                Ok(Some(own.buffered.len()))
            }
        }
    }

    /// The next request to be replayed; after the last one the connection is active.
    pub fn next(&self, client: &str) -> Option<Call> {
        let mut connections = self.0.lock();
        let own = connections.get_mut(client)?;
        let next = own.buffered.pop_front();
        if next.is_none() {
            own.status = ConnectionStatus::Active;
        }
        next
    }

    /// All connections that were ever lost.
    pub fn views(&self, with_buffer: bool, with_tries: bool) -> Vec<ConnectionView> {
        let connections = self.0.lock();
        let views = connections.iter().map(|(client, own)| ConnectionView {
            client: Arc::clone(client),
            status: own.status,
            buffered: with_buffer.then_some(own.buffered.len()),
            tries: with_tries.then_some(own.tries),
        });
        views.collect()
    }
}

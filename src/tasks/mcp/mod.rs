//! The tools over the Model Context Protocol.

mod door;
mod http;
mod schemas;

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    path::Path,
};

use rmcp::{ServiceExt as _, transport::async_rw::AsyncRwTransport};

use self::door::Door;
use super::Tools;
use crate::observability::TaskEvent;

/// What the name of each tool begins with, so that a client tells them from those of other servers.
const PREFIX: &str = "orchestrator_";
/// The largest request, in bytes.
const MAX_REQUEST: usize = 1024 * 1024;

/// Answers clients until they are gone: the one on the standard streams, or all that come to an address of
/// this machine. The tasks are kept below `folder`.
///
/// # Errors
///
/// If the folder cannot be used, the address is one that other machines can reach, or nobody can listen on
/// it.
pub fn serve(folder: &Path, address: Option<SocketAddr>) -> io::Result<()> {
    let usable = folder.metadata().and_then(|it| match it.is_dir() {
        true => Ok(()),
        false => Err(io::ErrorKind::NotADirectory.into()),
    });
    usable
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", folder.display())))?;
    // What is dropped unanswered, such as a line of more than 16 MiB, is said there.
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN);
    let log = log.with_writer(io::stderr).log_internal_errors(false);
    log.try_init().map_err(io::Error::other)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let door = Door::new(folder);
        match address {
            Some(address) => http::serve(door, address).await,
            None => serve_streams(door).await,
        }
    })
}

/// The tools, which tell of what they do: in the log, and to `observe`.
fn observed(folder: &Path, observe: impl Fn(&TaskEvent) + Send + Sync + 'static) -> Tools {
    Tools::observed(folder, move |mut event| {
        observe(&event);
        event.redact();
        if let Ok(event) = serde_json::to_string(&event) {
            log_line(&event);
        }
    })
}

/// Writes a line to the standard error, since the standard output is the client's, if anybody reads it.
fn log_line(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

async fn serve_streams(door: Door) -> io::Result<()> {
    let (input, output) = rmcp::transport::stdio();
    let streams = AsyncRwTransport::new_server(input, output);
    let served = door.serve(streams).await.map_err(io::Error::other)?;
    served.waiting().await.map_err(io::Error::other)?;
    Ok(())
}

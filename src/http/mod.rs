//! The cast over HTTP: played services that listen on loopback or in memory, and real services that play
//! along.

mod broken;
mod connection;
mod problem;
mod remote;
mod request;
mod routes;
mod server;
mod socket;
#[cfg(test)]
mod tests;

pub use remote::{HttpService, status_of_get};
pub use server::{ServeError, Server};
pub use socket::MemoryStream;
#[cfg(feature = "mcp")]
pub(crate) use socket::Socket;

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
};

use tokio::task::JoinSet;

use super::{
    connection::{self, Endpoint, Kill},
    socket::{self, MemoryStream, Socket},
};
use crate::{
    domain::{IndexMap, Locked},
    services::{Client, Registry, UnknownName},
};

/// The services of a cast over HTTP: each is found at an address of its own for each caller, so that the
/// port tells who calls.
pub struct Server {
    client: Arc<Client>,
    kill: Kill,
    endpoints: Locked<IndexMap<CallerAndService, Listening>>,
    /// They end with it.
    tasks: Locked<JoinSet<()>>,
}

type CallerAndService = (Arc<str>, Arc<str>);

struct Listening {
    endpoint: Arc<Endpoint>,
    address: Option<SocketAddr>,
}

impl Server {
    /// Serves what a client calls, which has no policies: callers have their own.
    pub fn new(client: Arc<Client>, kill: Kill) -> Self {
        Self {
            client,
            kill,
            endpoints: Locked::default(),
            tasks: Locked::default(),
        }
    }

    fn registry(&self) -> &Registry {
        self.client.registry()
    }

    /// The address of a service for a caller, `http://127.0.0.1:PORT`; it listens from then on.
    ///
    /// # Errors
    ///
    /// If the service is unknown, or no port is free.
    pub fn url(&self, caller: &str, service: &str) -> Result<String, ServeError> {
        let address =
            self.with_endpoint(caller, service, |listening| match listening.address {
                Some(address) => Ok::<_, io::Error>(address),
                None => {
                    let address = self.listen(Arc::clone(&listening.endpoint))?;
                    listening.address = Some(address);
                    Ok(address)
                }
            })??;
        Ok(format!("http://{address}"))
    }

    /// A connection to a service in memory.
    ///
    /// # Errors
    ///
    /// If the service is unknown.
    pub fn connect(&self, caller: &str, service: &str) -> Result<MemoryStream, ServeError> {
        let endpoint =
            self.with_endpoint(caller, service, |listening| Arc::clone(&listening.endpoint))?;
        let (socket, stream) = socket::memory();
        spawn(&mut self.tasks.lock(), connection::serve(socket, endpoint));
        Ok(stream)
    }

    fn with_endpoint<T>(
        &self,
        caller: &str,
        service: &str,
        read: impl FnOnce(&mut Listening) -> T,
    ) -> Result<T, ServeError> {
        self.registry().script(service, |_, _| ())?;
        let mut endpoints = self.endpoints.lock();
        let listening = endpoints
            .entry((caller.into(), service.into()))
            .or_insert_with(|| Listening {
                endpoint: Arc::new(Endpoint {
                    caller: caller.into(),
                    service: service.into(),
                    client: Arc::clone(&self.client),
                    kill: Arc::clone(&self.kill),
                    last_hit: Locked::default(),
                }),
                address: None,
            });
        Ok(read(listening))
    }

    /// Accepts connections until the server is dropped.
    fn listen(&self, endpoint: Arc<Endpoint>) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let accept = async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                // Answers are whole, so there is nothing to wait for.
                let _ = stream.set_nodelay(true);
                let socket = Socket::Tcp(Arc::new(stream));
                let serve = connection::serve(socket, Arc::clone(&endpoint));
                spawn(&mut connections, serve);
            }
        };
        spawn(&mut self.tasks.lock(), accept);
        Ok(address)
    }
}

/// Adds a task, and forgets those that have ended.
fn spawn(tasks: &mut JoinSet<()>, task: impl Future<Output = ()> + Send + 'static) {
    while tasks.try_join_next().is_some() {}
    tasks.spawn(task);
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints = self.endpoints.lock();
        f.debug_set().entries(endpoints.keys()).finish()
    }
}

/// Why a service cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It does not exist.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    /// It cannot listen.
    #[error("no port of this machine can be listened on: {0}")]
    Io(#[from] io::Error),
}

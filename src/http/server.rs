use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::Arc,
};

use tokio::{
    runtime::Handle,
    task::{AbortHandle, JoinHandle},
};

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
    tasks: Arc<Locked<Vec<AbortHandle>>>,
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
            tasks: Arc::default(),
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
        self.track(&tokio::spawn(connection::serve(socket, endpoint)));
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
        let tasks = Arc::downgrade(&self.tasks);
        self.track(&Handle::current().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Some(tasks) = tasks.upgrade() else { break };
                // Answers are whole, so there is nothing to wait for.
                let _ = stream.set_nodelay(true);
                let socket = Socket::Tcp(Arc::new(stream));
                let serving = tokio::spawn(connection::serve(socket, Arc::clone(&endpoint)));
                let mut tasks = tasks.lock();
                tasks.retain(|task| !task.is_finished());
                tasks.push(serving.abort_handle());
            }
        }));
        Ok(address)
    }

    fn track(&self, task: &JoinHandle<()>) {
        self.tasks.lock().push(task.abort_handle());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in self.tasks.lock().drain(..) {
            task.abort();
        }
    }
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

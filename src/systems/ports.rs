use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use indexmap::IndexMap;

/// The ports of a system.
#[derive(Debug)]
pub struct Ports {
    first: u16,
    further: IndexMap<String, u16>,
}

impl Ports {
    /// Free ones: one without a name, and one for each name.
    ///
    /// # Errors
    ///
    /// If none is free.
    pub fn free(names: &[String]) -> io::Result<Self> {
        let first = free_port()?;
        let further = names.iter().map(|name| Ok((name.clone(), free_port()?)));
        Ok(Self {
            first,
            further: further.collect::<io::Result<_>>()?,
        })
    }

    /// The one without a name.
    pub fn first(&self) -> u16 {
        self.first
    }

    /// The one of this name.
    pub fn named(&self, name: &str) -> Option<u16> {
        self.further.get(name).copied()
    }

    /// The one that `port` or `ports/<name>` stands for.
    pub fn find(&self, reference: &str) -> Option<u16> {
        match reference.strip_prefix("ports/") {
            Some(name) => self.named(name),
            None => (reference == "port").then_some(self.first),
        }
    }

    /// What `find` knows.
    pub fn references(&self) -> impl Iterator<Item = String> {
        let further = self.further.keys().map(|name| format!("ports/{name}"));
        std::iter::once("port".to_owned()).chain(further)
    }
}

/// Below the ports that Linux, macOS and Windows give to whoever asks for any: no listener and no connection
/// is given that of a system while it does not listen.
const FIRST: u32 = 20_000;
const COUNT: u32 = 10_000;

/// How far apart processes that run side by side begin to look.
const APART: u32 = 977;

/// A port that is free, and that this process has not given to a system lately.
///
/// It is not held: the program itself is to listen there.
///
/// # Errors
///
/// If none is free.
fn free_port() -> io::Result<u16> {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let begin = process::id().wrapping_mul(APART) % COUNT;
    let mut error = io::ErrorKind::AddrInUse.into();
    for _ in 0..COUNT {
        let next = GIVEN.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = u16::try_from(FIRST + (begin + next) % COUNT).unwrap_or(0);
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return listener.local_addr().map(|address| address.port()),
            Err(refused) => error = refused,
        }
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_given_in_turn_and_taken_ones_left_out() {
        let first = free_port().unwrap();
        // Other tests are given ports, too.
        let taken: Vec<_> = (first + 1..first + 50)
            .filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
            .collect();
        let second = free_port().unwrap();
        assert!(second >= first + 50 || second < first, "{first}, {second}");
        assert!((20_000..30_000).contains(&second));
        drop(taken);
    }
}

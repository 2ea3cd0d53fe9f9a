use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    ops::Range,
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use indexmap::IndexMap;

/// Below those that operating systems give to connections and to listeners that name none: nothing takes
/// a port while its program does not listen there, before its start and between a kill and a restart.
const RANGE: Range<u32> = 11_000..32_768;

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
        let further = names.iter().map(|name| Ok((name.clone(), free()?)));
        Ok(Self {
            first: free()?,
            further: further.collect::<io::Result<_>>()?,
        })
    }

    /// The one without a name.
    pub fn first(&self) -> u16 {
        self.first
    }

    /// The one that `port` or `ports/<name>` stands for.
    pub fn find(&self, reference: &str) -> Option<u16> {
        match reference.strip_prefix("ports/") {
            Some(name) => self.further.get(name).copied(),
            None => (reference == "port").then_some(self.first),
        }
    }

    /// What `find` knows.
    pub fn references(&self) -> impl Iterator<Item = String> {
        let further = self.further.keys().map(|name| format!("ports/{name}"));
        std::iter::once("port".to_owned()).chain(further)
    }
}

/// A port that this process has not given out, as long as there is one.
fn free() -> io::Result<u16> {
    // Processes that run side by side begin far apart.
    static NEXT: LazyLock<AtomicU32> =
        LazyLock::new(|| AtomicU32::new(std::process::id().wrapping_mul(7_919)));
    let mut refused = io::ErrorKind::AddrInUse.into();
    for _ in RANGE {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed) % (RANGE.end - RANGE.start);
        let Ok(port) = u16::try_from(RANGE.start + offset) else {
            continue;
        };
        // Left at once: the program itself is to listen there.
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ports_of_systems_differ_while_no_program_listens_there() {
        let names = ["admin".to_owned(), "metrics".to_owned()];
        let systems: Vec<Ports> = (0..500).map(|_| Ports::free(&names).unwrap()).collect();
        let ports = systems.iter().flat_map(|ports| {
            let find = |reference: String| ports.find(&reference).unwrap();
            ports.references().map(find)
        });
        assert_eq!(ports.collect::<BTreeSet<_>>().len(), 1_500);
    }

    #[test]
    fn port_that_something_listens_at_is_passed_over() {
        // What follows the port just given out is taken, and more than one.
        let next = free().unwrap() + 1;
        let taken: Vec<_> = (next..next.saturating_add(5))
            .filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
            .collect();
        let found = free().unwrap();
        let is_taken = |listener: &TcpListener| listener.local_addr().unwrap().port() == found;
        assert!(!taken.iter().any(is_taken), "{found}");
    }
}

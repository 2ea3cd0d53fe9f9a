use std::io;

use indexmap::IndexMap;

use super::port::free_port;

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

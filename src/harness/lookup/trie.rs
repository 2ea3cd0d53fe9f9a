/// Ids filed under byte strings, found by a text that begins with those.
#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// Next nodes by byte, in order of the bytes.
    edges: Vec<(u8, u32)>,
    ids: Vec<u32>,
}

impl Default for Trie {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }
}

impl Trie {
    pub fn insert(&mut self, prefix: &[u8], id: u32) {
        let mut node = 0;
        for byte in prefix {
            let edges = &self.nodes[node].edges;
            node = match edges.binary_search_by_key(byte, |edge| edge.0) {
                Ok(at) => edges[at].1 as usize,
                Err(at) => {
                    let next = self.nodes.len();
                    self.nodes[node].edges.insert(at, (*byte, next as u32));
                    self.nodes.push(Node::default());
                    next
                }
            };
        }
        self.nodes[node].ids.push(id);
    }

    /// The ids filed under any beginning of the text, the shortest first.
    pub fn find(&self, text: &[u8]) -> impl Iterator<Item = u32> {
        let mut node = Some(0);
        let mut bytes = text.iter();
        std::iter::from_fn(move || {
            let here: &Node = &self.nodes[node? as usize];
            node = bytes.next().and_then(|byte| {
                let at = here.edges.binary_search_by_key(byte, |edge| edge.0).ok()?;
                Some(here.edges[at].1)
            });
            Some(&here.ids)
        })
        .flatten()
        .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_finds_every_prefix_of_it() {
        let mut trie = Trie::default();
        for (id, prefix) in ["", "a ", "a service ", "a workflow", "b"]
            .iter()
            .enumerate()
        {
            trie.insert(prefix.as_bytes(), id as u32);
        }
        let find = |text: &str| trie.find(text.as_bytes()).collect::<Vec<_>>();
        assert_eq!(find("a service \"x\""), [0, 1, 2]);
        assert_eq!(find("a workflow"), [0, 1, 3]);
        assert_eq!(find("c"), [0]);
        assert_eq!(find(""), [0]);
    }
}

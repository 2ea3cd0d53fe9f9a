use super::shape::ShapePart;

/// Ids filed under shapes, found by the texts that have them.
///
/// The text before the first gap alone would leave hundreds of candidates
/// where many phrases begin alike, `a service {string} …`; what is literal
/// after a gap distinguishes them as well.
#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// The next nodes by byte, in order of the bytes.
    edges: Vec<(u8, u32)>,
    /// The node after a gap.
    gap: Option<u32>,
    /// Ids of the shapes that end here.
    ids: Vec<u32>,
}

/// The state of a search; reused by the next.
#[derive(Debug, Default)]
pub(super) struct Search {
    pub found: Vec<u32>,
    /// For each gap entered, the smallest byte it was entered at.
    entered: Vec<(u32, usize)>,
}

impl Default for Trie {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }
}

impl Trie {
    pub fn insert(&mut self, shape: &[ShapePart], id: u32) {
        let mut node = 0;
        for part in shape {
            match part {
                ShapePart::Text(text) => {
                    for byte in text {
                        node = self.after_byte(node, *byte);
                    }
                }
                ShapePart::Gap => node = self.after_gap(node),
            }
        }
        self.nodes[node].ids.push(id);
    }

    /// Finds the ids of all shapes that the text has, each once.
    pub fn find(&self, text: &[u8], search: &mut Search) {
        search.found.clear();
        search.entered.clear();
        self.follow(0, text, 0, search);
        search.found.sort_unstable();
        search.found.dedup();
    }

    fn follow(&self, mut node: usize, text: &[u8], mut at: usize, search: &mut Search) {
        loop {
            let here = &self.nodes[node];
            if let Some(gap) = here.gap {
                self.enter(gap, text, at, search);
            }
            let Some(byte) = text.get(at) else {
                search.found.extend(&here.ids);
                return;
            };
            match here.edges.binary_search_by_key(byte, |edge| edge.0) {
                Ok(edge) => node = here.edges[edge].1 as usize,
                Err(_) => return,
            }
            at += 1;
        }
    }

    /// A gap takes any number of bytes. Those that it took when entered before
    /// are left out, so no gap is left twice at the same byte, however many there are.
    fn enter(&self, gap: u32, text: &[u8], at: usize, search: &mut Search) {
        let mut end = text.len() + 1;
        match search
            .entered
            .iter_mut()
            .find(|(entered, _)| *entered == gap)
        {
            Some((_, from)) => end = std::mem::replace(from, at.min(*from)),
            None => search.entered.push((gap, at)),
        }
        for at in at..end {
            self.follow(gap as usize, text, at, search);
        }
    }

    fn after_byte(&mut self, node: usize, byte: u8) -> usize {
        let edges = &self.nodes[node].edges;
        match edges.binary_search_by_key(&byte, |edge| edge.0) {
            Ok(at) => edges[at].1 as usize,
            Err(at) => {
                let next = self.add();
                self.nodes[node].edges.insert(at, (byte, next));
                next as usize
            }
        }
    }

    fn after_gap(&mut self, node: usize) -> usize {
        let gap = self.nodes[node].gap;
        gap.unwrap_or_else(|| {
            let next = self.add();
            self.nodes[node].gap = Some(next);
            next
        }) as usize
    }

    fn add(&mut self) -> u32 {
        self.nodes.push(Node::default());
        (self.nodes.len() - 1) as u32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::shape::of_regex, *};

    const REGEXES: [&str; 9] = [
        "^a service (.*)$",
        "^a service (.*) hangs$",
        "^a (.*) hangs$",
        "^(.*)$",
        "^a b$",
        "^(a*) b (.*) c$",
        "b",
        "^a",
        "a$",
    ];

    fn find(text: &str) -> Vec<u32> {
        let mut trie = Trie::default();
        for (id, regex) in (0..).zip(REGEXES) {
            trie.insert(&of_regex(regex), id);
        }
        let mut search = Search::default();
        trie.find(text.as_bytes(), &mut search);
        search.found
    }

    #[test]
    fn find_returns_the_shapes_that_match_the_text() {
        assert_eq!(find("a service x hangs"), [0, 1, 2, 3, 7]);
        assert_eq!(find("a service  hangs hangs"), [0, 1, 2, 3, 7]);
        assert_eq!(find("a b"), [3, 4, 6, 7]);
        assert_eq!(find("x b a b c"), [3, 5, 6]);
        assert_eq!(find(""), [3]);
    }

    proptest! {
        #[test]
        fn search_finds_every_regex_that_matches(text in "[ab c]{0,12}") {
            let found = find(&text);
            for (id, regex) in (0..).zip(REGEXES) {
                if regex::Regex::new(regex).unwrap().is_match(&text) {
                    prop_assert!(found.contains(&id), "{regex}");
                }
            }
        }

        #[test]
        fn search_with_many_gaps_is_fast(text in " {200,400}") {
            let mut trie = Trie::default();
            trie.insert(&of_regex("^(.*) (.*) (.*) (.*) (.*) (.*) (.*) x$"), 0);
            let mut search = Search::default();
            trie.find(text.as_bytes(), &mut search);
            prop_assert!(search.found.is_empty());
        }
    }
}

use serde_json::{Map, Value, json};

use super::configurations::Configurations;
use crate::domain::Failure;

impl Configurations {
    /// What each configuration refers to, what refers to it, and the references that are circular, each by its path.
    pub async fn graph(&self) -> Result<Value, Box<Failure>> {
        self.projector.caught_up().await;
        let all = self.read_all().await?;
        let next = |id: &str| {
            let fields = all.get(id).and_then(Value::as_object);
            fields.map_or_else(Vec::new, |fields| self.own_references(fields))
        };
        let nodes = all.keys().map(|id| {
            let dependents = all.keys().filter(|other| next(other).contains(id));
            let dependents: Vec<&String> = dependents.collect();
            let others = all.get(id).and_then(Value::as_object);
            let others = others.map_or_else(Vec::new, |fields| self.references_of(fields));
            json!({ "id": id, "dependencies": others, "dependents": dependents })
        });
        let nodes: Vec<Value> = nodes.collect();
        let circles = circles(&all, &next);
        let violations = circles.iter().map(|path| {
            json!({
                "sourceId": path.first(),
                "targetId": path.get(1),
                "violation": format!("the reference is circular: {}", path.join(" → ")),
                "severity": "error",
            })
        });
        let violations: Vec<Value> = violations.collect();
        let circular: Vec<String> = circles.iter().map(|path| path.join(" → ")).collect();
        Ok(json!({
            "nodes": nodes,
            "circularReferences": circular,
            "integrity": { "isValid": violations.is_empty(), "violations": violations },
        }))
    }

    /// What a configuration refers to, by service.
    fn references_of(&self, configuration: &Map<String, Value>) -> Vec<Value> {
        let mut found = Vec::new();
        for (reference, call) in &self.rules.references {
            let ids = reference.ids(configuration).unwrap_or_default();
            found.extend(
                ids.into_iter()
                    .map(|id| json!({ "type": call.service(), "id": id })),
            );
        }
        found
    }
}

/// The shortest circle through each configuration that is in one, each circle once: from where it was created
/// first.
fn circles(all: &Map<String, Value>, next: &impl Fn(&str) -> Vec<String>) -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = Vec::new();
    for id in all.keys() {
        if found.iter().any(|circle| circle.contains(id)) {
            continue;
        }
        found.extend(circle_of(id, next));
    }
    found
}

fn circle_of(id: &str, next: &impl Fn(&str) -> Vec<String>) -> Option<Vec<String>> {
    let mut seen = Vec::new();
    let mut paths = vec![vec![id.to_owned()]];
    while !paths.is_empty() {
        let mut longer = Vec::new();
        for path in paths {
            for other in next(path.last().map_or("", String::as_str)) {
                let is_circle = other == id;
                let is_new = !seen.contains(&other);
                let path: Vec<String> = path.iter().cloned().chain([other.clone()]).collect();
                if is_circle {
                    return Some(path);
                }
                if is_new {
                    seen.push(other);
                    longer.push(path);
                }
            }
        }
        paths = longer;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_once_by_their_shortest_path() {
        let edges: [(&str, &[&str]); 7] = [
            ("a", &["b"]),
            ("b", &["c", "a"]),
            ("c", &["a"]),
            ("d", &["d"]),
            ("e", &["a", "f"]),
            ("f", &[]),
            ("g", &["missing"]),
        ];
        let next = |id: &str| {
            let found = edges.iter().find(|(from, _)| *from == id);
            let others = found.map_or(&[][..], |(_, others)| others);
            others.iter().map(|id| (*id).to_owned()).collect()
        };
        let all = edges.iter().map(|(id, _)| ((*id).to_owned(), Value::Null));
        let found = circles(&all.collect(), &next);
        let shown: Vec<String> = found.iter().map(|path| path.join(" → ")).collect();
        assert_eq!(shown, ["a → b → a", "c → a → b → c", "d → d"]);
    }
}

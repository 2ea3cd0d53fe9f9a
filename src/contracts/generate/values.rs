use rand::{RngExt as _, rngs::ChaCha8Rng};
use serde_json::{Map, Value};

use super::{
    DRAWS, GenerateError, numbers,
    shape::{Shape, item_schema, property_schema, shape},
    text,
};
use crate::{clock::Seed, domain::pointer_token};

/// How much of what a schema allows a value has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// What is required.
    Minimal,
    /// All that is declared.
    Full,
    /// What chance has it.
    Random,
}

/// Makes values of a schema.
pub(super) struct Maker<'a> {
    root: &'a Value,
    rng: ChaCha8Rng,
}

/// How deep a value goes before what is optional is left out, and at most.
const OPTIONAL_DEPTH: usize = 6;
const DEEPEST: usize = 32;

impl<'a> Maker<'a> {
    pub fn new(root: &'a Value, seed: Seed) -> Self {
        Self {
            root,
            rng: seed.rng(),
        }
    }

    /// A value that a schema allows, as far as it can be told without trying.
    ///
    /// # Errors
    ///
    /// If the schema is beyond what can be generated.
    pub fn value(
        &mut self,
        schema: &Value,
        extent: Extent,
        pointer: &str,
    ) -> Result<Value, GenerateError> {
        let depth = pointer.matches('/').count();
        if depth > DEEPEST {
            let message = "a value of it has no end";
            return Err(GenerateError::new(pointer, "required", message));
        }
        let rng = &mut self.rng;
        let mut pick = |count: usize| match extent {
            Extent::Random => rng.random_range(0..count),
            _ => 0,
        };
        let shape = shape(self.root, schema, pointer, &mut pick)?;
        if let Some(value) = self.given(&shape, extent) {
            return Ok(value);
        }
        match self.kind(&shape, extent) {
            "object" => self.object(&shape, extent, pointer, depth),
            "array" => self.array(&shape, extent, pointer),
            "string" => text::text(&shape, extent, &mut self.rng)
                .or_else(|error| self.example(&shape).ok_or(error))
                .map_err(|(keyword, message)| GenerateError::new(pointer, keyword, message)),
            "integer" => Ok(numbers::integer(&shape, extent, &mut self.rng)),
            "number" => Ok(numbers::number(&shape, extent, &mut self.rng)),
            "boolean" => Ok(Value::Bool(match extent {
                Extent::Random => self.rng.random_range(0..2) == 0,
                _ => true,
            })),
            _ => Ok(Value::Null),
        }
    }

    /// A value that the schema itself gives.
    fn given(&mut self, shape: &Shape, extent: Extent) -> Option<Value> {
        if let Some(value) = shape.get("const") {
            return Some(value.clone());
        }
        let listed = |keyword: &str| shape.get(keyword).and_then(Value::as_array);
        let (examples, options) = (listed("examples"), listed("enum"));
        if extent == Extent::Random {
            let options = options.filter(|options| !options.is_empty())?;
            return Some(options[self.rng.random_range(0..options.len())].clone());
        }
        // The fullest object has what its examples may leave out.
        if extent == Extent::Full && shape.contains_key("properties") {
            return None;
        }
        let first = examples.and_then(|examples| examples.first());
        first
            .or_else(|| shape.get("default"))
            .or_else(|| options.and_then(|options| options.first()))
            .cloned()
    }

    fn example(&mut self, shape: &Shape) -> Option<Value> {
        let examples = shape.get("examples")?.as_array()?;
        let index = (!examples.is_empty()).then(|| self.rng.random_range(0..examples.len()))?;
        Some(examples[index].clone())
    }

    fn kind<'s>(&mut self, shape: &'s Shape, extent: Extent) -> &'s str {
        match shape.get("type") {
            Some(Value::String(kind)) => kind,
            Some(Value::Array(kinds)) if !kinds.is_empty() => {
                let index = match extent {
                    Extent::Random => self.rng.random_range(0..kinds.len()),
                    _ => 0,
                };
                kinds[index].as_str().unwrap_or("null")
            }
            _ => {
                let speaks = |keywords: &[&str]| keywords.iter().any(|it| shape.contains_key(*it));
                if speaks(&["minLength", "maxLength", "pattern", "format"]) {
                    "string"
                } else if speaks(&["minimum", "maximum", "multipleOf"])
                    || speaks(&["exclusiveMinimum", "exclusiveMaximum"])
                {
                    "number"
                } else if speaks(&["items", "prefixItems", "minItems", "maxItems"]) {
                    "array"
                } else {
                    "object"
                }
            }
        }
    }

    fn object(
        &mut self,
        shape: &Shape,
        extent: Extent,
        pointer: &str,
        depth: usize,
    ) -> Result<Value, GenerateError> {
        let required: Vec<&str> = shape
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let declared = shape.get("properties").and_then(Value::as_object);
        let declared = declared.into_iter().flat_map(Map::keys).map(String::as_str);
        let undeclared = required.iter().copied();
        let mut fields = Map::new();
        for name in declared.chain(undeclared) {
            if fields.contains_key(name) {
                continue;
            }
            let wanted = required.contains(&name)
                || depth < OPTIONAL_DEPTH
                    && match extent {
                        Extent::Minimal => limit(shape, "minProperties") > Some(fields.len()),
                        Extent::Full => true,
                        Extent::Random => self.rng.random_range(0..2) == 0,
                    };
            let schema = property_schema(shape, name);
            if wanted {
                let pointer = format!("{pointer}/{}", pointer_token(name));
                fields.insert(name.to_owned(), self.value(&schema, extent, &pointer)?);
            }
        }
        Ok(Value::Object(fields))
    }

    fn array(
        &mut self,
        shape: &Shape,
        extent: Extent,
        pointer: &str,
    ) -> Result<Value, GenerateError> {
        let min = limit(shape, "minItems").unwrap_or(0);
        let max = limit(shape, "maxItems").unwrap_or(usize::MAX);
        let deep = pointer.matches('/').count() >= OPTIONAL_DEPTH;
        let fixed = shape.get("items") == Some(&Value::Bool(false));
        let prefix = shape.get("prefixItems").and_then(Value::as_array);
        let prefix = prefix.map_or(0, Vec::len);
        let count = match extent {
            _ if deep => min,
            Extent::Minimal => min,
            Extent::Full => min.max(prefix).max(1).min(max),
            Extent::Random => self
                .rng
                .random_range(min..=min.saturating_add(3).min(max.max(min))),
        };
        let count = if fixed { count.min(prefix) } else { count };
        let mut items = Vec::new();
        for index in 0..count {
            let item = self.another(shape, &items, extent, pointer, index)?;
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    /// One more item, unlike the others where it must be.
    pub fn another(
        &mut self,
        shape: &Shape,
        others: &[Value],
        extent: Extent,
        pointer: &str,
        index: usize,
    ) -> Result<Value, GenerateError> {
        let (schema, pointer) = (item_schema(shape, index), format!("{pointer}/{index}"));
        let mut item = self.value(&schema, extent, &pointer)?;
        if shape.get("uniqueItems") == Some(&Value::Bool(true)) {
            for _ in 0..DRAWS {
                if !others.contains(&item) {
                    break;
                }
                item = self.value(&schema, Extent::Random, &pointer)?;
            }
        }
        Ok(item)
    }
}

/// A limit that counts something.
pub(super) fn limit(shape: &Shape, keyword: &str) -> Option<usize> {
    let limit = shape.get(keyword)?;
    limit.as_u64().and_then(|limit| usize::try_from(limit).ok())
}

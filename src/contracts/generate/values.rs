use rand::{RngExt as _, rngs::ChaCha8Rng};
use serde_json::{Map, Value};

use super::{
    keywords::{Extent, GenerateError, Keywords, item_schema, limit, property_schema, resolve},
    numbers, text,
};
use crate::{clock::Seed, domain::pointer_token};

/// How many times a value is redrawn if it is not usable.
pub(super) const MAX_DRAWS: usize = 32;

/// How deep a value may be.
const MAX_DEPTH: usize = 32;

/// The depth from which optional parts are left out.
const OPTIONAL_DEPTH: usize = 6;

/// Generates values from a schema.
pub(super) struct ValueGenerator<'a> {
    root: &'a Value,
    rng: ChaCha8Rng,
}

impl<'a> ValueGenerator<'a> {
    pub fn new(root: &'a Value, seed: Seed) -> Self {
        Self {
            root,
            rng: seed.rng(),
        }
    }

    /// A value that a schema probably allows; the caller must validate it.
    ///
    /// # Errors
    ///
    /// If the schema is not supported.
    pub fn value(
        &mut self,
        schema: &Value,
        extent: Extent,
        pointer: &str,
    ) -> Result<Value, GenerateError> {
        let depth = pointer.matches('/').count();
        if depth > MAX_DEPTH {
            let message = "no value was found within 32 levels: the schema seems to require itself";
            return Err(GenerateError::new(pointer, "required", message));
        }
        let rng = &mut self.rng;
        let mut pick = |count: usize| match extent {
            Extent::Random => rng.random_range(0..count),
            _ => 0,
        };
        let keywords = resolve(self.root, schema, pointer, &mut pick)?;
        if let Some(value) = self.given(&keywords, extent) {
            return Ok(value);
        }
        match self.kind(&keywords, extent) {
            "object" => self.object(&keywords, extent, pointer, depth),
            "array" => self.array(&keywords, extent, pointer),
            "string" => text::text(&keywords, extent, &mut self.rng)
                .or_else(|error| self.example(&keywords).ok_or(error))
                .map_err(|(keyword, message)| GenerateError::new(pointer, keyword, message)),
            "integer" => Ok(numbers::integer(&keywords, extent, &mut self.rng)),
            "number" => Ok(numbers::number(&keywords, extent, &mut self.rng)),
            "boolean" => Ok(Value::Bool(match extent {
                Extent::Random => self.rng.random_range(0..2) == 0,
                _ => true,
            })),
            _ => Ok(Value::Null),
        }
    }

    /// A value that the schema itself contains.
    fn given(&mut self, keywords: &Keywords, extent: Extent) -> Option<Value> {
        if let Some(value) = keywords.get("const") {
            return Some(value.clone());
        }
        let listed = |keyword: &str| keywords.get(keyword).and_then(Value::as_array);
        let (examples, options) = (listed("examples"), listed("enum"));
        if extent == Extent::Random {
            let options = options.filter(|options| !options.is_empty())?;
            return Some(options[self.rng.random_range(0..options.len())].clone());
        }
        // Examples may leave out optional properties.
        if extent == Extent::Full && keywords.contains_key("properties") {
            return None;
        }
        let first = examples.and_then(|examples| examples.first());
        first
            .or_else(|| keywords.get("default"))
            .or_else(|| options.and_then(|options| options.first()))
            .cloned()
    }

    fn example(&mut self, keywords: &Keywords) -> Option<Value> {
        let examples = keywords.get("examples")?.as_array()?;
        let index = (!examples.is_empty()).then(|| self.rng.random_range(0..examples.len()))?;
        Some(examples[index].clone())
    }

    fn kind<'s>(&mut self, keywords: &'s Keywords, extent: Extent) -> &'s str {
        match keywords.get("type") {
            Some(Value::String(kind)) => kind,
            Some(Value::Array(kinds)) if !kinds.is_empty() => {
                let index = match extent {
                    Extent::Random => self.rng.random_range(0..kinds.len()),
                    _ => 0,
                };
                kinds[index].as_str().unwrap_or("null")
            }
            _ => {
                let has_any =
                    |names: &[&str]| names.iter().any(|name| keywords.contains_key(*name));
                if has_any(&["minLength", "maxLength", "pattern", "format"]) {
                    "string"
                } else if has_any(&["minimum", "maximum", "multipleOf"])
                    || has_any(&["exclusiveMinimum", "exclusiveMaximum"])
                {
                    "number"
                } else if has_any(&["items", "prefixItems", "minItems", "maxItems"]) {
                    "array"
                } else {
                    "object"
                }
            }
        }
    }

    fn object(
        &mut self,
        keywords: &Keywords,
        extent: Extent,
        pointer: &str,
        depth: usize,
    ) -> Result<Value, GenerateError> {
        let required: Vec<&str> = keywords
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let declared = keywords.get("properties").and_then(Value::as_object);
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
                        Extent::Minimal => limit(keywords, "minProperties") > Some(fields.len()),
                        Extent::Full => true,
                        Extent::Random => self.rng.random_range(0..2) == 0,
                    };
            let schema = property_schema(keywords, name);
            if wanted {
                let pointer = format!("{pointer}/{}", pointer_token(name));
                fields.insert(name.to_owned(), self.value(&schema, extent, &pointer)?);
            }
        }
        Ok(Value::Object(fields))
    }

    fn array(
        &mut self,
        keywords: &Keywords,
        extent: Extent,
        pointer: &str,
    ) -> Result<Value, GenerateError> {
        let min = limit(keywords, "minItems").unwrap_or(0);
        let max = limit(keywords, "maxItems").unwrap_or(usize::MAX);
        let deep = pointer.matches('/').count() >= OPTIONAL_DEPTH;
        let fixed = keywords.get("items") == Some(&Value::Bool(false));
        let prefix = keywords.get("prefixItems").and_then(Value::as_array);
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
            let item = self.another(keywords, &items, extent, pointer, index)?;
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    /// One more item, different from the others if it must be.
    pub fn another(
        &mut self,
        keywords: &Keywords,
        others: &[Value],
        extent: Extent,
        pointer: &str,
        index: usize,
    ) -> Result<Value, GenerateError> {
        let (schema, pointer) = (item_schema(keywords, index), format!("{pointer}/{index}"));
        let mut item = self.value(&schema, extent, &pointer)?;
        if keywords.get("uniqueItems") == Some(&Value::Bool(true)) {
            for _ in 0..MAX_DRAWS {
                if !others.contains(&item) {
                    break;
                }
                item = self.value(&schema, Extent::Random, &pointer)?;
            }
        }
        Ok(item)
    }
}

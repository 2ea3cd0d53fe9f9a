use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Unexpected, Visitor, value::MapAccessDeserializer},
};

/// A value that JSON may write as a string, as an object or as a list.
///
/// Unlike an untagged enum, it reports what is wrong inside an object or an item, with its pointer.
pub enum JsonForm<O, I> {
    /// A string.
    Text(String),
    /// An object, read as one type.
    Object(O),
    /// A list, each item read as another type.
    List(Vec<I>),
}

impl<'de, O: Deserialize<'de>, I: Deserialize<'de>> JsonForm<O, I> {
    /// Reads a value; `expected` says in messages what it may be.
    ///
    /// # Errors
    ///
    /// If it has none of the forms, or the object or an item is not of its type.
    pub fn read<D: Deserializer<'de>>(
        deserializer: D,
        expected: &'static str,
    ) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FormVisitor(expected, PhantomData))
    }

    /// The error for a form that the value may not have.
    pub fn refuse<E: de::Error>(&self, expected: &'static str) -> E {
        let found = match self {
            Self::Text(text) => Unexpected::Str(text),
            Self::Object(_) => Unexpected::Map,
            Self::List(_) => Unexpected::Seq,
        };
        E::invalid_type(found, &expected)
    }
}

struct FormVisitor<O, I>(&'static str, PhantomData<(O, I)>);

impl<'de, O: Deserialize<'de>, I: Deserialize<'de>> Visitor<'de> for FormVisitor<O, I> {
    type Value = JsonForm<O, I>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(JsonForm::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        O::deserialize(MapAccessDeserializer::new(map)).map(JsonForm::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(JsonForm::List(items))
    }
}

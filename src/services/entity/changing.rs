//! What changes entities: create, update, sync, delete, restore.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    change::{Change, Done},
    fault::{refuse, refuse_faults},
    input::{BASES, Input},
    naming::slug,
    store::{Entity, Keeper, Revision, Store},
};
use crate::domain::{Failure, code};

type Changed = Result<Done, Box<Failure>>;

impl Store {
    /// An entity as a create would make it now, its id made where none is given.
    pub fn draft(
        &mut self,
        keeper: &Keeper,
        input: Input<'_>,
        now: &str,
    ) -> Result<(Arc<str>, Revision), Box<Failure>> {
        let id = match input.text("id")? {
            Some(id) => id.into(),
            None => self.free_id(keeper, input.get("name")),
        };
        let revision = Revision::new(&id, input.fields(), 1, now.into(), now.into());
        Ok((id, revision))
    }

    pub fn create(&mut self, keeper: &Keeper, input: Input<'_>, now: &str) -> Changed {
        let (id, first) = self.draft(keeper, input, now)?;
        if self.shelf(keeper).entities.contains_key(&id) {
            let message = format!("{} exists already", keeper.model.called(&id));
            return Err(refuse(keeper.model.already_exists(), "id", message));
        }
        refuse_faults(&self.faults(keeper, first.fields()))?;
        let shelf = self.shelf(keeper);
        shelf
            .entities
            .insert(Arc::clone(&id), Entity::new(first.clone()));
        Ok(Done {
            reply: Arc::clone(&first.content),
            change: Change::Created { id, first },
        })
    }

    /// Merges the fields given into those there are; `also` is set by the service itself.
    pub fn update(
        &mut self,
        keeper: &Keeper,
        input: Input<'_>,
        also: Option<(&str, &str)>,
        now: &str,
    ) -> Changed {
        let (field, id) = input.id()?;
        let before = self.entity(keeper, field, id)?.current.clone();
        for base in BASES {
            if let Some(version) = input.number(base)?
                && version != before.version
            {
                let called = keeper.model.called(id);
                let current = before.version;
                let message = format!("{called} is at version {current}, not {version}");
                return Err(refuse(code::CONCURRENT_MODIFICATION, "version", message));
            }
        }
        let mut fields = before.fields().clone();
        for (name, value) in input.fields() {
            if name != field && !BASES.contains(&name.as_str()) {
                fields.insert(name.clone(), value.clone());
            }
        }
        if let Some((name, value)) = also {
            fields.insert(name.to_owned(), value.into());
        }
        self.change(keeper, id, &before, &fields, now)
    }

    pub fn restore(&mut self, keeper: &Keeper, input: Input<'_>, now: &str) -> Changed {
        let (field, id) = input.id()?;
        let asked = input.number("version")?;
        let entity = self.entity(keeper, field, id)?;
        let current = entity.current.clone();
        let found = match asked {
            None => entity.former.last(),
            Some(version) => entity
                .former
                .iter()
                .chain([&entity.current])
                .find(|revision| revision.version == version),
        };
        let Some(found) = found.cloned() else {
            let called = keeper.model.called(id);
            let asked = asked.map_or_else(
                || format!("before {}", current.version),
                |version| version.to_string(),
            );
            let message = format!("{called} has no version {asked}");
            return Err(refuse(code::VALIDATION_FAILED, "version", message));
        };
        self.change(keeper, id, &current, found.fields(), now)
    }

    pub fn delete(&mut self, keeper: &Keeper, input: Input<'_>) -> Changed {
        let (field, id) = input.id()?;
        let version = self.entity(keeper, field, id)?.current.version;
        self.refuse_dependents(keeper, id)?;
        let removed = self.shelf(keeper).entities.shift_remove_full(id);
        let change = removed.map_or(Change::None, |(position, id, entity)| Change::Deleted {
            id,
            position,
            entity: Box::new(entity),
        });
        let reply = Arc::new(json!({"deleted": true, "id": id, "version": version}));
        Ok(Done { reply, change })
    }

    /// Replaces an entity by its next version with these fields.
    fn change(
        &mut self,
        keeper: &Keeper,
        id: &str,
        before: &Revision,
        fields: &Map<String, Value>,
        now: &str,
    ) -> Changed {
        let created_at = before.fields().get("createdAt").cloned();
        let after = Revision::new(
            id,
            fields,
            before.version + 1,
            created_at.unwrap_or_else(|| now.into()),
            now.into(),
        );
        refuse_faults(&self.faults(keeper, after.fields()))?;
        self.entity(keeper, "id", id)?.change_to(after.clone());
        Ok(Done {
            reply: Arc::clone(&after.content),
            change: Change::Updated {
                id: id.into(),
                after,
            },
        })
    }

    /// An id that is not taken: of the name, else of the entity's name and a number.
    fn free_id(&mut self, keeper: &Keeper, name: Option<&Value>) -> Arc<str> {
        let shelf = self.shelf(keeper);
        let taken = |id: &str| shelf.entities.contains_key(id);
        let base = slug(name.and_then(Value::as_str).unwrap_or_default());
        let (stem, from) = match base.as_str() {
            "" => (keeper.model.stem.as_str(), 1),
            base if !taken(base) => return base.into(),
            base => (base, 2),
        };
        let numbered = (from..).map(|number| format!("{stem}-{number}"));
        let mut free = numbered.skip_while(|id| taken(id));
        free.next().unwrap_or_default().into()
    }
}

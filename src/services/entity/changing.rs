//! Operations that change entities: create, update, delete, restore.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    input::{BASES, Input, refuse_faults},
    naming::slug,
    revision::{Entity, EntityChange, Revision},
    store::{EntityType, Store},
    undo::Performed,
};
use crate::{
    domain::{Failure, code},
    services::refused,
};

type Changed = Result<Performed, Box<Failure>>;

impl Store {
    /// An entity as a create would make it now; an absent id is generated.
    pub fn draft(
        &mut self,
        owner: &EntityType,
        input: Input<'_>,
        now: &str,
    ) -> Result<(Arc<str>, Revision), Box<Failure>> {
        let id = match input.text("id")? {
            Some(id) => id.into(),
            None => self.free_id(owner, input.get("name")),
        };
        let revision = Revision::new(&id, input.fields(), 1, now.into(), now.into());
        Ok((id, revision))
    }

    pub fn create(&mut self, owner: &EntityType, input: Input<'_>, now: &str) -> Changed {
        let (id, first) = self.draft(owner, input, now)?;
        if self.table(owner).entities.contains_key(&id) {
            let message = format!("{} exists already", owner.model.called(&id));
            return Err(refused(owner.model.already_exists(), "id", message));
        }
        refuse_faults(self.faults(owner, first.fields()))?;
        let table = self.table(owner);
        table
            .entities
            .insert(Arc::clone(&id), Entity::new(first.clone()));
        Ok(Performed {
            reply: Arc::clone(&first.content),
            change: EntityChange::Created { id, first },
        })
    }

    /// Merges the given fields, and those that the operation sets, into the entity.
    pub fn update(
        &mut self,
        owner: &EntityType,
        input: Input<'_>,
        sets: &Map<String, Value>,
        now: &str,
    ) -> Changed {
        let (field, id) = input.id()?;
        let before = self.entity(owner, field, id)?.current.clone();
        for base in BASES {
            if let Some(version) = input.number(base)?
                && version != before.version
            {
                let called = owner.model.called(id);
                let current = before.version;
                let message = format!("{called} is at version {current}, not {version}");
                return Err(refused(code::CONCURRENT_MODIFICATION, "version", message));
            }
        }
        let mut fields = before.fields().clone();
        for (name, value) in input.fields() {
            if name != field && !BASES.contains(&name.as_str()) {
                fields.insert(name.clone(), value.clone());
            }
        }
        fields.extend(sets.clone());
        self.change(owner, id, &before, &fields, now)
    }

    pub fn restore(&mut self, owner: &EntityType, input: Input<'_>, now: &str) -> Changed {
        let (field, id) = input.id()?;
        let requested = input.number("version")?;
        let entity = self.entity(owner, field, id)?;
        let current = entity.current.clone();
        let found = match requested {
            None => entity.former.last(),
            Some(version) => entity
                .former
                .iter()
                .chain([&entity.current])
                .find(|revision| revision.version == version),
        };
        let Some(found) = found.cloned() else {
            let called = owner.model.called(id);
            let requested = requested.map_or_else(
                || format!("before {}", current.version),
                |version| version.to_string(),
            );
            let message = format!("{called} has no version {requested}");
            return Err(refused(code::VALIDATION_FAILED, "version", message));
        };
        self.change(owner, id, &current, found.fields(), now)
    }

    pub fn delete(&mut self, owner: &EntityType, input: Input<'_>) -> Changed {
        let (field, id) = input.id()?;
        let version = self.entity(owner, field, id)?.current.version;
        self.refuse_dependents(owner, id)?;
        let removed = self.table(owner).entities.shift_remove_full(id);
        let change = removed.map_or(EntityChange::None, |(position, id, entity)| {
            EntityChange::Deleted {
                id,
                position,
                entity: Box::new(entity),
            }
        });
        let reply = Arc::new(json!({"deleted": true, "id": id, "version": version}));
        Ok(Performed { reply, change })
    }

    /// Replaces an entity by its next version with these fields.
    fn change(
        &mut self,
        owner: &EntityType,
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
        refuse_faults(self.faults(owner, after.fields()))?;
        self.entity(owner, "id", id)?.change_to(after.clone());
        Ok(Performed {
            reply: Arc::clone(&after.content),
            change: EntityChange::Updated {
                id: id.into(),
                after,
            },
        })
    }

    /// A free id: the slug of the name, else the entity's name with a number.
    fn free_id(&mut self, owner: &EntityType, name: Option<&Value>) -> Arc<str> {
        let table = self.table(owner);
        let taken = |id: &str| table.entities.contains_key(id);
        let base = slug(name.and_then(Value::as_str).unwrap_or_default());
        let (stem, from) = match base.as_str() {
            "" => (owner.model.stem.as_str(), 1),
            base if !taken(base) => return base.into(),
            base => (base, 2),
        };
        let numbered = (from..).map(|number| format!("{stem}-{number}"));
        let mut free = numbered.skip_while(|id| taken(id));
        free.next().unwrap_or_default().into()
    }
}

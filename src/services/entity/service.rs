use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{
    input::{Input, retried_input, undo_target},
    model::EntityDefinition,
    revision::KeyedChange,
    store::{Entities, EntityType},
    undo::{Performed, undone},
};
use crate::{
    domain::{Call, Failure, Key, Reply, Violation, code},
    services::{
        CallResult, CodeDefinition, EffectDecision, Effects, EntityOperation, OperationDefinition,
        Service, ServiceDefinition,
    },
};

/// A service that keeps entities as its definition says: with a schema, versions, references and
/// reservations. Every change is made once per key, and undone by key.
///
/// Its operations, by kind. An entity is named by `id`, or as others refer to it, such as `agentId`.
/// The reply to a change is the new entity, with `version`, `createdAt` and `updatedAt`.
///
/// | kind | effect and reply | fails with |
/// |---|---|---|
/// | `validate` | an entity, or a stored one by its id alone: `{isValid: true, errors: [], id?, version?}` | `VALIDATION_FAILED`, `INVALID_REFERENCE`, `<ENTITY>_NOT_FOUND` |
/// | `batchValidate` | each of `items`: `{isValid, results: [{isValid, errors: [{field, message, code}], id?}]}` | `VALIDATION_FAILED` without items |
/// | `create` | at version 1; a missing id is generated from the name | as `validate`, `<ENTITY>_ALREADY_EXISTS` |
/// | `get` | the entity, or null | |
/// | `list` | `{total, items}`, those whose fields match `filter` | |
/// | `update` | replaces the given fields, and those that the operation `sets`; `version` or `expectedVersion` is the one it is based on | as `validate`, `CONCURRENT_MODIFICATION` |
/// | `restore` | a new version with the content of `version`, else of the previous one | as `validate` |
/// | `delete` | `{deleted, id, version}` | `REFERENTIAL_INTEGRITY_VIOLATION`, `<ENTITY>_NOT_FOUND` |
/// | `reserve` | `{reservationId, id, version}` | `<ENTITY>_RESERVED`, `<ENTITY>_NOT_FOUND` |
/// | `release` | by `reservationId` or id: `{released}` | |
/// | `suggest` | `{suggestions: [{id, name, similarity}]}` of at least `similarityThreshold` (0.8), at most `max` (3), best first | |
///
/// A validation that finds faults fails, so that a workflow stops there: with the code and field of
/// the first fault, all messages, and, if there are several, each as a cause.
///
/// A recovery, whose input is `{ "input", "error" }`, is handled like that `input`; after
/// `CONCURRENT_MODIFICATION` it is based on the current version.
///
/// An undo reverts what was done under its key, whatever the kind of the operation it calls. It fails
/// rather than lose a later change; the undo of a creation removes the entity whatever its version,
/// unless others depend on it. To compensate another service's call, the operation acts by its kind on
/// the ids in that call's input and reply.
#[derive(Debug)]
pub struct EntityService {
    definition: Arc<ServiceDefinition>,
    owner: EntityType,
    entities: Entities,
    effects: Effects,
}

impl EntityService {
    /// A service with a definition, and its `entity` section.
    ///
    /// # Errors
    ///
    /// As for [`ServiceDefinition::check`].
    pub fn new(
        definition: Arc<ServiceDefinition>,
        entity: &EntityDefinition,
        entities: Entities,
        effects: Effects,
    ) -> Result<Self, Violation> {
        super::check(entity, &definition)?;
        let owner = EntityType {
            service: definition.name.as_str().into(),
            model: entity.model()?,
        };
        entities.add_service(&owner.service, Arc::clone(&owner.model));
        Ok(Self {
            definition,
            owner,
            entities,
            effects,
        })
    }

    fn answer(&self, call: &Call) -> Result<Arc<Value>, Box<Failure>> {
        let operation = self.definition.operation(call.name().operation());
        let Some((operation, kind)) =
            operation.and_then(|known| Some((known, known.kind?.entity?)))
        else {
            let message = format!("{} does not exist", call.name());
            return Err(Box::new(Failure::new(code::OPERATION_NOT_FOUND, message)));
        };
        let perform = |input: &Value| self.perform(kind, &operation.sets, input);
        if kind.reads_only() {
            let performed = perform(&call.input)?;
            return Ok(with_fields(operation, performed.reply));
        }
        self.effects.once(call, |decision| {
            let reply = self.change(kind, call, decision, perform)?;
            Ok(with_fields(operation, reply))
        })
    }

    fn change(
        &self,
        kind: EntityOperation,
        call: &Call,
        decision: EffectDecision,
        perform: impl Fn(&Value) -> Result<Performed, Box<Failure>>,
    ) -> Result<Arc<Value>, Box<Failure>> {
        match (decision, &call.key) {
            (EffectDecision::Nothing, _) => Ok(undone(kind, None, None)),
            (EffectDecision::Undo, Some(key)) => {
                let mut store = self.entities.lock();
                if let Some(reply) = store.undo(&self.owner, key.subject(), kind)? {
                    return Ok(reply);
                }
                drop(store);
                let target = undo_target(&call.input, &self.owner.model.alias);
                Ok(perform(target.as_ref().unwrap_or(&call.input))?.reply)
            }
            (EffectDecision::Undo | EffectDecision::Act, key) => {
                let performed = perform(&call.input)?;
                if let Some(Key::Do(key)) = key {
                    let change = KeyedChange {
                        service: Arc::clone(&self.owner.service),
                        change: performed.change,
                    };
                    let mut store = self.entities.lock();
                    store.changes.insert(key.clone(), change);
                }
                Ok(performed.reply)
            }
        }
    }

    fn perform(
        &self,
        kind: EntityOperation,
        sets: &Map<String, Value>,
        input: &Value,
    ) -> Result<Performed, Box<Failure>> {
        use EntityOperation as K;
        let owner = &self.owner;
        let original = retried_input(input);
        let input = Input::new(original.as_ref().unwrap_or(input), &owner.model.alias)?;
        let now = &self.entities.now();
        let mut store = self.entities.lock();
        let reply = match kind {
            K::Create => return store.create(owner, input, now),
            K::Update => return store.update(owner, input, sets, now),
            K::Restore => return store.restore(owner, input, now),
            K::Delete => return store.delete(owner, input),
            K::Reserve => return store.reserve(owner, input),
            K::Release => return store.release(owner, input),
            K::Validate => store.validate(owner, input, now)?,
            K::BatchValidate => store.batch_validate(owner, input, now)?,
            K::Get => store.get(owner, input)?,
            K::List => store.list(owner, input)?,
            K::Suggest => store.suggest(owner, input)?,
        };
        Ok(Performed::read(reply))
    }

    /// Adds where a failure happened, and classifies its code as this service defines it.
    fn settle(&self, failure: &mut Failure, call: &Call) {
        (failure.mode, failure.retryable) = self.classify(&failure.code);
        failure.service = Some(call.name().service().into());
        failure.operation = Some(call.name().operation().into());
        for cause in &mut failure.causes {
            self.settle(cause, call);
        }
    }
}

#[async_trait]
impl Service for EntityService {
    fn name(&self) -> &str {
        &self.definition.name
    }

    fn definition(&self) -> Option<&ServiceDefinition> {
        Some(&self.definition)
    }

    fn codes(&self) -> Option<Vec<(&str, &CodeDefinition)>> {
        let own = self.definition.codes.iter();
        // The definition's own come first, so that it can override the others.
        let all = own.chain(self.owner.model.codes.iter().map(|(code, own)| (code, own)));
        Some(all.map(|(code, own)| (code.as_str(), own)).collect())
    }

    async fn call(&self, call: &Call) -> CallResult {
        let answer = self.answer(call).map(Reply::new);
        answer.map_err(|mut failure| {
            self.settle(&mut failure, call);
            failure
        })
    }
}

/// A reply with the fields that the operation's definition adds; it replaces none.
fn with_fields(operation: &OperationDefinition, reply: Arc<Value>) -> Arc<Value> {
    let (Some(added), Value::Object(own)) = (operation.reply.as_deref(), &*reply) else {
        return reply;
    };
    let added = added.as_object().into_iter().flatten();
    let mut fields: Map<String, Value> = own.clone();
    for (name, value) in added {
        fields.entry(name).or_insert_with(|| value.clone());
    }
    Arc::new(Value::Object(fields))
}

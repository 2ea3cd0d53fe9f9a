use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{
    change::{Deed, Done, undone},
    definition::EntityDefinition,
    input::{Input, asked_again, spoken_of},
    store::{Entities, Keeper},
};
use crate::{
    domain::{Call, Failure, Key, Reply, Violation, code},
    services::{
        CallResult, CodeDefinition, Due, Effects, OperationDefinition, OperationKind, Service,
        ServiceDefinition,
    },
};

/// A service that keeps entities as its definition says: with a schema, versions, references,
/// reservations, and every change once per key and taken back by key.
///
/// What its operations answer, by kind. An entity is named by `id`, or as others refer to it, such
/// as `agentId`. A change replies the entity as it is then, with `version`, `createdAt`, `updatedAt`.
///
/// | kind | does and answers | refuses with |
/// |---|---|---|
/// | `validate` | an entity, or a stored one by its id alone: `{isValid: true, errors: [], id?, version?}` | `VALIDATION_FAILED`, `INVALID_REFERENCE`, `<ENTITY>_NOT_FOUND` |
/// | `batchValidate` | each of `items`: `{isValid, results: [{isValid, errors: [{field, message, code}], id?}]}` | `VALIDATION_FAILED` without items |
/// | `create` | at version 1; an absent id is made of the name | as `validate`, `<ENTITY>_ALREADY_EXISTS` |
/// | `get` | the entity, or null | |
/// | `list` | `{total, items}`, those whose fields are as `filter` says | |
/// | `update` | replaces the fields given; `version` or `expectedVersion` is the one it is based on | as `validate`, `CONCURRENT_MODIFICATION` |
/// | `sync` | as `update`, and sets `syncStatus` to `synchronized` | as `update` |
/// | `restore` | a new version with the content of `version`, else of the one before | as `validate` |
/// | `delete` | `{deleted, id, version}` | `REFERENTIAL_INTEGRITY_VIOLATION`, `<ENTITY>_NOT_FOUND` |
/// | `reserve` | `{reservationId, id, version}` | `<ENTITY>_RESERVED`, `<ENTITY>_NOT_FOUND` |
/// | `release` | by `reservationId` or id: `{released}` | |
/// | `suggest` | `{suggestions: [{id, name, similarity}]}` of at least `similarityThreshold` (0.8), at most `max` (3), best first | |
///
/// A validation that finds faults fails, so that a workflow stops there: with the code and field of
/// the first fault, the messages of all, and each of several as a cause.
///
/// A recovery, which is sent `{ "input", "error" }`, is answered as the input in it would be; after
/// `CONCURRENT_MODIFICATION` it is based on what is there now.
///
/// An undo takes back what was done under its key, whatever the kind of the operation it calls. That
/// of a change fails rather than lose what others have changed since; that of a creation removes the
/// entity, which should never have been, unless others rely on it by now. Where the deed was another service's, the
/// operation acts by its kind on the ids in the deed's input and reply.
#[derive(Debug)]
pub struct EntityService {
    definition: Arc<ServiceDefinition>,
    keeper: Keeper,
    entities: Entities,
    effects: Effects,
}

impl EntityService {
    /// A service by its definition, with `entity`, which is its section of that name.
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
        let keeper = Keeper {
            service: definition.name.as_str().into(),
            model: entity.model()?,
        };
        entities.add_service(&keeper.service, Arc::clone(&keeper.model));
        Ok(Self {
            definition,
            keeper,
            entities,
            effects,
        })
    }

    fn answer(&self, call: &Call) -> Result<Arc<Value>, Box<Failure>> {
        let operation = self.definition.operation(call.name().operation());
        let Some((operation, kind)) = operation.and_then(|known| Some((known, known.kind?))) else {
            let message = format!("{} does not exist", call.name());
            return Err(Box::new(Failure::new(code::OPERATION_NOT_FOUND, message)));
        };
        if kind.reads_only() {
            let done = self.perform(kind, &call.input)?;
            return Ok(with_fields(operation, done.reply));
        }
        self.effects.once(call, |due| {
            let reply = self.change(kind, call, due)?;
            Ok(with_fields(operation, reply))
        })
    }

    fn change(
        &self,
        kind: OperationKind,
        call: &Call,
        due: Due,
    ) -> Result<Arc<Value>, Box<Failure>> {
        match (due, &call.key) {
            (Due::Nothing, _) => Ok(undone(kind, None, None)),
            (Due::Undo, Some(key)) => {
                let taken_back =
                    self.entities
                        .lock()
                        .take_back(&self.keeper, key.subject(), kind)?;
                if let Some(reply) = taken_back {
                    return Ok(reply);
                }
                let spoken_of = spoken_of(&call.input, &self.keeper.model.alias);
                let input = spoken_of.as_ref().unwrap_or(&call.input);
                Ok(self.perform(kind, input)?.reply)
            }
            (Due::Undo | Due::Act, key) => {
                let done = self.perform(kind, &call.input)?;
                if let Some(Key::Do(key)) = key {
                    let deed = Deed {
                        service: Arc::clone(&self.keeper.service),
                        change: done.change,
                    };
                    self.entities.lock().deeds.insert(Arc::clone(key), deed);
                }
                Ok(done.reply)
            }
        }
    }

    fn perform(&self, kind: OperationKind, input: &Value) -> Result<Done, Box<Failure>> {
        use OperationKind as K;
        let keeper = &self.keeper;
        let again = asked_again(input);
        let input = Input::new(again.as_ref().unwrap_or(input), &keeper.model.alias)?;
        let now = &self.entities.now();
        let mut store = self.entities.lock();
        let reply = match kind {
            K::Create => return store.create(keeper, input, now),
            K::Update => return store.update(keeper, input, None, now),
            K::Sync => {
                let synchronized = Some(("syncStatus", "synchronized"));
                return store.update(keeper, input, synchronized, now);
            }
            K::Restore => return store.restore(keeper, input, now),
            K::Delete => return store.delete(keeper, input),
            K::Reserve => return store.reserve(keeper, input),
            K::Release => return store.release(keeper, input),
            K::Validate => store.validate(keeper, input, now)?,
            K::BatchValidate => store.batch_validate(keeper, input, now)?,
            K::Get => store.get(keeper, input)?,
            K::List => store.list(keeper, input)?,
            K::Suggest => store.suggest(keeper, input)?,
            // Refused when the definition was checked.
            K::Exists | K::Describe | K::Permit => {
                let message = "nothing of the kind can be done to entities";
                return Err(Box::new(Failure::new(code::OPERATION_NOT_FOUND, message)));
            }
        };
        Ok(Done::read(reply))
    }

    /// Says where a failure happened, and what its code means here.
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
        // The definition's own come first, so that it can say more of the others too.
        let all = own.chain(
            self.keeper
                .model
                .codes
                .iter()
                .map(|(code, own)| (code, own)),
        );
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

/// A reply with the fields that the operation's definition adds; what is there already stays.
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

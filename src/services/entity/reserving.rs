//! Operations that reserve entities for one caller: reserve, release.

use std::sync::Arc;

use serde_json::json;

use super::{
    input::Input,
    revision::{Entity, EntityChange},
    store::{EntityType, Store},
    undo::{Performed, undone},
};
use crate::{
    domain::Failure,
    services::{EntityOperation, refused},
};

impl Store {
    pub fn reserve(
        &mut self,
        owner: &EntityType,
        input: Input<'_>,
    ) -> Result<Performed, Box<Failure>> {
        let (field, id) = input.id()?;
        let number = self.table(owner).reservations + 1;
        let reservation: Arc<str> = format!("{}-reservation-{number}", owner.model.stem).into();
        let entity = self.entity(owner, field, id)?;
        entity.reserve(owner, id, Arc::clone(&reservation))?;
        let version = entity.current.version;
        self.table(owner).reservations = number;
        Ok(Performed {
            reply: Arc::new(json!({
                "reservationId": &*reservation,
                "id": id,
                "version": version,
            })),
            change: EntityChange::Reserved {
                id: id.into(),
                reservation,
            },
        })
    }

    /// Releases by reservation or by id; changes nothing if not reserved.
    pub fn release(
        &mut self,
        owner: &EntityType,
        input: Input<'_>,
    ) -> Result<Performed, Box<Failure>> {
        let requested = input.text("reservationId")?;
        let id = match requested {
            None => Some(input.id()?.1),
            Some(_) => input
                .id_field()
                .map(|_| input.id())
                .transpose()?
                .map(|(_, id)| id),
        };
        let is_meant = |own: &str, entity: &Entity| {
            let held = entity.reservation.as_deref();
            held.is_some()
                && requested.is_none_or(|requested| held == Some(requested))
                && id.is_none_or(|id| id == own)
        };
        let entities = &mut self.table(owner).entities;
        let meant = entities
            .iter_mut()
            .find(|(own, entity)| is_meant(own, entity));
        let released =
            meant.and_then(|(id, entity)| Some((Arc::clone(id), entity.reservation.take()?)));
        let Some((id, reservation)) = released else {
            return Ok(Performed {
                reply: undone(EntityOperation::Release, None, None),
                change: EntityChange::None,
            });
        };
        Ok(Performed {
            reply: Arc::new(json!({
                "released": true,
                "reservationId": &*reservation,
                "id": &*id,
            })),
            change: EntityChange::Released { id, reservation },
        })
    }
}

impl Entity {
    /// Reserves it.
    ///
    /// # Errors
    ///
    /// If it is already reserved.
    pub fn reserve(
        &mut self,
        owner: &EntityType,
        id: &str,
        reservation: Arc<str>,
    ) -> Result<(), Box<Failure>> {
        if let Some(other) = &self.reservation {
            let message = format!("{} is reserved by {other}", owner.model.called(id));
            return Err(refused(owner.model.reserved(), "id", message));
        }
        self.reservation = Some(reservation);
        Ok(())
    }
}

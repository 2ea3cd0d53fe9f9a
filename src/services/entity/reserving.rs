//! What holds entities for one caller: reserve, release.

use std::sync::Arc;

use serde_json::json;

use super::{
    change::{Change, Done, undone},
    fault::refuse,
    input::Input,
    store::{Entity, Keeper, Store},
};
use crate::{domain::Failure, services::OperationKind};

impl Store {
    pub fn reserve(&mut self, keeper: &Keeper, input: Input<'_>) -> Result<Done, Box<Failure>> {
        let (field, id) = input.id()?;
        let number = self.shelf(keeper).reservations + 1;
        let reservation: Arc<str> = format!("{}-reservation-{number}", keeper.model.stem).into();
        let entity = self.entity(keeper, field, id)?;
        entity.reserve(keeper, id, Arc::clone(&reservation))?;
        let version = entity.current.version;
        self.shelf(keeper).reservations = number;
        Ok(Done {
            reply: Arc::new(json!({
                "reservationId": &*reservation,
                "id": id,
                "version": version,
            })),
            change: Change::Reserved {
                id: id.into(),
                reservation,
            },
        })
    }

    /// Releases by reservation or by id; what is not reserved stays so.
    pub fn release(&mut self, keeper: &Keeper, input: Input<'_>) -> Result<Done, Box<Failure>> {
        let asked = input.text("reservationId")?;
        let id = match asked {
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
                && asked.is_none_or(|asked| held == Some(asked))
                && id.is_none_or(|id| id == own)
        };
        let entities = &mut self.shelf(keeper).entities;
        let meant = entities
            .iter_mut()
            .find(|(own, entity)| is_meant(own, entity));
        let released =
            meant.and_then(|(id, entity)| Some((Arc::clone(id), entity.reservation.take()?)));
        let Some((id, reservation)) = released else {
            return Ok(Done {
                reply: undone(OperationKind::Release, None, None),
                change: Change::None,
            });
        };
        Ok(Done {
            reply: Arc::new(json!({
                "released": true,
                "reservationId": &*reservation,
                "id": &*id,
            })),
            change: Change::Released { id, reservation },
        })
    }
}

impl Entity {
    /// Holds it under a reservation.
    ///
    /// # Errors
    ///
    /// If another one holds it.
    pub fn reserve(
        &mut self,
        keeper: &Keeper,
        id: &str,
        reservation: Arc<str>,
    ) -> Result<(), Box<Failure>> {
        if let Some(other) = &self.reservation {
            let message = format!("{} is reserved by {other}", keeper.model.called(id));
            return Err(refuse(keeper.model.reserved(), "id", message));
        }
        self.reservation = Some(reservation);
        Ok(())
    }
}

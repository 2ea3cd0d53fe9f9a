use std::sync::Arc;

use super::request::{Refusal, Target};
use crate::{
    domain::did_you_mean,
    services::{HttpRoute, Service},
};

/// Where the operations of a service are found.
pub(super) struct Routes {
    service: Arc<str>,
    /// Each with its operation.
    routes: Vec<(HttpRoute, String)>,
    /// Whether any other name is an operation too.
    is_open: bool,
}

impl Routes {
    pub fn of(service: &dyn Service) -> Self {
        let definition = service.definition();
        let own = |operation: &str| {
            let definition = definition.and_then(|definition| definition.operation(operation));
            definition.and_then(|operation| operation.http.clone())
        };
        let operations = service.operations();
        let is_open = operations.is_none();
        let routes = operations.into_iter().flatten().map(|operation| {
            let route = own(operation).unwrap_or_else(|| HttpRoute::default_of(operation));
            (route, operation.to_owned())
        });
        Self {
            service: service.name().into(),
            routes: routes.collect(),
            is_open,
        }
    }

    /// The operation that a request is for, and the fields in its path.
    ///
    /// # Errors
    ///
    /// If it is for none, with the nearest route.
    pub fn find(&self, target: &Target) -> Result<(String, Vec<(String, String)>), Refusal> {
        let matching = |(route, operation): &'_ (HttpRoute, String)| {
            let fields = route.matches(&target.method, &target.path)?;
            let owned = |(name, text): (&str, String)| (name.to_owned(), text);
            let fields = fields.into_iter().map(owned).collect();
            Some((route.literals(), operation.clone(), fields))
        };
        let found = self.routes.iter().filter_map(matching);
        if let Some((_, operation, fields)) = found.max_by_key(|(literals, ..)| *literals) {
            return Ok((operation, fields));
        }
        if let ([operation], true) = (&*target.path, self.is_open)
            && target.method == "POST"
            && !operation.is_empty()
        {
            return Ok((operation.clone(), Vec::new()));
        }
        let asked = target.to_string();
        let known: Vec<String> = self
            .routes
            .iter()
            .map(|(route, _)| route.to_string())
            .collect();
        let hint = match self.is_open {
            true => "expected POST /<operation>".to_owned(),
            false => did_you_mean(&asked, known.iter().map(String::as_str)),
        };
        let same_path =
            |(route, _): &&(HttpRoute, String)| route.matches_path(&target.path).is_some();
        let status = match self.routes.iter().find(same_path) {
            Some(_) => 405,
            None => 404,
        };
        Err(Refusal {
            status,
            message: format!("{} has no {asked}: {hint}", self.service),
        })
    }
}

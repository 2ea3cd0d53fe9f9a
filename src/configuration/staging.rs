//! Operations that lead configurations through their lives, and the guards of each transition.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    aggregate::ConfigurationCommand,
    configurations::Configurations,
    definition::input,
    lifecycle::{ConfigurationStage, Guard, Lifecycle},
};
use crate::{clock::Clock, domain::Failure, services::refuse_faults};

/// The stages that operations lead to, by their names.
const OPERATIONS: [(&str, ConfigurationStage); 3] = [
    ("activateConfiguration", ConfigurationStage::ActiveUsage),
    ("markAsDeprecated", ConfigurationStage::Deprecation),
    ("archiveConfiguration", ConfigurationStage::Archival),
];

/// The stage that an operation leads to.
pub(super) fn stage_of(operation: &str) -> Option<ConfigurationStage> {
    let found = OPERATIONS.into_iter().find(|(name, _)| *name == operation);
    found.map(|(_, stage)| stage)
}

impl Configurations {
    pub(super) async fn change_stage(
        &self,
        command: &Arc<str>,
        stage: ConfigurationStage,
        value: &Value,
    ) -> Result<Map<String, Value>, Box<Failure>> {
        let input = input(value)?;
        let (_, id) = input.id()?;
        let history = self.history(id).await?;
        // One that does not exist is refused by the command.
        let none = Map::new();
        let current = history.current().unwrap_or(&none);
        let before = Lifecycle::of(current).unwrap_or_default();
        let given = |name: &str| Ok::<_, Box<Failure>>(input.text(name)?.map(Arc::from));
        let lifecycle = Lifecycle {
            stage,
            migration_path: given("migrationPath")?.or(before.migration_path.clone()),
            sunset_date: given("sunsetDate")?.or(before.sunset_date.clone()),
        };
        if history.current().is_some() {
            before.check_next(stage)?;
            let mut refusals = Vec::new();
            for guard in Guard::of(stage) {
                let broken = self.broken(*guard, id, current, &lifecycle).await?;
                refusals.extend(broken.map(|why| guard.refusal(&why)));
            }
            refuse_faults(refusals)?;
        }
        let change = ConfigurationCommand::ChangeStage { lifecycle };
        self.handle(command, id, change).await
    }

    /// Why a guard does not hold.
    async fn broken(
        &self,
        guard: Guard,
        id: &str,
        current: &Map<String, Value>,
        lifecycle: &Lifecycle,
    ) -> Result<Option<String>, Box<Failure>> {
        let now = Clock::instant(self.client.timeline().now());
        Ok(match guard {
            Guard::AllReferencesValid => {
                let dangling = self.dangling(id, current).await?;
                let listed = dangling.iter();
                let listed = listed.map(|fault| {
                    let field = fault.field.as_deref().unwrap_or_default();
                    format!("{field}: {}", fault.message)
                });
                let listed: Vec<String> = listed.collect();
                (!listed.is_empty()).then(|| listed.join("; "))
            }
            Guard::ConfigurationComplete => {
                let is_missing = |field: &&String| {
                    let value = current.get(*field);
                    value.is_none_or(|value| value.is_null() || *value == "")
                };
                let missing = self.rules.complete.iter().filter(is_missing);
                let missing: Vec<String> = missing.map(|field| format!("{field:?}")).collect();
                (!missing.is_empty()).then(|| format!("it has no {}", missing.join(", ")))
            }
            Guard::MigrationPathDefined => {
                let is_missing = lifecycle.migration_path.is_none();
                is_missing.then(|| "it has no \"migrationPath\"".to_owned())
            }
            Guard::SunsetDateValid => match (&lifecycle.sunset_date, lifecycle.sunset()) {
                (None, _) => Some("it has no \"sunsetDate\"".to_owned()),
                (Some(date), None) => Some(format!("{date:?} is not a valid timestamp")),
                (Some(date), Some(sunset)) => {
                    (sunset <= now).then(|| format!("{date} is in the past"))
                }
            },
            Guard::DeprecationPeriodExpired => {
                let sunset = lifecycle.sunset().filter(|sunset| now < *sunset);
                let date = lifecycle.sunset_date.as_deref().unwrap_or_default();
                sunset.map(|_| format!("it may be used until {date}"))
            }
            Guard::NoActiveUsage => self
                .refuse_dependents(id)
                .await
                .err()
                .map(|used| used.message),
        })
    }
}

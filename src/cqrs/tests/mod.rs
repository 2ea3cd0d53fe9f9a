#[cfg(feature = "sqlite")]
mod agreement;
#[cfg(feature = "sqlite")]
mod files;
mod handling;
mod schedules;
mod stores;

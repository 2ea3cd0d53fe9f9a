mod agreement;
mod files;
mod handling;
mod stores;

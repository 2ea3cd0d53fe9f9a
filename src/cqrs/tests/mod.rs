mod handling;
mod stores;

mod checks;
mod publishing;
mod rig;
mod schedules;
mod subscribing;

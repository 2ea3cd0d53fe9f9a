mod publishing;
mod rig;
mod schedules;
mod stubborn_bus;
mod subscribing;

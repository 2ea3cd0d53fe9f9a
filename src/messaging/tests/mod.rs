mod rig;
mod schedules;
mod stubborn_bus;

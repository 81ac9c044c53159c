mod agent;
mod causes;
mod kill_points;
mod policy;
mod recovery;
mod rig;
mod spec;
mod tasks;

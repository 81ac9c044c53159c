pub mod accept_admin;
pub mod initialize;
pub mod propose_admin;
pub mod set_arbiter;
pub mod set_parameters;
pub mod set_paused;
pub mod set_scheduler;
pub mod set_treasury;

mod accept_admin;
mod initialize;
mod propose_admin;
mod set_arbiter;
mod set_parameters;
mod set_paused;
mod set_scheduler;
mod set_treasury;

pub use accept_admin::*;
pub use initialize::*;
pub use propose_admin::*;
pub use set_arbiter::*;
pub use set_parameters::*;
pub use set_paused::*;
pub use set_scheduler::*;
pub use set_treasury::*;
